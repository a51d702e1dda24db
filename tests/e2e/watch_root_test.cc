// SPDX-License-Identifier: Apache-2.0
// Where no event tells what happened to the seccomp directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/node.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::IsOk;
using test_support::TreeBuilder;
using ::testing::HasSubstr;

// A user namespace in which no inotify instance can be made, as on a node where all are taken.
std::vector<std::string> WithoutInotify() {
  return {"unshare", "--user", "--map-root-user",
          "sh",      "-c",     "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"",
          "sh"};
}

class WatchRootTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    node_.Apply({.name = "web", .data = {{"a.json", kViolation}, {"b.json", kAudit}}});
  }
  [[nodiscard]] bool WaitBoth() {
    return node_.WaitInstalled("web/a.json", Rendered(kViolation)) &&
           node_.WaitInstalled("web/b.json", Rendered(kAudit));
  }
  Node node_;
};

TEST_F(WatchRootTest, WithoutInotifyTamperingIsRepairedAllTheSame) {
  ASSERT_THAT(node_.StartAgent({"--mode", "install", "--confinement", "off"}, WithoutInotify()),
              IsOk());
  EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr("scanning it instead"));
  ASSERT_TRUE(WaitBoth());
  TreeBuilder(node_.seccomp_root()).File("web/a.json", "{}").Remove("web/b.json");
  EXPECT_TRUE(WaitBoth()) << node_.agent().LogSoFar();
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profile_drifts_total{kind="content"})", 1));
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profile_drifts_total{kind="missing"})", 1));
  EXPECT_EQ(node_.StopAgent(), 0);
}

// Unconfined, so that it may write below a directory that was not there when it began.
TEST_F(WatchRootTest, ADirectoryThatIsRemovedAndMadeAgainIsFilledAgain) {
  for (const bool inotify : {true, false}) {
    SCOPED_TRACE(inotify);
    ASSERT_THAT(node_.StartAgent({"--mode", "install", "--confinement", "off"},
                                 inotify ? std::vector<std::string>{} : WithoutInotify()),
                IsOk());
    ASSERT_TRUE(WaitBoth());
    // Stopped meanwhile: it would put back what is being removed.
    ASSERT_EQ(::kill(node_.agent().pid(), SIGSTOP), 0);
    std::filesystem::remove_all(node_.seccomp_root());
    std::filesystem::create_directory(node_.seccomp_root());
    ASSERT_EQ(::kill(node_.agent().pid(), SIGCONT), 0);
    EXPECT_TRUE(WaitBoth()) << node_.agent().LogSoFar();
    EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr("seccomp directory opened anew"));
    EXPECT_EQ(node_.StopAgent(), 0);
  }
}

}  // namespace
}  // namespace seccompd::e2e
