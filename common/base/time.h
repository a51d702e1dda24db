// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace seccompd::base {

// Time is a value: pure code takes `now` as a parameter, only the shell reads a clock.
// WallTime is UTC since 1970 in milliseconds, for people and the ledger; MonoTime is
// CLOCK_MONOTONIC (or virtual time in a test), for every timer and age. Never compare the two.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using MonoTime = std::chrono::steady_clock::time_point;

// The clock on the wall, for a shell to read and hand on.
WallTime WallNow();

// A time that stays true when somebody sets the clock: within one boot of the machine
// CLOCK_BOOTTIME tells how long ago it was.
struct Moment {
  WallTime wall{};
  std::uint64_t boot = 0;                   // which boot (BootNumber); 0: not known
  std::chrono::milliseconds since_boot{0};  // CLOCK_BOOTTIME

  Moment() = default;
  Moment(WallTime time) : wall(time) {}  // NOLINT(*-explicit-*): all that an older ledger has
  bool operator==(const Moment&) const = default;
};
Moment MomentNow(std::uint64_t boot);

// The first 64 bits of /proc/sys/kernel/random/boot_id; 0 for what is none.
std::uint64_t BootNumber(std::string_view boot_id);

// What the wall clock of `now` would have shown at `then`. Of an earlier boot, whose clock may have
// been ahead: no later than the present boot's begin.
WallTime SeenFrom(const Moment& now, const Moment& then);

// RFC 3339 in UTC, "2026-11-24T03:04:11Z"; milliseconds only if `with_millis`.
std::string FormatTime(WallTime time, bool with_millis = false);

// RFC 3339 with Z or a numeric offset and up to nine fraction digits (Kubernetes Time and
// MicroTime).
std::optional<WallTime> ParseTime(std::string_view text);

// A duration as people say it: "8s", "40m", "3h", "6d"; rounds down, negative is "0s".
std::string FormatAge(std::chrono::milliseconds age);

// Go's time.Duration notation without signs: "168h", "1m30s", "500ms", "0".
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace seccompd::base
