// SPDX-License-Identifier: Apache-2.0
// Any text: ParseStatus gives a state that the rest of the program can use, or an error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/procfs/status.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto status = seccompd::procfs::ParseStatus(text);
  if (!status) return 0;
  const auto& seccomp = status->seccomp;
  if (seccomp.mode < 0 || seccomp.mode > 2 || seccomp.filters.value_or(0) < 0) std::abort();
  if (status->pid < 0 || status->tgid < 0 || status->ppid < 0 || status->threads < 0) std::abort();
  if (status->comm.size() > size) std::abort();
  return 0;
}
