// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
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
