// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/newcomers.h"

#include <gtest/gtest.h>

namespace seccompd::agent {
namespace {

using base::MonoTime;
using std::chrono::milliseconds;

const MonoTime kStart = MonoTime(std::chrono::hours(1));

bool Never(const std::string& /*path*/) { return false; }
bool Always(const std::string& /*path*/) { return true; }

TEST(Newcomers, NobodyNewMeansNoWakeUp) {
  Newcomers newcomers;
  EXPECT_EQ(newcomers.Due(), std::nullopt);
  EXPECT_FALSE(newcomers.Look(kStart, Always));
}

TEST(Newcomers, ANewOneIsLookedAtAtOnceAndThenLessAndLess) {
  Newcomers newcomers;
  newcomers.Add("c", kStart);
  EXPECT_EQ(newcomers.Due(), kStart);
  EXPECT_FALSE(newcomers.Look(kStart, Never));
  EXPECT_EQ(newcomers.Due(), kStart + milliseconds(5));
  EXPECT_FALSE(newcomers.Look(kStart + milliseconds(400), Never));
  EXPECT_EQ(newcomers.Due(), kStart + milliseconds(420));
  EXPECT_FALSE(newcomers.Look(kStart + milliseconds(3'000), Never));
  EXPECT_EQ(newcomers.Due(), kStart + milliseconds(3'100));
  EXPECT_FALSE(newcomers.Look(kStart + milliseconds(13'000), Never));
  EXPECT_EQ(newcomers.Due(), std::nullopt);  // the full pass will find it
  EXPECT_EQ(newcomers.size(), 1U);
}

TEST(Newcomers, OneThatRunsItsProgramAsksForAPassUntilItIsJudged) {
  Newcomers newcomers;
  newcomers.Add("c", kStart);
  EXPECT_TRUE(newcomers.Look(kStart, Always));
  EXPECT_EQ(newcomers.Due(), kStart + milliseconds(100));
  newcomers.Judged("c");
  EXPECT_EQ(newcomers.Due(), std::nullopt);
  newcomers.Remove("c");
  EXPECT_EQ(newcomers.ended_unjudged(), 0U);
}

TEST(Newcomers, OneThatEndsBeforeItIsJudgedIsCounted) {
  Newcomers newcomers;
  newcomers.Add("c", kStart);
  newcomers.Remove("c");
  newcomers.Remove("d");  // judged long ago
  EXPECT_EQ(newcomers.ended_unjudged(), 1U);
}

TEST(Newcomers, AFloodOfThemIsBounded) {
  Newcomers newcomers;
  for (int i = 0; i < 5'000; ++i) newcomers.Add(std::to_string(i), kStart);
  EXPECT_EQ(newcomers.size(), Newcomers::kMost);
}

}  // namespace
}  // namespace seccompd::agent
