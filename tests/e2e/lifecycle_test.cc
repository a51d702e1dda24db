// SPDX-License-Identifier: Apache-2.0
// What stays and what goes: foreign files, bad updates, restarts, kills, removal, purge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::IsOk;
using test_support::ReadFile;
using test_support::RunSeccompd;
using test_support::TreeBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Optional;

constexpr char kForeign[] = R"({"defaultAction":"SCMP_ACT_TRAP"})";

class LifecycleTest : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_CONTAINERS(); }

  [[nodiscard]] ino_t Inode(std::string_view profile) const {
    struct stat info {};
    return ::lstat(node_.Path(profile).c_str(), &info) == 0 ? info.st_ino : 0;
  }
  // Files that are not the agent's own bookkeeping.
  [[nodiscard]] std::vector<std::string> Profiles() const {
    std::vector<std::string> files = node_.Files();
    std::erase_if(files, [](const std::string& file) { return file.starts_with(".seccompd/"); });
    return files;
  }

  Node node_;
};

TEST_F(LifecycleTest, InstalledFileIsTheCanonicalRendering) {
  node_.Apply(TutorialProfiles());
  ASSERT_THAT(node_.StartAgent(), IsOk());
  EXPECT_TRUE(node_.WaitInstalled("profiles/audit.json", Rendered(kAudit)));
  EXPECT_TRUE(node_.WaitInstalled("profiles/violation.json", Rendered(kViolation)));
  EXPECT_TRUE(node_.WaitInstalled("profiles/fine-grained.json", Rendered(kFineGrained)));
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
}

TEST_F(LifecycleTest, ForeignFileAtAClaimedPathIsReportedAndUntouched) {
  TreeBuilder(node_.seccomp_root()).File("web/a.json", kForeign, 0600).File("other/x", "mine");
  node_.Apply({.name = "web", .data = {{"a.json", kAudit}, {"b.json", kAudit}}});
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("web/b.json"));
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="foreign"})", 1));
  EXPECT_EQ(ReadFile(node_.Path("web/a.json")), kForeign);
  struct stat info {};
  ASSERT_EQ(::lstat(node_.Path("web/a.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(ReadFile(node_.Path("other/x")), "mine");
}

TEST_F(LifecycleTest, InvalidUpdateKeepsTheLastGoodFile) {
  node_.Apply({.name = "web", .data = {{"a.json", kAudit}, {"b.json", kAudit}}});
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("web/a.json"));
  node_.Apply(
      {.name = "web",
       .data = {{"a.json", R"({"defaultAction":"SCMP_ACT_MAYBE"})"}, {"b.json", kViolation}}});
  ASSERT_TRUE(node_.WaitInstalled("web/b.json", Rendered(kViolation)));
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="invalid"})", 1));
  EXPECT_EQ(ReadFile(node_.Path("web/a.json")), Rendered(kAudit));
  EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr("web/a.json"));
}

TEST_F(LifecycleTest, RestartRewritesNothing) {
  node_.Apply(TutorialProfiles());
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  const ino_t inode = Inode("profiles/audit.json");
  EXPECT_EQ(node_.StopAgent(), 0);
  EXPECT_EQ(Inode("profiles/audit.json"), inode);
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  EXPECT_EQ(Inode("profiles/audit.json"), inode);
}

TEST_F(LifecycleTest, ChangesMadeWhileTheAgentWasAwayAreCaughtUp) {
  node_.Apply({.name = "web", .data = {{"a.json", kAudit}, {"b.json", kAudit}}});
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("web/b.json"));
  ASSERT_TRUE(node_.WaitInstalled("web/a.json"));
  EXPECT_EQ(node_.StopAgent(), 0);
  node_.Apply({.name = "web", .data = {{"a.json", kViolation}, {"b.json", kAudit}}});
  TreeBuilder(node_.seccomp_root()).File("web/b.json", "{}");
  ASSERT_THAT(node_.StartAgent(), IsOk());
  EXPECT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kViolation)));
  EXPECT_TRUE(node_.WaitInstalled("web/b.json", Rendered(kAudit)));
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profile_drifts_total{kind="content"})", 1));
}

