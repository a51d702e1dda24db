// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace seccompd::metrics {

// This process as the kernel sees it. Absent: that file could not be read or understood.
struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> start_time_seconds;  // since 1970
  std::optional<std::uint64_t> virtual_memory_bytes;
  std::optional<std::uint64_t> virtual_memory_max_bytes;
  std::optional<std::uint64_t> resident_memory_bytes;
  std::optional<std::uint64_t> open_fds;
  std::optional<std::uint64_t> max_fds;
  std::optional<std::uint64_t> network_receive_bytes;
  std::optional<std::uint64_t> network_transmit_bytes;

  bool operator==(const ProcessStats&) const = default;
};

// The texts it is made from; "" where a file could not be read. Source of truth: proc(5).
struct ProcessTexts {
  std::string stat;                       // /proc/self/stat
  std::string limits;                     // /proc/self/limits
  std::string netstat;                    // /proc/self/net/netstat
  std::string system;                     // /proc/stat, for btime
  std::optional<std::uint64_t> open_fds;  // entries of /proc/self/fd
};

struct ProcessUnits {
  long ticks_per_second = 100;  // sysconf(_SC_CLK_TCK)
  long page_bytes = 4096;       // sysconf(_SC_PAGESIZE)
};

// "unlimited" becomes the greatest 64-bit number, as client_golang shows it.
ProcessStats ParseProcessStats(const ProcessTexts& texts, const ProcessUnits& units);

// Reads the texts below `procfd`, a directory descriptor of /proc, as far as they can be read. Not
// counted in open_fds: the descriptor that lists them.
ProcessTexts ReadProcessTexts(int procfd);
ProcessUnits SystemUnits();

}  // namespace seccompd::metrics
