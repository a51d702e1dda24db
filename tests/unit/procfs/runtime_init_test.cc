// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/runtime_init.h"

#include <gtest/gtest.h>

namespace seccompd::procfs {
namespace {

Process Init(std::uint64_t start_ticks) {
  Process process;
  process.comm = "runc:[2:INIT]";
  process.start_ticks = start_ticks;
  return process;
}

TEST(IsRuntimeInitName, TakesWholeNamesOnly) {
  for (const char* name : {"runc:[0:PARENT]", "runc:[1:CHILD]", "runc:[2:INIT]", "runc", "exe",
                           "crun", "youki", "youki:[1:INTER]", "youki:[2:INIT]"}) {
    EXPECT_TRUE(IsRuntimeInitName(name)) << name;
  }
  for (const char* name : {"", "runc:[2:INIT", "runc:[3:INIT]", "Runc", "runcx", "sh", "conmon"}) {
    EXPECT_FALSE(IsRuntimeInitName(name)) << name;
  }
}

TEST(IsDeferred, LastsTenSecondsFromTheStart) {
  EXPECT_TRUE(IsDeferred(Init(5'000), 5'000));
  EXPECT_TRUE(IsDeferred(Init(5'000), 5'999));
  EXPECT_FALSE(IsDeferred(Init(5'000), 6'000));
  EXPECT_FALSE(IsDeferred(Init(5'000), 900'000));
  EXPECT_TRUE(IsDeferred(Init(5'000), 14'999, 1'000));
  EXPECT_FALSE(IsDeferred(Init(5'000), 15'000, 1'000));
}

TEST(IsDeferred, AStartAfterNowIsYoung) { EXPECT_TRUE(IsDeferred(Init(5'001), 5'000)); }

TEST(IsDeferred, AnyOtherNameIsJudgedAtOnce) {
  Process process = Init(5'000);
  process.comm = "nginx";
  EXPECT_FALSE(IsDeferred(process, 5'000));
}

}  // namespace
}  // namespace seccompd::procfs
