// SPDX-License-Identifier: Apache-2.0
// Real faults of real file systems, under the real agent: full, out of inodes, gone read-only,
// removed, mounted over, immutable, crowded, full of symlinks. Mounts are made in a namespace of
// this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/crash/mounts.h"
#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::crash {
namespace {

using e2e::ConfigMap;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test_support::IsOk;
using test_support::ReadFile;
using test_support::TreeBuilder;
using test_support::WaitFor;
using ::testing::HasSubstr;

#ifdef __SANITIZE_ADDRESS__
constexpr double kMostGrowth = 64 * 1048576.0;  // what was freed is kept for a while
#else
constexpr double kMostGrowth = 8 * 1048576.0;
#endif

std::string Profile(int number) {
  return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["bpf"],"action":)"
         R"("SCMP_ACT_ERRNO","errnoRet":)" +
         std::to_string(number) + "}]}";
}

class RealFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    ASSERT_THAT(OwnMountNamespace(), IsOk());
  }
  void TearDown() override {
    if (HasFailure() && started_) std::printf("%s\n", node_.agent().LogSoFar().c_str());
  }
  // Flags: under Landlock the agent cannot open another root and ends for a restart instead
  // (ConfinementTest), so what it does in place is seen without.
  void Start(std::vector<std::string> flags = {}) {
    ASSERT_THAT(node_.StartAgent(std::move(flags)), IsOk());
    started_ = true;
  }
  void Want(int number) { node_.Apply({.name = "web", .data = {{"a.json", Profile(number)}}}); }
  [[nodiscard]] bool Has(int number) {
    return node_.WaitInstalled("web/a.json", e2e::Rendered(Profile(number)));
  }
  [[nodiscard]] int Ready() {
    const auto reply = node_.agent().Get("/readyz");
    return reply ? reply->status : 0;
  }
  [[nodiscard]] bool WaitWriteErrors() {
    return WaitFor(seconds(20), [&] {
      return node_.agent().Metric("seccompd_profile_write_errors_total").value_or(0) > 0;
    });
  }
  void ExpectNoTemporaryFile() {
    for (const std::string& file : node_.Files()) EXPECT_THAT(file, Not(HasSubstr("-tmp-")));
  }

  e2e::Node node_;
  bool started_ = false;
};

class FullTest : public RealFaultsTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FullTest, WhatIsInForceStaysAndTheRestComesWithTheSpace) {
  const Mount tmpfs("tmpfs", "tmpfs", node_.seccomp_root(), GetParam());
  ASSERT_EQ(tmpfs.error(), "");
  Want(1);
  Start();
  ASSERT_TRUE(Has(1));
  FillUp(node_.Path("junk"));
  Want(2);
  node_.Apply({.name = "new", .data = {{"b.json", Profile(3)}}});
  EXPECT_TRUE(WaitWriteErrors());
  EXPECT_EQ(ReadFile(node_.Path("web/a.json")), e2e::Rendered(Profile(1)));
  EXPECT_FALSE(std::filesystem::exists(node_.Path("new/b.json")));
  EXPECT_EQ(node_.agent().Get("/livez")->status, 200);
  TreeBuilder(node_.seccomp_root()).Remove("junk");
  EXPECT_TRUE(Has(2));
  EXPECT_TRUE(node_.WaitInstalled("new/b.json", e2e::Rendered(Profile(3))));
  ExpectNoTemporaryFile();
}

INSTANTIATE_TEST_SUITE_P(Of, FullTest, ::testing::Values("size=1m", "size=8m,nr_inodes=24"),
                         [](const auto& row) { return row.index == 0 ? "Bytes" : "Inodes"; });

// As a disk that fails: ext4 turns read-only under the open ledger.
TEST_F(RealFaultsTest, AFileSystemThatTurnsReadOnlyKeepsItsProfilesAndIsCaughtUpLater) {
  TreeBuilder(node_.Outside("")).File("disk", "");
  const std::string image = node_.Outside("disk");
  ASSERT_THAT(MakeExt4(image), IsOk());
  {
    const LoopMount disk(image, node_.seccomp_root(), "errors=remount-ro");
    if (!disk.error().empty()) GTEST_SKIP() << "no loop mount here: " << disk.error();
    Want(1);
    Start();
    ASSERT_TRUE(Has(1));
    ASSERT_THAT(disk.BreakFileSystem(), IsOk());
    Want(2);
    EXPECT_TRUE(WaitWriteErrors());
    EXPECT_EQ(ReadFile(node_.Path("web/a.json")), e2e::Rendered(Profile(1)));
    EXPECT_EQ(node_.agent().Get("/livez")->status, 200);
    EXPECT_EQ(node_.StopAgent(), 0);
    started_ = false;
  }
  const LoopMount again(image, node_.seccomp_root(), "");
  ASSERT_EQ(again.error(), "");
  Start();
  EXPECT_TRUE(Has(2));
  ExpectNoTemporaryFile();
  EXPECT_EQ(node_.StopAgent(), 0);
  started_ = false;
}

