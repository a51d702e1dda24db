// SPDX-License-Identifier: Apache-2.0
#include "common/audit/loaded.h"

#include <algorithm>

namespace seccompd::audit {

const LoadedProcess* FindLoaded(std::span<const LoadedProcess> loaded, pid_t pid) {
  const auto found =
      std::lower_bound(loaded.begin(), loaded.end(), pid,
                       [](const LoadedProcess& a, pid_t wanted) { return a.pid < wanted; });
  return found == loaded.end() || found->pid != pid ? nullptr : &*found;
}

}  // namespace seccompd::audit
