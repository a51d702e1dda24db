// SPDX-License-Identifier: Apache-2.0
// The agent's own filter on architectures that no test machine here is: compiled for them, run by
// our interpreter over their system call tables. What the kernel does with it is not shown by this.
#include "agent/confinement/own_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/bpf/compile.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/program.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::agent {
namespace {

using bpf::Program;
using seccomp::Arch;

constexpr pid_t kPid = 4'711;
constexpr std::uint32_t kAllow = 0x7fff0000;

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable kTable = seccomp::LoadLibseccompTable(/*all_archs=*/true);
  return kTable;
}

class OwnProfileTest : public ::testing::TestWithParam<Arch> {
 protected:
  void SetUp() override {
    for (const Role role : {Role::kAgent, Role::kCompiler}) {
      auto program = bpf::Compile(OwnProfile({.role = role, .pid = kPid}), GetParam());
      ASSERT_TRUE(program.has_value()) << program.error().message;
      (role == Role::kAgent ? agent_ : compiler_) = *std::move(program);
    }
  }

  // What the filter says to the call by name; nullopt: the architecture has no such call.
  std::optional<std::uint32_t> Says(const Program& program, std::string_view name,
                                    std::array<std::uint64_t, 6> args = {}) {
    const auto number = Table().Number(GetParam(), name);
    if (!number || *number < 0) return std::nullopt;
    bpf::SeccompData data;
    data.nr = static_cast<std::uint32_t>(*number);
    data.arch = seccomp::AuditArch(GetParam());
    std::copy(args.begin(), args.end(), std::begin(data.args));
    return bpf::Evaluate(program, data);
  }
  bool Allows(std::string_view name, std::array<std::uint64_t, 6> args = {}) {
    const auto value = Says(agent_, name, args);
    EXPECT_TRUE(value.has_value()) << name << ": no such call";
    return value == kAllow;
  }
  // Where the architecture has no such call there is nothing to refuse.
  bool Refuses(std::string_view name, std::array<std::uint64_t, 6> args = {}) {
    return Says(agent_, name, args) != std::optional(kAllow);
  }

  Program agent_;
  Program compiler_;
};

INSTANTIATE_TEST_SUITE_P(Archs, OwnProfileTest, ::testing::Values(Arch::kX86_64, Arch::kAarch64),
                         [](const auto& test) {
                           return std::string(seccomp::DisplayName(test.param));
                         });

// What glibc and the agent call on every architecture: a name that one of them lacks would be a
// call that the filter does not know there.
TEST_P(OwnProfileTest, AllowsWhatTheAgentNeeds) {
  for (const char* name : {"read",           "write",
                           "readv",          "writev",
                           "close",          "openat",
                           "openat2",        "newfstatat",
                           "fstat",          "statx",
                           "getdents64",     "pread64",
                           "pwrite64",       "fsync",
                           "fdatasync",      "fchmod",
                           "renameat2",      "unlinkat",
                           "mkdirat",        "linkat",
                           "flock",          "inotify_init1",
                           "epoll_pwait",    "epoll_ctl",
                           "epoll_create1",  "eventfd2",
                           "timerfd_create", "timerfd_settime",
                           "accept4",        "bind",
                           "listen",         "connect",
                           "getsockname",    "getsockopt",
                           "setsockopt",     "recvmsg",
                           "sendmsg",        "recvfrom",
                           "sendto",         "shutdown",
                           "clock_gettime",  "clock_nanosleep",
                           "futex",          "rt_sigaction",
                           "rt_sigprocmask", "rt_sigreturn",
                           "getrandom",      "brk",
                           "munmap",         "mremap",
                           "madvise",        "exit",
                           "exit_group",     "getpid",
                           "gettid",         "ppoll",
                           "faccessat",      "readlinkat",
                           "uname",          "restart_syscall"}) {
    EXPECT_TRUE(Allows(name)) << name;
  }
  EXPECT_TRUE(Allows("bpf", {33}));
  EXPECT_TRUE(Allows("socket", {10}));
  EXPECT_TRUE(Allows("tgkill", {kPid}));
  EXPECT_TRUE(Allows("prlimit64", {0, 7, 0}));
  EXPECT_TRUE(Allows("mmap", {0, 4096, 3}));
}

