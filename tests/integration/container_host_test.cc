// SPDX-License-Identifier: Apache-2.0
// The container harness itself, against the matrix measured for runc 1.1 and crun 1.8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::test_support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

constexpr char kLogAll[] = R"({"defaultAction":"SCMP_ACT_LOG"})";

class ContainerHostTest : public ::testing::TestWithParam<Runtime> {
 protected:
  void SetUp() override { REQUIRE_CONTAINERS(); }
};

INSTANTIATE_TEST_SUITE_P(Runtimes, ContainerHostTest,
                         ::testing::Values(Runtime::kCrun, Runtime::kRunc),
                         [](const auto& test) { return RuntimeName(test.param); });

TEST_P(ContainerHostTest, FilteredContainerShowsModeTwoAndOneFilter) {
  ContainerHost host(GetParam());
  const auto container = host.Run({.seccomp = kLogAll});
  ASSERT_THAT(container, IsOk());
  const SeccompLines lines = ReadSeccompLines((*container)->pid());
  EXPECT_EQ(lines.seccomp, 2);
  EXPECT_EQ(lines.filters, 1);
  EXPECT_EQ(lines.no_new_privs, 1);
}

TEST_P(ContainerHostTest, ContainerWithoutProfileShowsModeZero) {
  ContainerHost host(GetParam());
  const auto container = host.Run({.no_new_privileges = false});
  ASSERT_THAT(container, IsOk());
  const SeccompLines lines = ReadSeccompLines((*container)->pid());
  EXPECT_EQ(lines.seccomp, 0);
  EXPECT_EQ(lines.filters, 0);
  EXPECT_EQ(lines.no_new_privs, 0);
}

TEST_P(ContainerHostTest, CgroupsAreNamedLikeAKubelets) {
  ContainerHost host(GetParam());
  for (const CgroupStyle style : {CgroupStyle::kCgroupfs, CgroupStyle::kSystemd}) {
    const auto container = host.Run({.cgroups = style, .seccomp = kLogAll});
    ASSERT_THAT(container, IsOk());
    const std::string proc = "/proc/" + std::to_string((*container)->pid()) + "/cgroup";
    EXPECT_THAT(ReadFile(proc), Optional(HasSubstr(":" + (*container)->cgroup_path())));
  }
}

TEST_P(ContainerHostTest, SeveralRunAtOnceAndLeaveNothingBehind) {
  std::vector<std::string> cgroups;
  std::vector<pid_t> pids;
  {
    ContainerHost host(GetParam());
    std::vector<std::unique_ptr<Container>> containers;
    for (int i = 0; i < 4; ++i) {
      auto container = host.Run({.seccomp = kLogAll});
      ASSERT_THAT(container, IsOk());
      cgroups.push_back((*container)->cgroup_path());
      pids.push_back((*container)->pid());
      containers.push_back(*std::move(container));
    }
    for (const pid_t pid : pids) EXPECT_EQ(ReadSeccompLines(pid).seccomp, 2);
  }
  for (const pid_t pid : pids) EXPECT_EQ(ReadSeccompLines(pid).seccomp, -1);
  for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup")) {
    for (const std::string& cgroup : cgroups) {
      const std::string pod = entry.path().string() + cgroup.substr(0, cgroup.rfind('/'));
      EXPECT_FALSE(std::filesystem::exists(pod)) << pod;
    }
  }
}

TEST_P(ContainerHostTest, KilledContainerEnds) {
  ContainerHost host(GetParam());
  const auto container = host.Run({.seccomp = kLogAll});
  ASSERT_THAT(container, IsOk());
  const pid_t pid = (*container)->pid();
  EXPECT_THAT((*container)->Kill(SIGKILL), IsOk());
  EXPECT_THAT((*container)->Delete(), IsOk());
  EXPECT_EQ(ReadSeccompLines(pid).seccomp, -1);
}

// SCMP_ACT_ERRNO for every call: the runtime's own init cannot get through.
TEST_P(ContainerHostTest, ProfileThatDeniesEverythingNeverRuns) {
  ContainerHost host(GetParam());
  EXPECT_THAT(host.Run({.seccomp = R"({"defaultAction":"SCMP_ACT_ERRNO"})"}), Not(IsOk()));
}

TEST_P(ContainerHostTest, UnknownActionIsRefusedByTheRuntime) {
  ContainerHost host(GetParam());
  EXPECT_THAT(host.Run({.seccomp = R"({"defaultAction":"SCMP_ACT_MAYBE"})"}),
              IsError(base::ErrorCode::kFailedPrecondition, HasSubstr("SCMP_ACT_MAYBE")));
}

}  // namespace
}  // namespace seccompd::test_support
