// SPDX-License-Identifier: Apache-2.0
// A request to stop is obeyed at any moment of the agent's life, also as pid 1 of a container.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/subprocess.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using test_support::ChildProcess;
using test_support::Command;
using test_support::IsOk;
using test_support::ReadFile;

class StopTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    node_.Apply(TutorialProfiles());
  }

  base::Result<ChildProcess> Launch(std::vector<std::string> launcher) {
    Command command{.argv = std::move(launcher)};
    command.argv.insert(
        command.argv.end(),
        {test_support::SeccompdPath(), "run", "--web.listen-address", "127.0.0.1:0", "--source",
         "dir:" + node_.manifests(), "--pods", node_.PodsFlag(), "--seccomp-root",
         node_.seccomp_root(), "--socket", node_.Socket(), "--node-default", "unconfined"});
    command.env["ASAN_OPTIONS"] =
        "detect_leaks=0";  // a confined agent cannot be searched for leaks
    return ChildProcess::Start(command);
  }

  // Nothing half-written, whatever the moment was: each file is whole or not there at all.
  void ExpectLegalFiles() {
    for (const std::string& file : node_.Files()) {
      if (file.starts_with(".seccompd/")) {
        const std::string text = ReadFile(node_.Path(file)).value_or("");
        EXPECT_TRUE(text.empty() || text.front() == '#') << file;
        continue;
      }
      EXPECT_THAT(file, ::testing::StartsWith("profiles/"));
      EXPECT_THAT(file, ::testing::EndsWith(".json"));
      EXPECT_EQ(std::filesystem::status(node_.Path(file)).permissions(),
                std::filesystem::perms(0644));
    }
  }

  Node node_;
};

// The bit of SIGTERM in a mask of /proc/<pid>/status.
bool Holds(pid_t pid, const char* field) {
  const std::string text = ReadFile("/proc/" + std::to_string(pid) + "/status").value_or("");
  const std::size_t at = text.find(field);
  if (at == std::string::npos) return false;
  const auto mask = std::stoull(text.substr(at + std::string(field).size(), 17), nullptr, 16);
  return (mask >> (SIGTERM - 1) & 1U) != 0;
}

bool WaitUntilItHoldsSignals(pid_t pid) {
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  while (std::chrono::steady_clock::now() < end) {
    if (Holds(pid, "SigBlk:\t") || Holds(pid, "SigCgt:\t")) return true;
    std::this_thread::sleep_for(microseconds(200));
  }
  return false;
}

// Before the loader has given control to the program a signal ends it, and nothing was touched.
TEST_F(StopTest, AtAnyMomentOfTheStartItEndsInOrder) {
  int early = 0;
  for (int moment = 0; moment < 24; ++moment) {
    auto agent = Launch({});
    ASSERT_THAT(agent, IsOk());
    ASSERT_TRUE(WaitUntilItHoldsSignals(agent->pid()));
    std::this_thread::sleep_for(microseconds(moment * moment * 500));  // 0 to 265 ms
    if (Holds(agent->pid(), "SigBlk:\t")) ++early;
    ASSERT_TRUE(agent->Signal(SIGTERM));
    const auto outcome = agent->Wait(seconds(20));
    ASSERT_TRUE(outcome) << "moment " << moment;
    EXPECT_EQ(outcome->exit_code, 0) << "moment " << moment << ":\n" << outcome->err;
    EXPECT_THAT(outcome->err, ::testing::HasSubstr("\"msg\":\"stopped\""));
    ExpectLegalFiles();
  }
  EXPECT_GT(early, 0) << "none was asked while it was still opening what it needs";
  auto agent = Launch({});
  ASSERT_THAT(agent, IsOk());
  EXPECT_TRUE(node_.WaitInstalled("profiles/audit.json", Rendered(kAudit)));
  ASSERT_TRUE(agent->Signal(SIGTERM));
  EXPECT_EQ(agent->Wait(seconds(20)).value_or(test_support::Outcome{}).exit_code, 0);
}

// The pid of the only child of the only child: `unshare` forks, and that child executes the agent.
pid_t ChildOf(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid);
  const std::string children = ReadFile(path + "/children").value_or("");
  return children.empty() ? 0 : std::stoi(children);
}

TEST_F(StopTest, AsPidOneItObeysFromItsFirstInstructionOn) {
  for (int moment = 0; moment < 8; ++moment) {
    auto unshare = Launch({"unshare", "--pid", "--fork", "--mount-proc"});
    ASSERT_THAT(unshare, IsOk());
    pid_t agent = 0;
    ASSERT_TRUE(test_support::WaitFor(seconds(20), [&] {
      agent = ChildOf(unshare->pid());
      return agent != 0 && ReadFile("/proc/" + std::to_string(agent) + "/comm") == "seccompd\n";
    }));
    ASSERT_TRUE(WaitUntilItHoldsSignals(agent));
    std::this_thread::sleep_for(microseconds(moment * moment * 3'000));
    ASSERT_EQ(::kill(agent, SIGTERM), 0);
    const auto outcome = unshare->Wait(seconds(20));
    ASSERT_TRUE(outcome) << "moment " << moment;
    EXPECT_EQ(outcome->exit_code, 0) << "moment " << moment << ":\n" << outcome->err;
    ExpectLegalFiles();
  }
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid);
  std::istringstream text(ReadFile(path + "/children").value_or(""));
  return {std::istream_iterator<pid_t>(text), {}};
}

// Kills the agent while its second child, the self test of the filter reader, runs, and sees to it
// that the child would not end by itself. False if the child was not met.
bool KillDuringSelfTest(ChildProcess& agent) {
  std::set<pid_t> met;
  const auto end = std::chrono::steady_clock::now() + seconds(5);
  while (std::chrono::steady_clock::now() < end) {
    for (const pid_t child : ChildrenOf(agent.pid())) met.insert(child);
    if (met.size() < 2) continue;
    const bool frozen = ::kill(*met.rbegin(), SIGSTOP) == 0;
    return agent.Signal(SIGKILL) && agent.Wait(seconds(20)).has_value() && frozen;
  }
  return false;
}

// A fork has the descriptors of its parent, and a lock lives as long as any of them.
TEST_F(StopTest, AKilledAgentLeavesNobodyWhoHoldsItsLock) {
  bool met = false;
  for (int attempt = 0; attempt < 20 && !met; ++attempt) {
    auto agent = Launch({});
    ASSERT_THAT(agent, IsOk());
    met = KillDuringSelfTest(*agent);
  }
  ASSERT_TRUE(met) << "no agent was killed during its self test";
  auto agent = Launch({});
  ASSERT_THAT(agent, IsOk());
  EXPECT_TRUE(node_.WaitInstalled("profiles/audit.json", Rendered(kAudit))) << agent->ErrSoFar();
  ASSERT_TRUE(agent->Signal(SIGTERM));
  EXPECT_EQ(agent->Wait(seconds(20)).value_or(test_support::Outcome{}).exit_code, 0);
}

}  // namespace
}  // namespace seccompd::e2e
