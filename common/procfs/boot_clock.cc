// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/boot_clock.h"

#include <algorithm>
#include <limits>

#include "common/base/strings.h"

namespace seccompd::procfs {
namespace {

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

// Ticks as nanoseconds without overflow; the greatest value stands for all that do not fit.
std::chrono::nanoseconds TicksToNanos(std::uint64_t ticks, std::uint64_t ticks_per_second) {
  if (ticks_per_second == 0) return std::chrono::nanoseconds(0);
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  const std::uint64_t seconds = ticks / ticks_per_second;
  if (seconds >= kMost / kNanosPerSecond) return std::chrono::nanoseconds(kMost);
  const std::uint64_t rest = ticks % ticks_per_second;
  const std::uint64_t nanos =
      seconds * kNanosPerSecond + rest * (kNanosPerSecond / ticks_per_second);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(nanos));
}

std::uint64_t NanosToTicks(std::chrono::nanoseconds time, std::uint64_t ticks_per_second) {
  const auto nanos = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
  return nanos / kNanosPerSecond * ticks_per_second +
         nanos % kNanosPerSecond * ticks_per_second / kNanosPerSecond;
}

}  // namespace

base::WallTime StartTime(std::uint64_t start_ticks, const BootClock& clock) {
  const std::chrono::nanoseconds since_boot = TicksToNanos(start_ticks, clock.ticks_per_second);
  constexpr auto kMost = std::chrono::nanoseconds::max() / 2;
  const std::chrono::nanoseconds boot = std::clamp(clock.boot_time, -kMost, kMost);
  return base::WallTime(std::chrono::floor<std::chrono::milliseconds>(boot + since_boot));
}

std::uint64_t NowTicks(const BootClock& clock) {
  return NanosToTicks(clock.now, clock.ticks_per_second);
}

std::optional<std::chrono::seconds> ParseBootTime(std::string_view proc_stat) {
  constexpr std::string_view kKey = "btime ";
  while (!proc_stat.empty()) {
    const std::size_t end = proc_stat.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = proc_stat.substr(0, end);
    proc_stat.remove_prefix(end + 1);
    if (line.substr(0, kKey.size()) != kKey) continue;
    const auto seconds = base::ParseInt<std::int64_t>(line.substr(kKey.size()));
    if (!seconds || *seconds < 0) return std::nullopt;
    return std::chrono::seconds(*seconds);
  }
  return std::nullopt;
}

bool StartedBefore(std::uint64_t start_ticks, std::chrono::nanoseconds listed_at,
                   std::uint64_t ticks_per_second) {
  return start_ticks < NanosToTicks(listed_at, ticks_per_second);
}

}  // namespace seccompd::procfs
