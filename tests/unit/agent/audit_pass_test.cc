// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/audit_pass.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/unique_fd.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

base::WallTime Now() { return *base::ParseTime("2026-11-24T03:04:11Z"); }

// One container outside pods with one filtered process that started 50 s before the pass.
procfs::ScanResult OneContainer() {
  procfs::ScanResult scan;
  scan.clock.boot_time = Now().time_since_epoch() - std::chrono::seconds(100);
  scan.clock.now = std::chrono::seconds(100);
  scan.counters.processes = 1;
  procfs::Process process;
  process.pid = 7;
  process.start_ticks = 5'000;
  process.seccomp.mode = 2;
  procfs::Container container;
  container.ref.container_id = "aa";
  container.processes = {process};
  scan.containers = {container};
  return scan;
}

audit::Report Judge(const procfs::ScanResult& scan, bool pods_complete = true) {
  const audit::InstalledView installed;
  return JudgePass({}, {.scan = scan,
                        .pods = {},
                        .installed = installed,
                        .pods_known = true,
                        .pods_complete = pods_complete,
                        .notes = {"first"},
                        .start = Now(),
                        .end = Now()});
}

TEST(JudgePass, JudgesWhatTheScanSaw) {
  const audit::Report report = Judge(OneContainer());
  ASSERT_THAT(report.rows, SizeIs(1));
  EXPECT_EQ(report.rows[0].judgement.reason, audit::Reason::kNoPod);
  EXPECT_EQ(report.rows[0].judgement.since, Now() - std::chrono::seconds(50));
  EXPECT_EQ(report.facts.processes, 1U);
  EXPECT_THAT(report.facts.notes, ElementsAre("first"));
  EXPECT_FALSE(report.HasFindings());
}

// The agent's own pod is one of the node's.
TEST(JudgePass, TheAgentsImageIsThatOfTheContainerItRunsIn) {
  procfs::ScanResult scan = OneContainer();
  scan.containers[0].ref = {"11111111-2222-3333-4444-555555555555", "aa", "containerd"};
  std::vector<kube::Pod> pods(1);
  pods[0].meta.namespace_name = "seccompd";
  pods[0].meta.name = "seccompd-x";
  pods[0].meta.uid = "11111111-2222-3333-4444-555555555555";
  pods[0].containers.resize(1);
  pods[0].containers[0].name = "agent";
  pods[0].containers[0].container_id = "aa";
  pods[0].containers[0].image_id = "registry/seccompd@sha256:ab";
  pods[0].containers[0].state = kube::ContainerState::kRunning;
  const audit::InstalledView installed;
  const auto facts = [&](pid_t own_pid) {
    AuditSettings settings;
    settings.own_pid = own_pid;
    return JudgePass(settings, {.scan = scan,
                                .pods = pods,
                                .installed = installed,
                                .pods_known = true,
                                .pods_complete = true,
                                .notes = {},
                                .start = Now(),
                                .end = Now()})
        .facts;
  };
  EXPECT_EQ(facts(7).agent_image, "registry/seccompd@sha256:ab");
  EXPECT_EQ(facts(8).agent_image, "");
  EXPECT_THAT(facts(8).agent_image_unknown, HasSubstr("in no container"));
  pods[0].containers[0].image_id.clear();
  EXPECT_THAT(facts(7).agent_image_unknown, HasSubstr("does not name its image"));
}

TEST(JudgePass, WhatTheScanMissedIsNoted) {
  procfs::ScanResult scan = OneContainer();
  scan.host_cgroup_root = false;
  scan.unrecognised = {"kubepods/podx/odd"};
  const audit::Report report = Judge(scan);
  EXPECT_THAT(report.facts.notes,
              ElementsAre("first", HasSubstr("not the host's"), HasSubstr("kubepods/podx/odd")));
  EXPECT_TRUE(report.facts.complete);
}

TEST(JudgePass, TruncatedScanOrUnreadPodIsNotClean) {
  procfs::ScanResult scan = OneContainer();
  EXPECT_TRUE(Judge(scan, /*pods_complete=*/false).HasFindings());
  scan.truncated = true;
  EXPECT_TRUE(Judge(scan).HasFindings());
}

TEST(JudgePass, ProcessesOfAnotherPidNamespaceMakeEverythingUnknown) {
  procfs::ScanResult scan = OneContainer();
  scan.containers[0].processes.clear();
  scan.containers[0].unseen_processes = 3;
  scan.counters.processes = 0;
  scan.pids_of_other_namespaces = 3;
  const audit::Report report = Judge(scan);
  EXPECT_EQ(report.rows[0].judgement.reason, audit::Reason::kNoHostPid);
  EXPECT_TRUE(report.HasFindings());
}

TEST(ParseNodeDefault, TakesThreeWords) {
  EXPECT_EQ(ParseNodeDefault("auto"), audit::NodeDefault::kUndecided);
  EXPECT_EQ(ParseNodeDefault("runtime-default"), audit::NodeDefault::kRuntimeDefault);
  EXPECT_EQ(ParseNodeDefault("unconfined"), audit::NodeDefault::kUnconfined);
  const auto wrong = ParseNodeDefault("RuntimeDefault");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message,
            "--node-default 'RuntimeDefault': use auto, runtime-default or unconfined");
}

TEST(ReadNodeFacts, ReadsTheBootId) {
  const test_support::TempDir dir;
  test_support::TreeBuilder(dir.path())
      .File("sys/kernel/random/boot_id", "6f1f0f3c-0b6e-4f0e-9c6d-3a4f5f6a7b8c\n");
  const base::UniqueFd fd(open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  AuditSettings settings;
  ReadNodeFacts(fd.get(), &settings);
  EXPECT_EQ(settings.boot_id, "6f1f0f3c-0b6e-4f0e-9c6d-3a4f5f6a7b8c");
  EXPECT_THAT(settings.kernel, testing::Not(IsEmpty()));
  EXPECT_THAT(settings.arch, testing::Not(IsEmpty()));
}

TEST(ParseOwnConfinement, ReadsWhatTheKernelSaysAndNothingLess) {
  const std::string status =
      "Name:\tseccompd\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
      "CapBnd:\t000000c000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
  const auto own = ParseOwnConfinement(status);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->permitted, 0U);
  EXPECT_EQ(own->bounding, 0xC000000000U);
  EXPECT_TRUE(own->no_new_privs);
  EXPECT_EQ(own->seccomp_mode, 2);
  EXPECT_EQ(own->seccomp_filters, 1);
  const auto old = ParseOwnConfinement(status.substr(0, status.find("Seccomp_filters")));
  ASSERT_TRUE(old) << "Linux 5.8";
  EXPECT_EQ(old->seccomp_filters, 0);
  EXPECT_FALSE(ParseOwnConfinement(status.substr(status.find("CapEff"))));
  EXPECT_FALSE(
      ParseOwnConfinement("CapPrm:\tzero\nCapEff:\t0\nCapBnd:\t0\nNoNewPrivs:\t1\n"
                          "Seccomp:\t2\n"));
}

}  // namespace
}  // namespace seccompd::agent
