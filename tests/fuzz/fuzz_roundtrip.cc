// SPDX-License-Identifier: Apache-2.0
// What was validated is what is installed: rendering a profile that was read gives it back, and
// rendering that again gives the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd::seccomp;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const ParsedProfile parsed = ParseProfile({reinterpret_cast<const char*>(data), size});
  if (!parsed.profile) return 0;
  const std::string text = RenderOci(*parsed.profile);
  const ParsedProfile again = ParseProfile(text);
  if (!again.profile || *again.profile != *parsed.profile) std::abort();
  if (!again.diagnostics.empty() || RenderOci(*again.profile) != text) std::abort();
  return 0;
}
