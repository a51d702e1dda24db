// SPDX-License-Identifier: Apache-2.0
#include "common/kube/json_framer.h"

#include <gtest/gtest.h>

namespace seccompd::kube {
namespace {

using Objects = std::vector<std::string>;

const std::string kStream =
    "{\"type\":\"ADDED\",\"object\":{\"a\":[1,{}],\"s\":\"}{\\\"]\\\\\"}}\n{} \r\n\t{\"k\":\"\"}";
const Objects kObjects = {"{\"type\":\"ADDED\",\"object\":{\"a\":[1,{}],\"s\":\"}{\\\"]\\\\\"}}",
                          "{}", "{\"k\":\"\"}"};

TEST(JsonFramer, FindsTheSameObjectsAtEverySplit) {
  for (std::size_t first = 0; first <= kStream.size(); ++first) {
    for (std::size_t second = first; second <= kStream.size(); ++second) {
      JsonFramer framer;
      Objects all;
      for (const std::string& chunk :
           {kStream.substr(0, first), kStream.substr(first, second - first),
            kStream.substr(second)}) {
        const auto objects = framer.Feed(chunk);
        ASSERT_TRUE(objects);
        all.insert(all.end(), objects->begin(), objects->end());
      }
      ASSERT_EQ(all, kObjects) << first << " " << second;
      ASSERT_EQ(framer.pending(), 0U);
    }
  }
}

TEST(JsonFramer, ByteByByteIsTheSame) {
  JsonFramer framer;
  Objects all;
  for (const char c : kStream) {
    const auto objects = framer.Feed(std::string_view(&c, 1));
    ASSERT_TRUE(objects);
    all.insert(all.end(), objects->begin(), objects->end());
  }
  EXPECT_EQ(all, kObjects);
}

TEST(JsonFramer, WhatIsNoObjectIsAnError) {
  for (const char* text : {"x", "[1]", "\"a\"", "{}1", "{}}"}) {
    EXPECT_FALSE(JsonFramer().Feed(text)) << text;
  }
}

TEST(JsonFramer, OneObjectIsBoundedTheStreamIsNot) {
  const std::string object = "{\"k\":\"" + std::string(50, 'a') + "\"}";
  JsonFramer framer(100);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(framer.Feed(object)->size(), 1U);
  EXPECT_EQ(JsonFramer(object.size()).Feed(object)->size(), 1U);
  EXPECT_EQ(JsonFramer(object.size() - 1).Feed(object).error().code,
            base::ErrorCode::kResourceExhausted);
  JsonFramer slow(100);
  base::Result<Objects> last;
  for (int i = 0; i < 101 && last; ++i) last = slow.Feed(i == 0 ? "{" : " ");
  EXPECT_FALSE(last);
}

TEST(JsonFramer, TellsThatAStreamWasCut) {
  JsonFramer framer;
  ASSERT_TRUE(framer.Feed("{} {\"a\":"));
  EXPECT_EQ(framer.pending(), 5U);
}

}  // namespace
}  // namespace seccompd::kube