TEST_P(OwnProfileTest, RefusesWhatItMustNotDo) {
  for (const char* name : {"execve",
                           "execveat",
                           "ptrace",
                           "process_vm_readv",
                           "process_vm_writev",
                           "kill",
                           "tkill",
                           "rt_sigqueueinfo",
                           "pidfd_send_signal",
                           "mount",
                           "umount2",
                           "fsopen",
                           "move_mount",
                           "pivot_root",
                           "chroot",
                           "setns",
                           "unshare",
                           "init_module",
                           "finit_module",
                           "delete_module",
                           "kexec_load",
                           "reboot",
                           "perf_event_open",
                           "io_uring_setup",
                           "userfaultfd",
                           "keyctl",
                           "open_by_handle_at",
                           "name_to_handle_at",
                           "seccomp",
                           "setuid",
                           "capset",
                           "fork",
                           "vfork",
                           "swapon",
                           "settimeofday"}) {
    EXPECT_TRUE(Refuses(name)) << name;
  }
  EXPECT_TRUE(Refuses("bpf", {0}));
  EXPECT_TRUE(Refuses("bpf", {5}));
  EXPECT_TRUE(Refuses("socket", {38}));
  EXPECT_TRUE(Refuses("tgkill", {1}));
  EXPECT_TRUE(Refuses("prlimit64", {1, 7, 0}));
  EXPECT_TRUE(Refuses("prlimit64", {0, 7, 0x1000}));
  EXPECT_TRUE(Refuses("mmap", {0, 4096, 7}));
  EXPECT_TRUE(Refuses("mprotect", {0, 4096, 5}));
  EXPECT_TRUE(Refuses("clone", {0x10000000}));
  EXPECT_TRUE(Refuses("prctl", {4, 1}));
}

// The whole table: an allowed call is one of the list, whatever its number means elsewhere.
TEST_P(OwnProfileTest, NoOtherCallOfTheArchitectureIsAllowed) {
  std::set<std::string, std::less<>> named;
  for (const auto& rule : OwnProfile({.role = Role::kAgent, .pid = kPid}).syscalls) {
    named.insert(rule.names.begin(), rule.names.end());
  }
  std::size_t allowed = 0;
  for (const std::string_view name : Table().Names(GetParam())) {
    if (Says(agent_, name) != std::optional(kAllow)) continue;
    EXPECT_TRUE(named.contains(name)) << name;
    ++allowed;
  }
  EXPECT_GT(allowed, 100U);
}

TEST_P(OwnProfileTest, TheCompilerHasNoFilesAndNoSockets) {
  for (const char* name : {"openat", "openat2", "socket", "connect", "execve", "ptrace", "kill",
                           "bpf", "mount", "renameat2", "unlinkat"}) {
    EXPECT_NE(Says(compiler_, name), std::optional(kAllow)) << name;
  }
  EXPECT_EQ(Says(compiler_, "clone", {17}), std::optional(kAllow));
  EXPECT_EQ(Says(compiler_, "memfd_create"), std::optional(kAllow));
}

// Another architecture's numbers mean other calls.
TEST_P(OwnProfileTest, ACallOfAnotherArchitectureIsKilled) {
  bpf::SeccompData data;
  data.nr = 0;
  data.arch = seccomp::AuditArch(GetParam() == Arch::kX86_64 ? Arch::kX86 : Arch::kArm);
  EXPECT_EQ(bpf::Evaluate(agent_, data) & 0xffff0000U, 0U);  // KILL_THREAD
}

}  // namespace
}  // namespace seccompd::agent
