// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/proc_view.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <string_view>

namespace seccompd::procfs {
namespace {

constexpr std::string_view kInitialPidNamespace =
    "pid:[4026531836]";  // 0xEFFFFFFC, PROC_PID_INIT_INO

std::chrono::nanoseconds Clock(clockid_t id) {
  timespec time{};
  // Cannot fail for these two clocks (clock_gettime(2)).
  static_cast<void>(::clock_gettime(id, &time));
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

base::Result<ProcView> CheckProcView(int proc_fd) {
  struct stat info {};
  if (::fstatat(proc_fd, "self/status", &info, 0) != 0) {
    return base::Fail(
        base::ErrnoError(errno, "self/status: is this directory a proc file system?"));
  }
  ProcView view;
  std::array<char, 64> link{};
  const ssize_t length = ::readlinkat(proc_fd, "self/ns/pid", link.data(), link.size());
  if (length > 0) {
    const std::string_view name(link.data(), static_cast<std::size_t>(length));
    view.initial_pid_namespace = name == kInitialPidNamespace;
  }
  view.sees_pid_1 = ::faccessat(proc_fd, "1/status", R_OK, 0) == 0;
  return view;
}

BootClock ReadBootClock() {
  BootClock clock;
  clock.now = Clock(CLOCK_BOOTTIME);
  clock.boot_time = Clock(CLOCK_REALTIME) - clock.now;
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (ticks > 0) clock.ticks_per_second = static_cast<std::uint64_t>(ticks);
  return clock;
}

}  // namespace seccompd::procfs
