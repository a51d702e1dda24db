// SPDX-License-Identifier: Apache-2.0
#include "common/kube/list_framer.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace seccompd::kube {
namespace {

using Items = std::vector<std::string>;
using test_support::IsError;

constexpr std::string_view kList =
    R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"42","continue":"c\"}"},)"
    R"( "x":[1,"]",{"a":null}], "n":-1.5e3, "items": [ {"a":"}{\\\""} , {"b":{"c":[]}} ],"t":true})";

TEST(ListFramer, GivesItemsAndMetadataHoweverTheChunksEnd) {
  for (std::size_t size = 1; size <= kList.size(); ++size) {
    ListFramer framer;
    Items items;
    for (std::size_t at = 0; at < kList.size(); at += size) {
      const auto fed = framer.Feed(kList.substr(at, size));
      ASSERT_TRUE(fed.has_value()) << size;
      items.insert(items.end(), fed->begin(), fed->end());
    }
    EXPECT_EQ(items, (Items{R"({"a":"}{\\\""})", R"({"b":{"c":[]}})"})) << size;
    EXPECT_EQ(framer.Finish().value(),
              (ListMeta{.resource_version = "42", .continue_token = "c\"}"}));
  }
}

TEST(ListFramer, AnEmptyOrNullListIsAList) {
  for (const std::string_view text : {R"({"metadata":{"resourceVersion":"1"},"items":[]})",
                                      R"({"items":null,"metadata":{"resourceVersion":"1"}})",
                                      R"({"metadata":{"resourceVersion":"1"}})"}) {
    ListFramer framer;
    EXPECT_EQ(framer.Feed(text).value(), Items()) << text;
    EXPECT_EQ(framer.Finish().value().resource_version, "1") << text;
  }
}

TEST(ListFramer, ACutListIsNeverTakenForAWholeOne) {
  for (std::size_t size = 0; size + 1 < kList.size(); ++size) {
    ListFramer framer;
    ASSERT_TRUE(framer.Feed(kList.substr(0, size)).has_value());
    EXPECT_FALSE(framer.Finish().has_value()) << size;
  }
}

TEST(ListFramer, RefusesWhatIsNoList) {
  for (const std::string_view text :
       {"[]", "{}x", R"({"items":[1]})", R"({"items":[{} {}]})", R"({"items":[{},]})", R"({"a" 1})",
        R"({"a":})", R"({,})", R"({"a":1,})", R"({"items":[{}]]})", "<html>"}) {
    ListFramer framer;
    const auto fed = framer.Feed(text);
    EXPECT_FALSE(fed.has_value() && framer.Finish().has_value()) << text;
  }
}

TEST(ListFramer, NoResourceVersionIsCorrupt) {
  ListFramer framer;
  ASSERT_TRUE(framer.Feed(R"({"metadata":{},"items":[]})").has_value());
  EXPECT_THAT(framer.Finish(), IsError(base::ErrorCode::kCorrupt, testing::_));
}

TEST(ListFramer, BoundsAnItemAndTheMetadata) {
  ListFramer framer(64);
  const std::string long_text(100, 'x');
  EXPECT_THAT(framer.Feed(R"({"items":[{"a":")" + long_text),
              IsError(base::ErrorCode::kResourceExhausted, testing::_));
  ListFramer skipping(64);
  EXPECT_TRUE(skipping.Feed(R"({"other":")" + long_text).has_value());
}

}  // namespace
}  // namespace seccompd::kube
