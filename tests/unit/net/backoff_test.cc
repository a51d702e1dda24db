// SPDX-License-Identifier: Apache-2.0
#include "common/net/backoff.h"

#include <gtest/gtest.h>

namespace seccompd::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::MonoTime kStart{};

TEST(Backoff, DoublesUpToTheCapOfClientGo) {
  Backoff backoff(BackoffOptions{}, [] { return 0.0; });
  base::MonoTime now = kStart;
  for (const int expected : {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000}) {
    const milliseconds pause = backoff.Next(now);
    EXPECT_EQ(pause, milliseconds(expected));
    now += pause;
  }
}

TEST(Backoff, JitterStretchesUpToTwice) {
  Backoff most(BackoffOptions{}, [] { return 0.999999; });
  EXPECT_EQ(most.Next(kStart), milliseconds(1599));
  Backoff half(BackoffOptions{}, [] { return 0.5; });
  EXPECT_EQ(half.Next(kStart), milliseconds(1200));
  EXPECT_EQ(half.Next(kStart), milliseconds(2400));
}

TEST(Backoff, StartsAgainAfterTwoQuietMinutes) {
  Backoff backoff(BackoffOptions{}, [] { return 0.0; });
  static_cast<void>(backoff.Next(kStart));
  EXPECT_EQ(backoff.Next(kStart + seconds(120)), milliseconds(1600));
  EXPECT_EQ(backoff.Next(kStart + seconds(241)), milliseconds(800));
}

TEST(Backoff, ResetStartsAgain) {
  Backoff backoff(BackoffOptions{}, [] { return 0.0; });
  static_cast<void>(backoff.Next(kStart));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(kStart), milliseconds(800));
}

}  // namespace
}  // namespace seccompd::net
