// SPDX-License-Identifier: Apache-2.0
// Any text: both parsers of /proc/<pid>/stat agree wherever the stricter one accepts it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/procfs/stat.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto stat = seccompd::procfs::ParseStat(text);
  const auto start_ticks = seccompd::procfs::ParseStartTicks(text);
  if (stat && (stat->pid < 0 || stat->ppid < 0 || start_ticks != stat->start_ticks)) std::abort();
  return 0;
}
