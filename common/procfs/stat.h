// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace seccompd::procfs {

// What is needed of /proc/<pid>/stat.
struct Stat {
  pid_t pid = 0;
  std::string comm;  // raw bytes, any but NUL: print escaped
  char state = '?';
  pid_t ppid = 0;
  std::uint64_t start_ticks = 0;  // field 22: clock ticks (sysconf(_SC_CLK_TCK)) since boot

  bool operator==(const Stat&) const = default;
};

// The whole text of the file: comm is not escaped there and may hold ") S 1 ", even newlines, so it
// ends at the last ')'. kCorrupt for anything that is not of that form (proc(5)).
[[nodiscard]] base::Result<Stat> ParseStat(std::string_view text);

// Only field 22, for the scan. nullopt where ParseStat would fail before or at that field.
[[nodiscard]] std::optional<std::uint64_t> ParseStartTicks(std::string_view text);

}  // namespace seccompd::procfs
