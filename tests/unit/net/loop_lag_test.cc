// SPDX-License-Identifier: Apache-2.0
#include "common/net/loop_lag.h"

#include <gtest/gtest.h>

namespace seccompd::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::MonoTime kStart{};

TEST(LoopLag, ShowsTheLongestOfTheWindow) {
  LoopLag lag(seconds(60), kStart);
  lag.Observe(kStart + seconds(1), milliseconds(5));
  lag.Observe(kStart + seconds(2), milliseconds(2));
  EXPECT_EQ(lag.Most(kStart + seconds(2)), milliseconds(5));
}

TEST(LoopLag, KeepsThePreviousWindowUntilTheNext) {
  LoopLag lag(seconds(60), kStart);
  lag.Observe(kStart + seconds(59), milliseconds(5));
  lag.Observe(kStart + seconds(61), milliseconds(1));
  EXPECT_EQ(lag.Most(kStart + seconds(62)), milliseconds(5));
  lag.Observe(kStart + seconds(122), milliseconds(2));
  EXPECT_EQ(lag.Most(kStart + seconds(122)), milliseconds(2));
}

TEST(LoopLag, ForgetsWhatIsOlderThanTwoWindows) {
  LoopLag lag(seconds(60), kStart);
  lag.Observe(kStart + seconds(1), milliseconds(9));
  lag.Observe(kStart + seconds(200), milliseconds(1));
  EXPECT_EQ(lag.Most(kStart + seconds(200)), milliseconds(1));
}

TEST(LoopLag, SilenceOfTheObserverIsALag) {
  LoopLag lag(seconds(60), kStart);
  lag.Observe(kStart + seconds(1), milliseconds(1));
  EXPECT_EQ(lag.Most(kStart + seconds(200)), seconds(140));
}

}  // namespace
}  // namespace seccompd::net
