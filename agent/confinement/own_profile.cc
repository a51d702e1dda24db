// SPDX-License-Identifier: Apache-2.0
#include "agent/confinement/own_profile.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace seccompd::agent {
namespace {

using seccomp::ActionKind;
using seccomp::ArgCondition;
using seccomp::CompareOp;
using seccomp::Profile;
using seccomp::SyscallRule;

// include/uapi/linux/{sched,bpf,prctl}.h, asm-generic/ioctls.h; written out because the profile is
// data for an architecture that need not be this one.
constexpr std::uint64_t kCloneVm = 0x100;
constexpr std::uint64_t kCloneThread = 0x10000;
constexpr std::uint64_t kCloneNamespaces = 0x7e020080;
constexpr std::uint64_t kBpfIterCreate = 33;
constexpr std::uint64_t kProtExec = 4;
constexpr std::uint64_t kPrSetPdeathsig = 1;
constexpr std::uint64_t kPrSetName = 15;
constexpr std::uint64_t kPrSetVma = 0x53564d41;
constexpr std::uint64_t kIoctls[] = {0x5401 /* TCGETS */, 0x5413 /* TIOCGWINSZ */,
                                     0x541b /* FIONREAD */, 0x5421 /* FIONBIO */};
constexpr std::uint64_t kFamilies[] = {1 /* AF_UNIX */, 2 /* AF_INET */, 10 /* AF_INET6 */,
                                       16 /* AF_NETLINK: name resolution */};

// Memory, time and the C library's own needs.
const std::vector<std::string>& Common() {
  static const std::vector<std::string> kNames = {
      "brk",
      "clock_getres",
      "clock_gettime",
      "clock_nanosleep",
      "close",
      "exit",
      "exit_group",
      "fcntl",
      "fstat",
      "ftruncate",
      "futex",
      "getcpu",
      "getegid",
      "geteuid",
      "getgid",
      "getpid",
      "getrandom",
      "getrusage",
      "gettid",
      "gettimeofday",
      "getuid",
      "lseek",
      "madvise",
      "membarrier",
      "memfd_create",
      "mremap",
      "munmap",
      "nanosleep",
      "newfstatat",
      "pipe2",
      "poll",
      "ppoll",
      "pread64",
      "read",
      "readv",
      "restart_syscall",
      "rseq",
      "rt_sigaction",
      "rt_sigprocmask",
      "rt_sigreturn",
      "rt_sigtimedwait",
      "sched_getaffinity",
      "sched_yield",
      "set_robust_list",
      "sigaltstack",
      "uname",
      "write",
      "writev",
  };
  return kNames;
}

// Files below the seccomp root, /proc and cgroupfs. Landlock says where.
const std::vector<std::string>& Files() {
  static const std::vector<std::string> kNames = {
      "access",        "capget",           "dup",       "dup3",       "faccessat",
      "faccessat2",    "fallocate",        "fchmod",    "fchmodat",   "fdatasync",
      "flock",         "fstatfs",          "fsync",     "getdents64", "inotify_add_watch",
      "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents",
      "io_pgetevents", "io_setup",         "io_submit", "linkat",     "mkdirat",
      "openat",        "openat2",          "preadv",    "pwrite64",   "pwritev",
      "readlink",      "readlinkat",       "renameat",  "renameat2",  "statfs",
      "statx",         "sysinfo",          "unlinkat",
  };
  return kNames;
}

// Sockets and the event loop.
const std::vector<std::string>& Network() {
  static const std::vector<std::string> kNames = {
      "accept4",     "bind",           "connect",         "epoll_create1",   "epoll_ctl",
      "epoll_pwait", "epoll_pwait2",   "epoll_wait",      "eventfd2",        "getpeername",
      "getsockname", "getsockopt",     "listen",          "recvfrom",        "recvmmsg",
      "recvmsg",     "sendmmsg",       "sendmsg",         "sendto",          "setsockopt",
      "shutdown",    "timerfd_create", "timerfd_gettime", "timerfd_settime",
  };
  return kNames;
}

SyscallRule Allow(std::vector<std::string> names, std::vector<ArgCondition> args = {}) {
  return {.names = std::move(names), .action = ActionKind::kAllow, .args = std::move(args)};
}

SyscallRule Refuse(std::string name, int error) {
  return {.names = {std::move(name)},
          .action = ActionKind::kErrno,
          .errno_ret = static_cast<std::uint32_t>(error),
          .args = {}};
}

// An int argument: its high half is whatever the caller left there.
ArgCondition Int(std::uint32_t index, std::uint64_t value) {
  return {.index = index,
          .op = CompareOp::kMaskedEq,
          .value = 0xffffffff,
          .value_two = value & 0xffffffff};
}

void AddAgentRules(const OwnProfileOptions& options, Profile& profile) {
  std::vector<SyscallRule>& rules = profile.syscalls;
  rules.push_back(Allow(Files()));
  rules.push_back(Allow(Network()));
  for (const std::uint64_t family : kFamilies) rules.push_back(Allow({"socket"}, {Int(0, family)}));
  for (const std::uint64_t request : kIoctls) rules.push_back(Allow({"ioctl"}, {Int(1, request)}));
  rules.push_back(Allow({"bpf"}, {Int(0, kBpfIterCreate)}));
  const std::uint64_t mask = kCloneThread | kCloneVm | kCloneNamespaces;
  rules.push_back(Allow({"clone"}, {{.index = 0,
                                     .op = CompareOp::kMaskedEq,
                                     .value = mask,
                                     .value_two = kCloneThread | kCloneVm}}));
  rules.push_back(Allow({"tgkill"}, {Int(0, static_cast<std::uint64_t>(options.pid))}));
  // Asking for one's own limits, not setting them and not asking for another's.
  rules.push_back(
      Allow({"prlimit64"}, {Int(0, 0), {.index = 2, .op = CompareOp::kEq, .value = 0}}));
}

// Its own children only: plain forks, which lower their own limits, die with it and are reaped.
void AddCompilerRules(Profile& profile) {
  std::vector<SyscallRule>& rules = profile.syscalls;
  rules.push_back(Allow({"getppid", "sendto", "set_tid_address", "setitimer", "wait4"}));
  rules.push_back(Allow({"prctl"}, {Int(0, kPrSetPdeathsig)}));
  rules.push_back(Allow({"prlimit64"}, {Int(0, 0)}));
  const std::uint64_t mask = kCloneThread | kCloneVm | kCloneNamespaces;
  rules.push_back(
      Allow({"clone"}, {{.index = 0, .op = CompareOp::kMaskedEq, .value = mask, .value_two = 0}}));
}

}  // namespace

Profile OwnProfile(const OwnProfileOptions& options) {
  Profile profile;
  profile.default_action = options.kill ? ActionKind::kKillProcess : ActionKind::kErrno;
  if (!options.kill) profile.default_errno_ret = EPERM;
  profile.syscalls.push_back(Allow(Common()));
  if (options.role == Role::kAgent) {
    AddAgentRules(options, profile);
  } else {
    AddCompilerRules(profile);
  }
  std::vector<SyscallRule>& rules = profile.syscalls;
  rules.push_back(Refuse("clone3", ENOSYS));  // its flags lie in memory; glibc falls back to clone
  for (const std::uint64_t option : {kPrSetName, kPrSetVma}) {
    rules.push_back(Allow({"prctl"}, {Int(0, option)}));
  }
  // No memory that is both made here and run: PROT_EXEC is for the loader, which has finished.
  for (const char* name : {"mmap", "mprotect"}) {
    rules.push_back(Allow(
        {name}, {{.index = 2, .op = CompareOp::kMaskedEq, .value = kProtExec, .value_two = 0}}));
  }
  return profile;
}

}  // namespace seccompd::agent
