// SPDX-License-Identifier: Apache-2.0
#include "common/net/gzip.h"

#include <gtest/gtest.h>

namespace seccompd::net {
namespace {

using base::ErrorCode;

constexpr std::size_t kPlenty = 1 << 20;

std::string Packed(std::string_view text) { return GzipCompress(text).value(); }

// What comes out when `data` is pushed in pieces of `step` bytes.
base::Result<std::string> Inflate(std::string_view data, std::size_t step,
                                  std::size_t max = kPlenty) {
  GzipInflater inflater(max);
  std::string out;
  for (std::size_t at = 0; at < data.size(); at += step) {
    TRY(inflater.Push(data.substr(at, step), &out));
  }
  if (!inflater.complete()) return base::Fail(ErrorCode::kCorrupt, "cut");
  return out;
}

TEST(GzipCompress, RoundTripsAtEverySplit) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "line " + std::to_string(i % 37) + "\n";
  for (const std::string_view sample :
       {std::string_view(""), std::string_view("a"), std::string_view(text)}) {
    const std::string packed = Packed(sample);
    for (const std::size_t step : {1U, 2U, 7U, 1000U, 100'000U}) {
      EXPECT_EQ(Inflate(packed, step), std::string(sample)) << step;
    }
  }
}

TEST(GzipCompress, MakesTextSmaller) {
  const std::string text(10'000, 'x');
  EXPECT_LT(Packed(text).size(), 200U);
}

TEST(GzipInflater, MembersMayFollowEachOther) {
  const std::string stream = Packed("one ") + Packed("") + Packed("two");
  EXPECT_EQ(Inflate(stream, 1), std::string("one two"));
  EXPECT_EQ(Inflate(stream, stream.size()), std::string("one two"));
}

TEST(GzipInflater, CutStreamIsNotComplete) {
  const std::string stream = Packed("some text that is long enough");
  for (std::size_t size = 1; size < stream.size(); ++size) {
    EXPECT_FALSE(Inflate(std::string_view(stream).substr(0, size), 3)) << size;
  }
}

TEST(GzipInflater, GarbageIsCorrupt) {
  GzipInflater inflater(kPlenty);
  std::string out;
  const base::Result<> pushed = inflater.Push("{\"kind\":\"PodList\"}", &out);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::kCorrupt);
}

TEST(GzipInflater, GarbageAfterAMemberIsCorrupt) {
  EXPECT_FALSE(Inflate(Packed("x") + "garbage that goes on", 100));
}

TEST(GzipInflater, FlippedByteIsCorrupt) {
  std::string stream = Packed("some text that is long enough to be packed");
  stream[stream.size() - 6] = static_cast<char>(stream[stream.size() - 6] ^ 1);  // in the checksum
  EXPECT_FALSE(Inflate(stream, 10));
}

TEST(GzipInflater, BombStopsAtTheLimit) {
  const std::string bomb = Packed(std::string(kPlenty, '\0'));
  std::string out;
  GzipInflater inflater(1000);
  const base::Result<> pushed = inflater.Push(bomb, &out);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, ErrorCode::kResourceExhausted);
  EXPECT_LE(out.size(), 1000U);
}

TEST(GzipInflater, ExactlyTheLimitIsAllowed) {
  EXPECT_EQ(Inflate(Packed("12345"), 100, 5), std::string("12345"));
  EXPECT_FALSE(Inflate(Packed("123456"), 100, 5));
}

}  // namespace
}  // namespace seccompd::net
