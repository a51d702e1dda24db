// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/fingerprint_cache.h"

#include <gtest/gtest.h>

#include "common/bpf/opcodes.h"

namespace seccompd::bpf {
namespace {

Stack StackOf(std::uint32_t value) { return {{{.code = kRetK, .k = value}}}; }
base::Digest DigestOf(std::uint8_t first) {
  base::Digest digest;
  digest.bytes[0] = first;
  return digest;
}

TEST(FingerprintCache, FindsExactStacksOnly) {
  FingerprintCache cache(4);
  cache.Insert(StackOf(1), DigestOf(1));
  ASSERT_NE(cache.Find(StackOf(1)), nullptr);
  EXPECT_EQ(*cache.Find(StackOf(1)), DigestOf(1));
  EXPECT_EQ(cache.Find(StackOf(2)), nullptr);
  Stack twice = StackOf(1);
  twice.push_back(twice[0]);
  EXPECT_EQ(cache.Find(twice), nullptr);
}

TEST(FingerprintCache, DropsTheLeastRecentlyUsed) {
  FingerprintCache cache(2);
  cache.Insert(StackOf(1), DigestOf(1));
  cache.Insert(StackOf(2), DigestOf(2));
  EXPECT_NE(cache.Find(StackOf(1)), nullptr);
  cache.Insert(StackOf(3), DigestOf(3));
  EXPECT_EQ(cache.Find(StackOf(2)), nullptr);
  EXPECT_NE(cache.Find(StackOf(1)), nullptr);
  EXPECT_NE(cache.Find(StackOf(3)), nullptr);
  EXPECT_EQ(cache.size(), 2U);
}

TEST(FingerprintCache, KeepsNothingWithoutRoom) {
  FingerprintCache cache(0);
  cache.Insert(StackOf(1), DigestOf(1));
  EXPECT_EQ(cache.Find(StackOf(1)), nullptr);
}

}  // namespace
}  // namespace seccompd::bpf
