// SPDX-License-Identifier: Apache-2.0
// The file of --config: what is accepted holds nothing that could steer a terminal in an error, and
// reading it does not depend on the day.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/config.h"
#include "common/base/strings.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto flags = agent::ParseConfigFile(text);
  if (!flags) {
    const std::string& message = flags.error().message;
    if (message.empty() || base::Printable(message) != message) std::abort();
    return 0;
  }
  for (const auto& [name, value] : *flags) {
    if (name.empty()) std::abort();
  }
  const auto again = agent::ParseConfigFile(text);
  if (!again || *again != *flags) std::abort();
  return 0;
}
