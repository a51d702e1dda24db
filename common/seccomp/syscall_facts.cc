// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/syscall_facts.h"

#include <algorithm>
#include <array>

namespace seccompd::seccomp {
namespace {

constexpr auto kCritical = std::to_array<std::string_view>({
    "bpf",
    "clone",
    "clone3",
    "delete_module",
    "finit_module",
    "fsmount",
    "fsopen",
    "init_module",
    "io_uring_setup",
    "kexec_load",
    "keyctl",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "perf_event_open",
    "ptrace",
    "reboot",
    "setns",
    "umount",
    "umount2",
    "unshare",
    "userfaultfd",
});

constexpr auto kStartup = std::to_array<std::string_view>({
    "execve",
    "exit_group",
    "close",
    "write",
    "getpid",
    "fstatfs",
    "getdents64",
    "epoll_ctl",
    "openat",
    "futex",
    "rt_sigreturn",
});

constexpr auto kStartupWithPrivileges = std::to_array<std::string_view>({
    "capget",
    "capset",
    "chdir",
    "fcntl",
    "fstat",
    "getcwd",
    "getppid",
    "prctl",
    "read",
    "rt_sigaction",
    "rt_sigprocmask",
    "setgid",
    "setgroups",
    "setuid",
});

struct Narrow {
  std::string_view name;
  std::uint8_t arguments;  // bit i: argument i
};

constexpr std::uint8_t Args(std::initializer_list<int> indexes) {
  unsigned bits = 0;
  for (const int index : indexes) bits |= 1U << index;
  return static_cast<std::uint8_t>(bits);
}

// Sorted by name. clone's flags are an unsigned long of which the kernel uses the low half.
constexpr auto kNarrow = std::to_array<Narrow>({
    {"accept", Args({0})},
    {"accept4", Args({0, 3})},
    {"arch_prctl", Args({0})},
    {"bind", Args({0, 2})},
    {"bpf", Args({0, 2})},
    {"chmod", Args({1})},
    {"chown", Args({1, 2})},
    {"clock_gettime", Args({0})},
    {"clock_settime", Args({0})},
    {"clone", Args({0})},
    {"close", Args({0})},
    {"close_range", Args({0, 1, 2})},
    {"connect", Args({0, 2})},
    {"copy_file_range", Args({0, 2, 5})},
    {"delete_module", Args({1})},
    {"dup2", Args({0, 1})},
    {"dup3", Args({0, 1, 2})},
    {"epoll_create1", Args({0})},
    {"eventfd2", Args({0, 1})},
    {"execveat", Args({0, 4})},
    {"faccessat", Args({0, 2})},
    {"faccessat2", Args({0, 2, 3})},
    {"fanotify_init", Args({0, 1})},
    {"fchmod", Args({0, 1})},
    {"fchmodat", Args({0, 2})},
    {"fchown", Args({0, 1, 2})},
    {"fchownat", Args({0, 2, 3, 4})},
    {"fcntl", Args({0, 1})},
    {"finit_module", Args({0, 2})},
    {"flock", Args({0, 1})},
    {"fsmount", Args({0, 1, 2})},
    {"fsopen", Args({1})},
    {"getrandom", Args({2})},
    {"getsockname", Args({0})},
    {"getsockopt", Args({0, 1, 2})},
    {"inotify_init1", Args({0})},
    {"io_uring_enter", Args({0, 1, 2, 3})},
    {"io_uring_register", Args({0, 1, 3})},
    {"io_uring_setup", Args({0})},
    {"ioctl", Args({0, 1})},
    {"ioprio_set", Args({0, 1, 2})},
    {"kexec_file_load", Args({0, 1})},
    {"keyctl", Args({0})},
    {"kill", Args({0, 1})},
    {"linkat", Args({0, 2, 4})},
    {"listen", Args({0, 1})},
    {"madvise", Args({2})},
    {"membarrier", Args({0, 1, 2})},
    {"memfd_create", Args({1})},
    {"mknod", Args({1, 2})},
    {"mknodat", Args({0, 2, 3})},
    {"mlock2", Args({2})},
    {"mlockall", Args({0})},
    {"mount_setattr", Args({0, 2})},
    {"move_mount", Args({0, 2, 4})},
    {"msgget", Args({0, 1})},
    {"msync", Args({2})},
    {"name_to_handle_at", Args({0, 4})},
    {"open", Args({1, 2})},
    {"open_by_handle_at", Args({0, 2})},
    {"open_tree", Args({0, 2})},
    {"openat", Args({0, 2, 3})},
    {"openat2", Args({0})},
    {"perf_event_open", Args({1, 2, 3})},
    {"personality", Args({0})},
    {"pidfd_getfd", Args({0, 1, 2})},
    {"pidfd_open", Args({0, 1})},
    {"pidfd_send_signal", Args({0, 1, 3})},
    {"pipe2", Args({1})},
    {"prctl", Args({0})},
    {"prlimit64", Args({0, 1})},
    {"quotactl", Args({0})},
    {"reboot", Args({0, 1, 2})},
    {"recvfrom", Args({0, 3})},
    {"recvmmsg", Args({0, 2, 3})},
    {"recvmsg", Args({0, 2})},
    {"renameat2", Args({0, 2, 4})},
    {"rt_sigaction", Args({0})},
    {"rt_sigprocmask", Args({0})},
    {"sched_setscheduler", Args({0, 1})},
    {"seccomp", Args({0, 1})},
    {"semget", Args({0, 1, 2})},
    {"sendmmsg", Args({0, 2, 3})},
    {"sendmsg", Args({0, 2})},
    {"sendto", Args({0, 3})},
    {"setgid", Args({0})},
    {"setns", Args({0, 1})},
    {"setpriority", Args({0, 1, 2})},
    {"setregid", Args({0, 1})},
    {"setresgid", Args({0, 1, 2})},
    {"setresuid", Args({0, 1, 2})},
    {"setreuid", Args({0, 1})},
    {"setrlimit", Args({0})},
    {"setsockopt", Args({0, 1, 2, 4})},
    {"setuid", Args({0})},
    {"shmat", Args({0, 2})},
    {"shmget", Args({0, 2})},
    {"shutdown", Args({0, 1})},
    {"signalfd4", Args({0, 3})},
    {"socket", Args({0, 1, 2})},
    {"socketpair", Args({0, 1, 2})},
    {"splice", Args({0, 2, 5})},
    {"statx", Args({0, 2, 3})},
    {"swapon", Args({1})},
    {"syslog", Args({0, 2})},
    {"tgkill", Args({0, 1, 2})},
    {"timerfd_create", Args({0, 1})},
    {"tkill", Args({0, 1})},
    {"umount2", Args({1})},
    {"unlinkat", Args({0, 2})},
    {"userfaultfd", Args({0})},
    {"wait4", Args({0, 2})},
    {"waitid", Args({0, 1, 3})},
});
static_assert(std::is_sorted(kNarrow.begin(), kNarrow.end(),
                             [](const Narrow& a, const Narrow& b) { return a.name < b.name; }));

constexpr auto kMultiplexed = std::to_array<std::string_view>({
    "accept",   "accept4",  "bind",   "connect",    "getpeername", "getsockname", "getsockopt",
    "listen",   "msgctl",   "msgget", "msgrcv",     "msgsnd",      "recv",        "recvfrom",
    "recvmmsg", "recvmsg",  "semctl", "semget",     "semop",       "semtimedop",  "send",
    "sendmmsg", "sendmsg",  "sendto", "setsockopt", "shmat",       "shmctl",      "shmdt",
    "shmget",   "shutdown", "socket", "socketpair",
});
static_assert(std::is_sorted(kMultiplexed.begin(), kMultiplexed.end()));

}  // namespace

std::span<const std::string_view> CriticalSyscalls() { return kCritical; }
std::span<const std::string_view> StartupSyscalls() { return kStartup; }
std::span<const std::string_view> StartupSyscallsWithPrivileges() { return kStartupWithPrivileges; }

std::uint32_t NarrowArguments(std::string_view syscall) {
  const auto found = std::lower_bound(
      kNarrow.begin(), kNarrow.end(), syscall,
      [](const Narrow& narrow, std::string_view name) { return narrow.name < name; });
  return found != kNarrow.end() && found->name == syscall ? found->arguments : 0U;
}

bool IsMultiplexed(std::string_view syscall) {
  return std::binary_search(kMultiplexed.begin(), kMultiplexed.end(), syscall);
}

bool Multiplexes(Arch arch) {
  switch (arch) {
    case Arch::kX86:
    case Arch::kMips:
    case Arch::kMipsel:
    case Arch::kPpc:
    case Arch::kPpc64:
    case Arch::kPpc64le:
    case Arch::kS390:
    case Arch::kS390x:
      return true;
    default:
      return false;
  }
}

bool Is64Bit(Arch arch) {
  switch (arch) {
    case Arch::kX86:
    case Arch::kX32:
    case Arch::kArm:
    case Arch::kMips:
    case Arch::kMips64N32:
    case Arch::kMipsel:
    case Arch::kMipsel64N32:
    case Arch::kPpc:
    case Arch::kS390:
    case Arch::kParisc:
      return false;
    default:
      return true;
  }
}

}  // namespace seccompd::seccomp
