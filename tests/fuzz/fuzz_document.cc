// SPDX-License-Identifier: Apache-2.0
// JSON and YAML text: no crash, bounded cost, and an error says where.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/document/document.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd::document;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Limits limits{.bytes = 1 << 16, .depth = 32, .nodes = 10'000, .documents = 100};
  Position at;
  const auto json = ParseJson(text, limits, &at);
  if (!json && (json.error().message.empty() || at.line == 0)) std::abort();
  const auto yaml = ParseYaml(text, limits);
  if (!yaml && yaml.error().message.empty()) std::abort();
  if (yaml && yaml->size() > limits.documents) std::abort();
  return 0;
}