TEST_F(RealFaultsTest, AReadOnlyRootIsSaidAtTheStart) {
  const Mount tmpfs("tmpfs", "tmpfs", node_.seccomp_root(), "size=1m", /*read_only=*/true);
  ASSERT_EQ(tmpfs.error(), "");
  const auto started = node_.StartAgent();
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message, HasSubstr("Read-only file system"));
}

// What a container sees of a root that is removed on the host: a directory without a name.
TEST_F(RealFaultsTest, ARootRemovedBehindItsBindMountIsNotReadyUntilItIsMountedAnew) {
  TreeBuilder(node_.Outside("")).Dir("host/seccomp");
  const std::string host = node_.Outside("host/seccomp");
  auto bind = std::make_unique<Mount>(host, "", node_.seccomp_root(), "");
  ASSERT_EQ(bind->error(), "");
  Want(1);
  Start({"--confinement", "off"});
  ASSERT_TRUE(Has(1));
  ASSERT_EQ(ReadFile(host + "/web/a.json"), e2e::Rendered(Profile(1)));
  // The agent repairs meanwhile, so the first try may meet a new file.
  std::error_code error;
  ASSERT_TRUE(WaitFor(seconds(10), [&] {
    std::filesystem::remove_all(host, error);
    return !std::filesystem::exists(host);
  }));
  std::filesystem::create_directory(host);
  EXPECT_TRUE(WaitFor(seconds(20), [&] { return Ready() == 503; }));
  EXPECT_THAT(node_.agent().Get("/readyz")->body, HasSubstr("removed"));
  EXPECT_EQ(node_.agent().Get("/livez")->status, 200);
  EXPECT_TRUE(std::filesystem::is_empty(host));
  bind.reset();
  const Mount again(host, "", node_.seccomp_root(), "");
  EXPECT_TRUE(WaitFor(seconds(20), [&] { return Ready() == 200; }));
  EXPECT_TRUE(Has(1));
  EXPECT_EQ(ReadFile(host + "/web/a.json"), e2e::Rendered(Profile(1)));
}

TEST_F(RealFaultsTest, AnotherMountOverTheRootIsFollowedAndTheOldOneIsFoundAgain) {
  Want(1);
  Start({"--confinement", "off"});
  ASSERT_TRUE(Has(1));
  {
    const Mount over("tmpfs", "tmpfs", node_.seccomp_root(), "size=1m");
    ASSERT_EQ(over.error(), "");
    EXPECT_TRUE(Has(1)) << "not installed in what is mounted there now";
    Want(2);
    EXPECT_TRUE(Has(2));
  }
  EXPECT_TRUE(Has(2)) << "not caught up in the old one";
  EXPECT_TRUE(WaitFor(seconds(20), [&] { return Ready() == 200; }));
}

// Links that stood there before us are somebody's: reported, never followed, never removed.
TEST_F(RealFaultsTest, LinksAtEveryLevelBeforeTheStartAreNeverFollowed) {
  TreeBuilder(node_.Outside("")).Dir("elsewhere").File("victim", "theirs");
  const std::string elsewhere = node_.Outside("elsewhere");
  TreeBuilder root(node_.seccomp_root());
  root.Symlink("l1", elsewhere).Dir("l2").Symlink("l2/deep", elsewhere);
  root.Dir("l3/deep").Symlink("l3/deep/p.json", node_.Outside("victim"));
  for (const char* name : {"l1", "l2", "l3"}) {
    node_.Apply({.name = name,
                 .data = {{"p.json", Profile(1)}},
                 .annotations = {{"seccompd.io/path", std::string(name) + "/deep"}}});
  }
  Start();
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="foreign"})", 3));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere));
  EXPECT_EQ(ReadFile(node_.Outside("victim")), "theirs");
  for (const char* link : {"l1", "l2/deep", "l3/deep/p.json"}) {
    EXPECT_TRUE(std::filesystem::is_symlink(node_.Path(link))) << link;
  }
}

// Links in the place of what we made are tampering: removed, never followed.
TEST_F(RealFaultsTest, LinksAtEveryLevelUnderTheRunningAgentAreRepaired) {
  TreeBuilder(node_.Outside("")).Dir("elsewhere").File("victim", "theirs");
  node_.Apply({.name = "web",
               .data = {{"p.json", Profile(1)}},
               .annotations = {{"seccompd.io/path", "one/two/three"}}});
  Start();
  const std::string bytes = e2e::Rendered(Profile(1));
  ASSERT_TRUE(node_.WaitInstalled("one/two/three/p.json", bytes));
  for (const char* level : {"one", "one/two", "one/two/three", "one/two/three/p.json"}) {
    const bool file = std::string_view(level).ends_with("json");
    SwapForLink(node_.Path(level), node_.Outside(file ? "victim" : "elsewhere"),
                node_.Outside("spare"));
    EXPECT_TRUE(node_.WaitInstalled("one/two/three/p.json", bytes)) << level;
    EXPECT_TRUE(std::filesystem::is_empty(node_.Outside("elsewhere"))) << level;
    EXPECT_EQ(ReadFile(node_.Outside("victim")), "theirs");
    TreeBuilder(node_.Outside("")).Remove("spare");
  }
}

