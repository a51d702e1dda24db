// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/support/exposition.h"
#include "tests/support/matchers.h"
#include "tests/support/oci_bundle.h"
#include "tests/support/pod_list.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::test_support {
namespace {

using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

TEST(TempDir, IsRemovedWithItsContent) {
  std::string path;
  {
    TempDir dir;
    path = dir.path();
    TreeBuilder(path).File("a/b/c", "x").Symlink("a/l", "nowhere");
    EXPECT_TRUE(std::filesystem::exists(path + "/a/b/c"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TreeBuilder, WritesBytesModesAndLinks) {
  TempDir dir;
  TreeBuilder(dir.path())
      .File("p/x.json", std::string_view("a\0b", 3), 0600)
      .Dir("d", 0700)
      .Symlink("l", "p/x.json");
  EXPECT_THAT(ReadFile(dir.Join("l")), Optional(Eq(std::string("a\0b", 3))));
  struct stat info {};
  ASSERT_EQ(::stat(dir.Join("p/x.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  ASSERT_EQ(::stat(dir.Join("d").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  TreeBuilder(dir.path()).Remove("p");
  EXPECT_EQ(ReadFile(dir.Join("p/x.json")), std::nullopt);
}

TEST(Matchers, TellValuesFromErrors) {
  const base::Result<int> value = 3;
  const base::Result<int> error = base::Fail(base::ErrorCode::kNotFound, "open 'status'");
  EXPECT_THAT(value, IsOk());
  EXPECT_THAT(value, IsOkAndHolds(Eq(3)));
  EXPECT_THAT(value, Not(IsOkAndHolds(Eq(4))));
  EXPECT_THAT(value, Not(IsError(base::ErrorCode::kNotFound, HasSubstr(""))));
  EXPECT_THAT(error, Not(IsOk()));
  EXPECT_THAT(error, IsError(base::ErrorCode::kNotFound, HasSubstr("status")));
  EXPECT_THAT(error, Not(IsError(base::ErrorCode::kIo, HasSubstr("status"))));
  EXPECT_THAT(error, Not(IsError(base::ErrorCode::kNotFound, HasSubstr("else"))));
}

TEST(RunCommand, KeepsOutputInputEnvironmentAndExitCode) {
  TempDir dir;
  const auto outcome = RunCommand({.argv = {"sh", "-c", "cat; echo \"$WORD\" >&2; pwd >&2; exit 3"},
                                   .env = {{"WORD", "seven"}},
                                   .directory = dir.path(),
                                   .stdin_text = "typed"});
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->exit_code, 3);
  EXPECT_EQ(outcome->out, "typed");
  EXPECT_EQ(outcome->err, "seven\n" + dir.path() + "\n");
  EXPECT_FALSE(outcome->timed_out);
}

TEST(RunCommand, MissingProgramIsAnError) {
  EXPECT_THAT(RunCommand({.argv = {"/nowhere/program"}}),
              IsError(base::ErrorCode::kNotFound, HasSubstr("/nowhere/program")));
}

TEST(RunCommand, DeadlineKillsAndSaysSo) {
  const auto outcome = RunCommand({.argv = {"sleep", "1000"}}, std::chrono::milliseconds(50));
  ASSERT_THAT(outcome, IsOk());
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_EQ(outcome->exit_code, 128 + SIGKILL);
}

// A container inherits the runtime's output; with a pipe the reader would wait for its end.
TEST(RunCommand, DoesNotWaitForGrandchildrenThatHoldTheOutput) {
  const auto outcome =
      RunCommand({.argv = {"sh", "-c", "sleep 3 & echo started"}}, std::chrono::seconds(2));
  ASSERT_THAT(outcome, IsOk());
  EXPECT_FALSE(outcome->timed_out);
  EXPECT_EQ(outcome->out, "started\n");
}

TEST(ChildProcess, EndsWithItsOwner) {
  pid_t pid = 0;
  {
    auto child = ChildProcess::Start({.argv = {"sleep", "1000"}});
    ASSERT_THAT(child, IsOk());
    pid = child->pid();
    EXPECT_TRUE(child->Running());
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildProcess, SignalEndsItWithTheShellsCode) {
  auto child = ChildProcess::Start({.argv = {"sleep", "1000"}});
  ASSERT_THAT(child, IsOk());
  EXPECT_TRUE(child->Signal(SIGTERM));
  const auto outcome = child->Wait(std::chrono::seconds(10));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 128 + SIGTERM);
  EXPECT_FALSE(child->Signal(SIGTERM));
}

TEST(CgroupPath, IsAKubelets) {
  ContainerSpec spec{.pod_uid = "0a1b2c3d-0000-1111-2222-333344445555", .container_id = "c0ffee"};
  EXPECT_EQ(CgroupPath(spec), "/kubepods/burstable/pod0a1b2c3d-0000-1111-2222-333344445555/c0ffee");
  spec.qos = "guaranteed";
  EXPECT_EQ(CgroupPath(spec), "/kubepods/pod0a1b2c3d-0000-1111-2222-333344445555/c0ffee");
  spec.cgroups = CgroupStyle::kSystemd;
  EXPECT_EQ(CgroupPath(spec),
            "/kubepods.slice/kubepods-pod0a1b2c3d_0000_1111_2222_333344445555.slice/"
            "cri-containerd-c0ffee.scope");
  spec.qos = "besteffort";
  EXPECT_EQ(CgroupPath(spec),
            "/kubepods.slice/kubepods-besteffort.slice/"
            "kubepods-besteffort-pod0a1b2c3d_0000_1111_2222_333344445555.slice/"
            "cri-containerd-c0ffee.scope");
}

TEST(FindSample, AddsTheSeriesThatCarryTheLabels) {
  constexpr char kText[] =
      "# HELP x help {a=\"1\"} 9\n"
      "x{a=\"1\",b=\"1\"} 2\n"
      "x{b=\"2\",a=\"1\"} 0.5\n"
      "x{a=\"2\"} 100\n"
      "xy{a=\"1\"} 1000\n"
      "plain 7\n";
  EXPECT_EQ(FindSample(kText, "x{a=\"1\"}"), 2.5);
  EXPECT_EQ(FindSample(kText, "x{a=\"1\",b=\"2\"}"), 0.5);
  EXPECT_EQ(FindSample(kText, "x"), 102.5);
  EXPECT_EQ(FindSample(kText, "plain"), 7);
  EXPECT_EQ(FindSample(kText, "x{a=\"3\"}"), std::nullopt);
  EXPECT_EQ(FindSample(kText, "y"), std::nullopt);
}

TEST(WaitFor, SaysWhetherItHeldInTime) {
  int calls = 0;
  EXPECT_TRUE(WaitFor(std::chrono::seconds(5), [&] { return ++calls == 3; }));
  EXPECT_FALSE(WaitFor(std::chrono::milliseconds(1), [] { return false; }));
}

TEST(RenderPodList, NamesProfileContainerAndStatus) {
  const std::string text = RenderPodList({{.name = "web-0",
                                           .uid = "u1",
                                           .container_id = "c1",
                                           .seccomp = "Localhost:profiles/audit.json",
                                           .privileged = true}});
  EXPECT_THAT(text, HasSubstr(R"("kind":"List")"));
  EXPECT_THAT(text, HasSubstr(R"("seccompProfile":{"type":"Localhost",)"
                              R"("localhostProfile":"profiles/audit.json"},"privileged":true)"));
  EXPECT_THAT(text, HasSubstr(R"("containerID":"containerd://c1")"));
}

}  // namespace
}  // namespace seccompd::test_support
