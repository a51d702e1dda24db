// SPDX-License-Identifier: Apache-2.0
// The real agent while its wall clock is set, hours forth and back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/unique_fd.h"
#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/subprocess.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using namespace std::chrono_literals;
using test_support::IsOk;
using test_support::WaitFor;

constexpr char kFirst[] = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr char kSecond[] = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","keyctl"],"action":"SCMP_ACT_ERRNO"}]})";

class ClockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    SetClock(0h);
  }
  base::Result<> Start(const std::string& evidence) {
    return node_.StartAgent(
        {"--evidence", evidence, "--delete-grace", "1h"},
        {"env", std::string("LD_PRELOAD=") + SECCOMPD_SET_CLOCK, "SECCOMPD_CLOCK_FILE=" + file_,
         // The preloaded library comes before AddressSanitizer's.
         "ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0"});
  }
  void SetClock(std::chrono::hours offset) {
    const std::int64_t seconds = std::chrono::seconds(offset).count();
    const base::UniqueFd file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::pwrite(file.get(), &seconds, sizeof(seconds), 0),
              static_cast<ssize_t>(sizeof(seconds)));
  }
  void AwaitPasses(int passes) {
    const double before = node_.agent().Metric("seccompd_audits_total").value_or(0);
    ASSERT_TRUE(WaitFor(30s, [&] {
      return node_.agent().Metric("seccompd_audits_total").value_or(0) >= before + passes;
    }));
  }
  // A container under the profile as it is installed now.
  void Run(const std::string& profile) {
    test_support::ContainerSpec spec;
    spec.seccomp = test_support::ReadFile(node_.Path(profile));
    auto container = host_.Run(spec);
    ASSERT_THAT(container, IsOk());
    container_ = *std::move(container);
    node_.SetPods({{.name = "a",
                    .uid = container_->pod_uid(),
                    .container_id = container_->id(),
                    .seccomp = "Localhost:" + profile}});
  }
  // By the agent's clock, what its last pass said.
  std::optional<double> Containers(const std::string& verdict) {
    return node_.agent().Metric(R"(seccompd_containers{expected="localhost",verdict=")" + verdict +
                                "\"}");
  }
  double Passes() {
    return node_.agent().Metric("seccompd_syncs_total").value_or(-1) +
           node_.agent().Metric("seccompd_audits_total").value_or(-1);
  }

  Node node_;
  std::string file_ = node_.Outside("clock");
  test_support::ContainerHost host_{test_support::Runtime::kCrun};
  std::unique_ptr<test_support::Container> container_;
};

// At evidence `status` the verdict is a comparison of two times: of the container's start, which
// the kernel counts from the boot, and of the install.
TEST_F(ClockTest, WhatIsStaleStaysStaleWhateverTheClockIsSetTo) {
  node_.Apply({.name = "web", .data = {{"p.json", kFirst}}});
  ASSERT_THAT(Start("status"), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("web/p.json", Rendered(kFirst)));
  std::this_thread::sleep_for(11s);  // the race window: the start is surely after the install ...
  Run("web/p.json");
  ASSERT_TRUE(WaitFor(20s, [&] { return Containers("filtered") == 1; }));
  for (const auto offset : {5h, -7h, 100'000h, 0h}) {
    SetClock(offset);
    AwaitPasses(2);
    EXPECT_EQ(Containers("filtered"), 1) << offset.count();
  }
  std::this_thread::sleep_for(11s);  // ... and surely before this one
  node_.Apply({.name = "web", .data = {{"p.json", kSecond}}});
  ASSERT_TRUE(node_.WaitInstalled("web/p.json", Rendered(kSecond)));
  for (const auto offset : {0h, 5h, -7h, 100'000h}) {
    SetClock(offset);
    AwaitPasses(2);
    EXPECT_EQ(Containers("stale"), 1) << offset.count();
  }
  // A new agent knows the ledger only.
  node_.KillAgent();
  SetClock(9h);
  ASSERT_THAT(Start("status"), IsOk());
  AwaitPasses(1);
  EXPECT_EQ(Containers("stale"), 1);
}

TEST_F(ClockTest, UpdatesAreInstalledAndNothingIsRemovedAndNoLoopSpinsWhileItJumps) {
  node_.Apply({.name = "web", .data = {{"p.json", kFirst}}});
  node_.Apply({.name = "old", .data = {{"p.json", kFirst}}});
  node_.Apply(TutorialProfiles());  // one gone of many is no mistake
  ASSERT_THAT(Start("auto"), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("old/p.json"));
  node_.Withdraw("old");
  ASSERT_TRUE(node_.WaitMetric("seccompd_profiles_orphaned", 1));
  const auto begun = std::chrono::steady_clock::now();
  const double before = Passes();
  bool first = false;
  for (const auto offset : {3h, -3h, 100'000h, -200'000h, 0h, 2h, -1h}) {
    SetClock(offset);
    const char* text = std::exchange(first, !first) ? kFirst : kSecond;
    node_.Apply({.name = "web", .data = {{"p.json", text}}});
    EXPECT_TRUE(node_.WaitInstalled("web/p.json", Rendered(text))) << offset.count();
    AwaitPasses(1);
    EXPECT_TRUE(test_support::ReadFile(node_.Path("old/p.json")).has_value())
        << "its hour is not over, " << offset.count();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  // One audit a second, and a few passes for each update and jump; a loop that spins makes 100.
  EXPECT_LE(Passes() - before, 7 * 10 + 5 * took.count());
}

}  // namespace
}  // namespace seccompd::e2e
