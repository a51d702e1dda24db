// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/time.h"

namespace seccompd::procfs {

// Relates start_ticks to the wall clock. Values only: clock_reader.h reads it.
struct BootClock {
  // CLOCK_REALTIME - CLOCK_BOOTTIME: moves when somebody sets the clock, so read it anew each pass.
  std::chrono::nanoseconds boot_time{0};  // since 1970
  std::chrono::nanoseconds now{0};        // CLOCK_BOOTTIME: since boot, suspend included
  std::uint64_t ticks_per_second = 100;   // sysconf(_SC_CLK_TCK)

  bool operator==(const BootClock&) const = default;
};

// Rounded down to the tick, then to the millisecond; huge values stop at the ends of the type.
[[nodiscard]] base::WallTime StartTime(std::uint64_t start_ticks, const BootClock& clock);

// clock.now in ticks, rounded down as the kernel rounds start times.
[[nodiscard]] std::uint64_t NowTicks(const BootClock& clock);

// The "btime" line of /proc/stat, seconds since 1970; nullopt if there is none. Second best: it has
// the resolution of a second.
[[nodiscard]] std::optional<std::chrono::seconds> ParseBootTime(std::string_view proc_stat);

// Was the process that has this pid now the one that had it when a list was taken at `listed_at`
// (CLOCK_BOOTTIME)? True is proof: a pid has one owner from its start on. False: started in the
// same tick or later, so it may be another process and the list has to be read again.
[[nodiscard]] bool StartedBefore(std::uint64_t start_ticks, std::chrono::nanoseconds listed_at,
                                 std::uint64_t ticks_per_second);

}  // namespace seccompd::procfs