TEST_F(RealFaultsTest, LinksInPlaceOfTheAgentsOwnFilesAreNeverFollowed) {
  TreeBuilder(node_.Outside("")).Dir("elsewhere").File("victim", "theirs");
  Want(1);
  TreeBuilder root(node_.seccomp_root());
  root.Symlink(".seccompd", node_.Outside("elsewhere"));
  EXPECT_FALSE(node_.StartAgent().has_value());
  EXPECT_TRUE(std::filesystem::is_empty(node_.Outside("elsewhere")));
  root.Remove(".seccompd");
  for (const char* name : {".seccompd/ledger", ".seccompd/lock"}) {
    root.Symlink(name, node_.Outside("victim"));
    EXPECT_FALSE(node_.StartAgent().has_value()) << name;
    EXPECT_EQ(ReadFile(node_.Outside("victim")), "theirs") << name;
    root.Remove(".seccompd");
  }
  root.Symlink(".seccompd/ledger.new", node_.Outside("victim"));
  Start();
  ASSERT_TRUE(Has(1));
  const std::string first = ReadFile(node_.Path(".seccompd/ledger")).value_or("").substr(0, 60);
  const std::string nonce = first.substr(first.find('\n') - 16, 16);
  root.Symlink("web/.seccompd-tmp-" + nonce, node_.Outside("victim"));
  Want(2);
  EXPECT_TRUE(Has(2));
  EXPECT_EQ(ReadFile(node_.Outside("victim")), "theirs");
  ExpectNoTemporaryFile();
}

TEST_F(RealFaultsTest, AnImmutableFileOrDirectoryStopsItselfOnly) {
  const Mount tmpfs("tmpfs", "tmpfs", node_.seccomp_root(), "size=8m");
  ASSERT_EQ(tmpfs.error(), "");
  Want(1);
  node_.Apply({.name = "other", .data = {{"b.json", Profile(1)}}});
  Start();
  ASSERT_TRUE(Has(1));
  ASSERT_TRUE(node_.WaitInstalled("other/b.json"));
  if (!SetImmutable(node_.Path("web/a.json"), true)) GTEST_SKIP() << "no immutable flag on tmpfs";
  Want(2);
  node_.Apply({.name = "other", .data = {{"b.json", Profile(2)}}});
  EXPECT_TRUE(node_.WaitInstalled("other/b.json", e2e::Rendered(Profile(2))));
  EXPECT_TRUE(WaitWriteErrors());
  EXPECT_EQ(ReadFile(node_.Path("web/a.json")), e2e::Rendered(Profile(1)));
  EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr("Operation not permitted"));
  ASSERT_TRUE(SetImmutable(node_.Path("web/a.json"), false));
  EXPECT_TRUE(Has(2));
  ASSERT_TRUE(SetImmutable(node_.Path("web"), true));
  Want(3);
  node_.Apply({.name = "other", .data = {{"b.json", Profile(3)}}});
  EXPECT_TRUE(node_.WaitInstalled("other/b.json", e2e::Rendered(Profile(3))));
  ASSERT_TRUE(SetImmutable(node_.Path("web"), false));
  EXPECT_TRUE(Has(3));
  ExpectNoTemporaryFile();
}

TEST_F(RealFaultsTest, AHundredThousandForeignFilesCostNeitherTimeNorMemory) {
  const Mount tmpfs("tmpfs", "tmpfs", node_.seccomp_root(), "size=512m,nr_inodes=200k");
  ASSERT_EQ(tmpfs.error(), "");
  Want(1);
  Start();
  ASSERT_TRUE(Has(1));
  const auto bare = node_.agent().Metric("process_resident_memory_bytes").value_or(0);
  EXPECT_EQ(node_.StopAgent(), 0);
  for (int i = 0; i < 100'000; ++i) {
    std::ofstream(node_.Path("foreign-" + std::to_string(i) + ".json")) << "{}";
  }
  const auto begin = std::chrono::steady_clock::now();
  Start();
  const auto took =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  Want(2);
  EXPECT_TRUE(Has(2));
  const auto crowded = node_.agent().Metric("process_resident_memory_bytes").value_or(0);
  std::printf("start among 100,000 files %lld ms; %.1f MiB, bare %.1f MiB\n",
              static_cast<long long>(took.count()), crowded / 1048576, bare / 1048576);
  EXPECT_LT(took, seconds(10));
  EXPECT_LT(crowded - bare, kMostGrowth);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(node_.seccomp_root()),
                          std::filesystem::directory_iterator()),
            100'002);
}

}  // namespace
}  // namespace seccompd::crash
