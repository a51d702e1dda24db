// SPDX-License-Identifier: Apache-2.0
// Any text: the parser never fails badly, and the canonical text of what it took means the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/bpf/call_pattern.h"

using namespace seccompd;  // NOLINT(google-build-using-namespace): one function

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto arch : {seccomp::Arch::kX86_64, seccomp::Arch::kS390x}) {
    const auto pattern = bpf::ParseCallPattern(text, arch);
    if (!pattern) continue;
    const auto again = bpf::ParseCallPattern(pattern->name, arch);
    if (!again || *again != *pattern) std::abort();
  }
  return 0;
}
