// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/references.h"

#include <utility>

namespace seccompd::agent {
namespace {

void AddReference(const std::optional<kube::SeccompProfileRef>& ref, install::References* out) {
  if (!ref || ref->type != kube::SeccompProfileRef::Type::kLocalhost) return;
  std::string path = install::NormalizeReference(ref->localhost_profile);
  if (!path.empty()) out->paths.insert(std::move(path));
}

}  // namespace

install::References ReferencesOf(std::span<const kube::Pod> pods, bool known) {
  install::References references;
  references.known = known;
  for (const kube::Pod& pod : pods) {
    AddReference(pod.seccomp, &references);
    for (const kube::Container& container : pod.containers) {
      AddReference(container.seccomp, &references);
    }
  }
  return references;
}

}  // namespace seccompd::agent
