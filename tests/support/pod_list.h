// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace seccompd::test_support {

// One pod with one container, the way `kubectl get pods -o json` says it. `seccomp` and
// `pod_seccomp` are securityContext.seccompProfile: "Localhost:profiles/a.json", "RuntimeDefault",
// "Unconfined"; absent: not set.
struct PodRow {
  std::string name_space = "demo";
  std::string name = {};
  std::string uid = {};
  std::string container = "app";
  std::string container_id = {};
  std::string runtime = "containerd";
  std::optional<std::string> seccomp = {};
  std::optional<std::string> pod_seccomp = {};
  bool privileged = false;
};

// {"kind":"List","items":[Pod...]}.
[[nodiscard]] std::string RenderPodList(const std::vector<PodRow>& rows);

}  // namespace seccompd::test_support
