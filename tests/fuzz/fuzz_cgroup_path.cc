// SPDX-License-Identifier: Apache-2.0
// Any path: what is below a container is that container's, and its own path names it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/procfs/cgroup_path.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using seccompd::procfs::CgroupKind;
  using seccompd::procfs::ClassifyCgroup;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  const auto place = ClassifyCgroup(path);
  if (place.kind != CgroupKind::kContainer) {
    if (!place.container_path.empty()) std::abort();
    return 0;
  }
  if (!path.starts_with(place.container_path) || place.ref.container_id.size() != 64) std::abort();
  const std::string below =
      std::string(path) + "/kubepods/pod" + std::string(32, '0') + "/" + std::string(64, '1');
  const auto nested = ClassifyCgroup(below);
  const auto own = ClassifyCgroup(place.container_path);
  if (nested.ref != place.ref || own.ref != place.ref || own.kind != place.kind) std::abort();
  return 0;
}
