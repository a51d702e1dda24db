// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/document/document.h"
#include "common/seccomp/diagnostic.h"

namespace seccompd::agent {

// What one container of a pod template asks for.
struct PodReference {
  std::string workload;   // "Deployment shop/pay"
  std::string container;  // "init/migrate" for init containers
  std::string asked;      // localhostProfile, "RuntimeDefault", "Unconfined", "unset"
  // "provided", "missing", "refused", "invalid", or "" where no profile is needed.
  std::string state{};

  bool operator==(const PodReference&) const = default;
};

// What a profile that can be asked for is like.
struct OfferedProfile {
  bool valid = false;
  bool needs_no_new_privs = false;  // N0201
};
using OfferedProfiles = std::map<std::string, OfferedProfile, std::less<>>;  // by localhostProfile

struct PodFindings {
  std::vector<PodReference> references;
  std::vector<seccomp::Diagnostic> diagnostics;  // with lines
};

// Every pod template in a manifest's document: a Pod, what has one in spec.template,
// spec.jobTemplate.spec.template or template (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job,
// CronJob, PodTemplate, and custom kinds built like them), and all of these in lists. Decided as
// the API server and the kubelet do: container over pod; Windows pods are left out. Pure.
[[nodiscard]] PodFindings CheckPodReferences(const document::Node& document,
                                             const OfferedProfiles& offered);

}  // namespace seccompd::agent
