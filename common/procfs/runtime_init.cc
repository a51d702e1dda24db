// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/runtime_init.h"

#include <algorithm>
#include <array>

namespace seccompd::procfs {
namespace {

constexpr std::array<std::string_view, 9> kNames = {
    "runc:[0:PARENT]", "runc:[1:CHILD]",  "runc:[2:INIT]",  "runc", "exe", "crun",
    "youki",           "youki:[1:INTER]", "youki:[2:INIT]",
};

}  // namespace

bool IsRuntimeInitName(std::string_view comm) {
  return std::find(kNames.begin(), kNames.end(), comm) != kNames.end();
}

bool IsDeferred(const Process& process, std::uint64_t now_ticks, std::uint64_t ticks_per_second) {
  if (!IsRuntimeInitName(process.comm)) return false;
  if (process.start_ticks >= now_ticks) return true;
  const auto grace = static_cast<std::uint64_t>(kRuntimeInitGrace.count()) * ticks_per_second;
  return now_ticks - process.start_ticks < grace;
}

}  // namespace seccompd::procfs
