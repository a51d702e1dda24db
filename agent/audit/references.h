// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "common/install/plan.h"
#include "common/kube/pod.h"

namespace seccompd::agent {

// The profiles that pods refer to, for in-use protection. `known` is false while some pod record
// could not be read: it may refer to anything, so nothing may be given up.
[[nodiscard]] install::References ReferencesOf(std::span<const kube::Pod> pods, bool known);

}  // namespace seccompd::agent
