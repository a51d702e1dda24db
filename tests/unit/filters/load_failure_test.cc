// SPDX-License-Identifier: Apache-2.0
#include "common/filters/load_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "common/filters/dump.h"
#include "common/filters/task.h"

namespace seccompd::filters {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kBoth = std::uint64_t{3} << 38;

// A host on which loading should have worked.
LoadFailure Sound() {
  return {.sys_errno = EPERM,
          .log = "",
          .kernel_release = "6.1.0-18-amd64",
          .effective = kBoth,
          .bpf_errno = EINVAL,
          .lockdown = "none",
          .memlock_limit = 65536,
          .memlock_needed = 500000};
}

std::string Said(const LoadFailure& failure) { return Explain(failure).message; }

TEST(Explain, AnOldKernelIsNamedEvenIfCapabilitiesAreMissingToo) {
  LoadFailure failure = Sound();
  failure.kernel_release = "5.4.0-150-generic";
  failure.effective = 0;
  EXPECT_EQ(Said(failure),
            "kernel 5.4.0-150-generic is too old: a task iterator that can read filters needs "
            "Linux 5.10");
  EXPECT_EQ(Explain(failure).code, base::ErrorCode::kFailedPrecondition);
}

TEST(Explain, ReleasesAreComparedAsNumbers) {
  LoadFailure failure = Sound();
  failure.kernel_release = "5.9.16";
  EXPECT_THAT(Said(failure), HasSubstr("too old"));
  for (const char* release : {"5.10.0-28-cloud", "5.15", "6.0-rc1", "10.1.2", "odd", ""}) {
    failure.kernel_release = release;
    EXPECT_THAT(Said(failure), ::testing::Not(HasSubstr("too old"))) << release;
  }
}

TEST(Explain, MissingTypeInformation) {
  LoadFailure failure = Sound();
  failure.has_btf = false;
  EXPECT_THAT(Said(failure), HasSubstr("/sys/kernel/btf/vmlinux is missing"));
}

TEST(Explain, MissingSeccompAndMissingBpf) {
  LoadFailure failure = Sound();
  failure.bpf_errno = ENOSYS;
  EXPECT_THAT(Said(failure), HasSubstr("CONFIG_BPF_SYSCALL"));
  failure.has_seccomp = false;
  EXPECT_THAT(Said(failure), HasSubstr("CONFIG_SECCOMP_FILTER"));
}

TEST(Explain, MissingCapabilitiesByName) {
  LoadFailure failure = Sound();
  failure.effective = std::uint64_t{1} << 39;
  EXPECT_THAT(Said(failure), HasSubstr("lacks CAP_PERFMON:"));
  failure.effective = std::uint64_t{1} << 38;
  EXPECT_THAT(Said(failure), HasSubstr("lacks CAP_BPF:"));
  failure.effective = 0;
  EXPECT_THAT(Said(failure), HasSubstr("lacks CAP_BPF and CAP_PERFMON:"));
  EXPECT_EQ(Explain(failure).code, base::ErrorCode::kPermissionDenied);
  // CAP_SYS_ADMIN stands for both.
  failure.effective = std::uint64_t{1} << 21;
  EXPECT_THAT(Said(failure), ::testing::Not(HasSubstr("lacks")));
}

TEST(Explain, UserNamespace) {
  LoadFailure failure = Sound();
  failure.user_namespace = true;
  EXPECT_THAT(Said(failure), HasSubstr("hostUsers: false"));
}

TEST(Explain, OwnSeccompFilter) {
  LoadFailure failure = Sound();
  failure.seccomp_mode = 2;
  EXPECT_THAT(Said(failure), ::testing::Not(HasSubstr("seccomp filter")));
  for (const int refused : {EPERM, ENOSYS}) {
    failure.bpf_errno = refused;
    EXPECT_THAT(Said(failure), HasSubstr("under a seccomp filter that refuses bpf(2)"));
  }
}

TEST(Explain, OnlyConfidentialLockdownMatters) {
  LoadFailure failure = Sound();
  failure.lockdown = "integrity";
  EXPECT_THAT(Said(failure), ::testing::Not(HasSubstr("lockdown")));
  failure.lockdown = "confidentiality";
  EXPECT_THAT(Said(failure), HasSubstr("lockdown"));
}

TEST(Explain, LockedMemoryCountsBefore511) {
  LoadFailure failure = Sound();
  EXPECT_THAT(Said(failure), ::testing::Not(HasSubstr("MEMLOCK")));
  failure.kernel_release = "5.10.205";
  EXPECT_EQ(Said(failure), "RLIMIT_MEMLOCK is 65536 bytes, before Linux 5.11 the maps need 500000");
  failure.memlock_limit = 1 << 20;
  EXPECT_THAT(Said(failure), ::testing::Not(HasSubstr("MEMLOCK")));
}

TEST(Explain, ASecurityModule) {
  LoadFailure failure = Sound();
  failure.bpf_errno = EACCES;
  EXPECT_THAT(Said(failure), HasSubstr("a security module refuses bpf(2)"));
}

TEST(Explain, ElseTheEndOfTheLogInOneLine) {
  LoadFailure failure = Sound();
  failure.sys_errno = EACCES;
  failure.log =
      "first\nsecond\n\n  R1 type=scalar\x1b[0m expected=fp\nprocessed 12 insns\nfailed\n";
  EXPECT_EQ(Said(failure),
            "the kernel refused the task iterator: Permission denied (second; R1 "
            "type=scalar\\x1b[0m expected=fp; processed 12 insns; failed)");
  failure.log.clear();
  EXPECT_EQ(Said(failure), "the kernel refused the task iterator: Permission denied");
}

TEST(StartTicks, AreHundredthsOfASecond) {
  EXPECT_EQ(StartTicks(0), 0U);
  EXPECT_EQ(StartTicks(1'229'999'999), 122U);
  EXPECT_EQ(StartTicks(1'230'000'000), 123U);
  EXPECT_EQ(StartTicks(3'000'000'000, 1000), 3000U);
}

TEST(Comm, EndsAtItsZeroOrAtSixteenBytes) {
  Task task;
  EXPECT_EQ(task.Comm(), "");
  task.comm = {'s', 'h', '\0', 'x'};
  EXPECT_EQ(task.Comm(), "sh");
  task.comm.fill('y');
  EXPECT_EQ(task.Comm(), "yyyyyyyyyyyyyyyy");
}

TEST(JudgedThread, IsTheLeaderElseTheFirstLiveThread) {
  std::vector<Task> tasks(4);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].id.pid = static_cast<pid_t>(10 + i);
    tasks[i].tgid = i == 0 ? 10 : 11;
  }
  EXPECT_EQ(JudgedThread(tasks, 11), &tasks[1]);
  tasks[1].zombie = true;
  EXPECT_EQ(JudgedThread(tasks, 11), &tasks[2]);
  tasks[2].exiting = true;
  EXPECT_EQ(JudgedThread(tasks, 11), &tasks[3]);
  tasks[3].zombie = true;
  EXPECT_EQ(JudgedThread(tasks, 11), nullptr);
  EXPECT_EQ(JudgedThread(tasks, 99), nullptr);
}

TEST(Unknown, NamesAreDistinct) {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Unknown::kLimit); ++i) {
    names.push_back(UnknownName(static_cast<Unknown>(i)));
    EXPECT_NE(UnknownSentence(static_cast<Unknown>(i)), "unknown");
  }
  EXPECT_EQ(std::vector<std::string_view>({"pending", "gone", "no-filter", "changed", "torn",
                                           "too-many-filters", "too-many-instructions",
                                           "no-original", "unreadable", "limit"}),
            names);
}

}  // namespace
}  // namespace seccompd::filters
