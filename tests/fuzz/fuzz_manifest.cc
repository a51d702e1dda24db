// SPDX-License-Identifier: Apache-2.0
// Manifest text, JSON or YAML: no crash, and every invalid object says what is wrong.
#include <cstdlib>

#include "common/kube/manifest.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace seccompd::kube;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t kMaxObjects = 100;
  const auto objects = ParseManifest(text, kMaxObjects);
  if (!objects) {
    if (objects.error().message.empty()) std::abort();
    return 0;
  }
  if (objects->size() > kMaxObjects) std::abort();
  for (const ManifestObject& object : *objects) {
    const auto* invalid = std::get_if<InvalidObject>(&object);
    if (invalid != nullptr && invalid->error.message.empty()) std::abort();
    const auto* map = std::get_if<ConfigMap>(&object);
    if (map != nullptr && map->meta.name.empty()) std::abort();
  }
  return 0;
}
