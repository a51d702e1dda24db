// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/filtered_processes.h"

#include <gtest/gtest.h>

namespace seccompd::procfs {
namespace {

TEST(FilteredProcesses, AReusedPidIsNotRemembered) {
  FilteredProcesses processes;
  processes.Add(7, 100);
  EXPECT_TRUE(processes.Contains(7, 100));
  EXPECT_FALSE(processes.Contains(7, 101));
  EXPECT_FALSE(processes.Contains(8, 100));
}

TEST(FilteredProcesses, SweepForgetsWhatAPassDidNotMeet) {
  FilteredProcesses processes;
  processes.Add(7, 100);
  processes.Add(8, 100);
  processes.Sweep();
  EXPECT_TRUE(processes.Contains(7, 100));
  processes.Sweep();
  EXPECT_EQ(processes.size(), 1U);
  EXPECT_FALSE(processes.Contains(8, 100));
  processes.Sweep();
  processes.Sweep();
  EXPECT_EQ(processes.size(), 0U);
}

}  // namespace
}  // namespace seccompd::procfs
