// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/kube/pod.h"

namespace seccompd::kube {

// A pod in a few hundred bytes, for a node that keeps all of its pods in mind. Labels and foreign
// annotations are dropped: nothing looks at them once the pod is parsed. The form is private to one
// process.
[[nodiscard]] std::string PackPod(const Pod& pod);

// The pod again. `packed` must come from PackPod.
[[nodiscard]] Pod UnpackPod(std::string_view packed);

}  // namespace seccompd::kube