TEST_F(LifecycleTest, OnlyOneAgentWorksOnARoot) {
  ASSERT_THAT(node_.StartAgent(), IsOk());
  const auto second =
      RunSeccompd({"run", "--source", "dir:" + node_.Outside(""), "--pods", "none",
                   "--seccomp-root", node_.seccomp_root(), "--web.listen-address", "127.0.0.1:0"},
                  "", std::chrono::seconds(10));
  ASSERT_THAT(second, IsOk());
  EXPECT_FALSE(second->timed_out);
  EXPECT_NE(second->exit_code, 0);
}

TEST_F(LifecycleTest, RemovedProfileGoesOnlyWhenNoPodRefersToIt) {
  const std::map<std::string, std::string> kept = {{"c.json", kAudit}, {"d.json", kAudit}};
  std::map<std::string, std::string> all = kept;
  all["used.json"] = all["unused.json"] = kAudit;
  node_.Apply({.name = "web", .data = all});
  node_.SetPods(
      {{.name = "p", .uid = test_support::RandomUid(), .seccomp = "Localhost:web/used.json"}});
  ASSERT_THAT(node_.StartAgent({"--delete-grace", "0"}), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 4));
  node_.Apply({.name = "web", .data = kept});
  EXPECT_TRUE(node_.WaitGone("web/unused.json")) << node_.agent().LogSoFar();
  EXPECT_TRUE(ReadFile(node_.Path("web/used.json")).has_value());
  node_.SetPods({});
  EXPECT_TRUE(node_.WaitGone("web/used.json")) << node_.agent().LogSoFar();
  EXPECT_THAT(Profiles(), ElementsAre("web/c.json", "web/d.json"));
}

TEST_F(LifecycleTest, EmptySourceRemovesNothing) {
  node_.Apply(TutorialProfiles());
  ASSERT_THAT(node_.StartAgent({"--delete-grace", "0"}), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  node_.Withdraw("tutorial");
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_THAT(Profiles(), ElementsAre("profiles/audit.json", "profiles/fine-grained.json",
                                      "profiles/violation.json"));
}

TEST_F(LifecycleTest, PurgeRemovesWhatNothingRefersToAndForceRemovesAll) {
  TreeBuilder(node_.seccomp_root()).File("foreign.json", kForeign);
  node_.Apply(TutorialProfiles());
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  EXPECT_EQ(node_.StopAgent(), 0);
  node_.SetPods({{.name = "p",
                  .uid = test_support::RandomUid(),
                  .seccomp = "Localhost:profiles/audit.json"}});
  auto purge =
      RunSeccompd({"purge", "--seccomp-root", node_.seccomp_root(), "--pods", node_.PodsFlag()});
  ASSERT_THAT(purge, IsOk());
  EXPECT_THAT(Profiles(), ElementsAre("foreign.json", "profiles/audit.json"))
      << purge->out << purge->err;
  purge = RunSeccompd({"purge", "--seccomp-root", node_.seccomp_root(), "--force"});
  ASSERT_THAT(purge, IsOk());
  EXPECT_EQ(purge->exit_code, 0) << purge->err;
  EXPECT_THAT(node_.Files(), ElementsAre("foreign.json")) << purge->out << purge->err;
  EXPECT_THAT(ReadFile(node_.Path("foreign.json")), Optional(std::string(kForeign)));
}

TEST_F(LifecycleTest, KillAtAnyInstantLosesNothing) {
  const auto whole = ::testing::AnyOf(Rendered(kAudit), Rendered(kViolation));
  ConfigMap many{.name = "many"};
  for (int i = 0; i < 60; ++i) many.data["p" + std::to_string(i) + ".json"] = kAudit;
  for (int round = 0; round < 12; ++round) {
    for (auto& [key, text] : many.data) text = round % 2 == 0 ? kViolation : kAudit;
    node_.Apply(many);
    ASSERT_THAT(node_.StartAgent(), IsOk()) << "round " << round;
    if (round == 0) {
      ASSERT_TRUE(node_.WaitInstalled("many/p0.json"));
    }
    for (auto& [key, text] : many.data) text = round % 2 == 0 ? kAudit : kViolation;
    node_.Apply(many);
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * round));
    node_.KillAgent();
    // Whole old or whole new files, whatever the instant.
    for (const std::string& file : Profiles()) {
      if (!file.ends_with(".json")) continue;
      EXPECT_THAT(ReadFile(node_.Path(file)), Optional(whole)) << file;
    }
  }
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 60));
  EXPECT_EQ(Profiles().size(), 60U) << ::testing::PrintToString(Profiles());
}

}  // namespace
}  // namespace seccompd::e2e
