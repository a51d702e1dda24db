// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/clock_reader.h"

#include <unistd.h>

#include <ctime>

namespace seccompd::procfs {
namespace {

std::chrono::nanoseconds Clock(clockid_t id) {
  timespec time{};
  // Cannot fail for these two clocks (clock_gettime(2)).
  static_cast<void>(::clock_gettime(id, &time));
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

BootClock ReadBootClock() {
  BootClock clock;
  clock.now = Clock(CLOCK_BOOTTIME);
  clock.boot_time = Clock(CLOCK_REALTIME) - clock.now;
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (ticks > 0) clock.ticks_per_second = static_cast<std::uint64_t>(ticks);
  return clock;
}

}  // namespace seccompd::procfs
