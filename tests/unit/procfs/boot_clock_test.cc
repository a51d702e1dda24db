// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/boot_clock.h"

#include <gtest/gtest.h>

#include <limits>

namespace seccompd::procfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

const BootClock kClock{.boot_time = seconds(1'700'000'000), .now = nanoseconds(12'349'999'999)};

TEST(StartTime, AddsTicksToTheBootTime) {
  EXPECT_EQ(StartTime(0, kClock), base::WallTime(seconds(1'700'000'000)));
  EXPECT_EQ(StartTime(129'188, kClock), base::WallTime(milliseconds(1'700'001'291'880)));
}

TEST(StartTime, RoundsDownToTheMillisecond) {
  const BootClock clock{.boot_time = nanoseconds(1'999'999)};
  EXPECT_EQ(StartTime(0, clock), base::WallTime(milliseconds(1)));
  EXPECT_EQ(StartTime(1, clock), base::WallTime(milliseconds(11)));
}

TEST(StartTime, AbsurdTicksDoNotOverflow) {
  const auto most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_GT(StartTime(most, kClock), StartTime(100'000'000'000, kClock));
  const BootClock broken{.boot_time = nanoseconds::max(), .ticks_per_second = 0};
  EXPECT_GT(StartTime(most, broken), base::WallTime(seconds(1)));
  const BootClock early{.boot_time = nanoseconds::min()};
  EXPECT_LT(StartTime(0, early), base::WallTime(seconds(0)));
}

TEST(NowTicks, RoundsDownAsTheKernelRoundsStartTimes) {
  EXPECT_EQ(NowTicks(kClock), 1'234U);
  EXPECT_EQ(NowTicks(BootClock{.now = nanoseconds(-1)}), 0U);
}

TEST(StartedBefore, IsTrueOnlyForAnEarlierTick) {
  const nanoseconds listed_at(12'345'678'901);
  EXPECT_TRUE(StartedBefore(1'233, listed_at, 100));
  EXPECT_FALSE(StartedBefore(1'234, listed_at, 100));
  EXPECT_FALSE(StartedBefore(1'235, listed_at, 100));
}

TEST(ParseBootTime, FindsTheLine) {
  EXPECT_EQ(ParseBootTime("cpu  1 2 3\nintr 5\nbtime 1795471234\nprocesses 9\n"),
            seconds(1'795'471'234));
}

TEST(ParseBootTime, OtherTextHasNone) {
  for (const char* text : {"", "btime 5", "xbtime 5\n", "btime x\n", "btime -1\n", "btime\n"}) {
    EXPECT_EQ(ParseBootTime(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace seccompd::procfs
