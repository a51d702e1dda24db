// SPDX-License-Identifier: Apache-2.0
#include "common/install/tenant.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace seccompd::install {
namespace {

struct Used {
  std::size_t profiles = 0;
  std::size_t bytes = 0;
};

std::string NamespaceOf(const Claim& claim) { return claim.owner.substr(0, claim.owner.find('/')); }

seccomp::Diagnostic Refusal(std::string pointer, std::string message) {
  return {.code = seccomp::codes::kNotForTenants,
          .severity = seccomp::Severity::kError,
          .pointer = std::move(pointer),
          .message = std::move(message)};
}

}  // namespace

void LimitTenants(const TenantLimits& limits, std::span<Claim> claims) {
  std::vector<Claim*> tenants;
  for (Claim& claim : claims) {
    if (claim.tenant) tenants.push_back(&claim);
  }
  std::stable_sort(tenants.begin(), tenants.end(), [](const Claim* a, const Claim* b) {
    return std::tie(a->created, a->path) < std::tie(b->created, b->path);
  });
  std::map<std::string, Used> used;
  std::size_t node_bytes = 0;
  for (Claim* claim : tenants) {
    if (claim->error) continue;
    Used& here = used[NamespaceOf(*claim)];
    const std::size_t size = claim->text.size();
    std::string limit;
    if (here.profiles + 1 > limits.profiles_per_namespace) {
      limit = std::to_string(limits.profiles_per_namespace) + " profiles of a tenant namespace";
    } else if (here.bytes + size > limits.bytes_per_namespace) {
      limit = std::to_string(limits.bytes_per_namespace) + " bytes of a tenant namespace";
    } else if (node_bytes + size > limits.bytes_per_node) {
      limit = std::to_string(limits.bytes_per_node) + " bytes of all tenants on a node";
    }
    if (!limit.empty()) {
      claim->text.clear();
      claim->error = "beyond the limit of " + limit + ": remove older ones";
      continue;
    }
    ++here.profiles;
    here.bytes += size;
    node_bytes += size;
  }
}

std::vector<seccomp::Diagnostic> TenantProblems(const seccomp::Profile& profile) {
  std::vector<seccomp::Diagnostic> problems;
  if (!profile.listener_path.empty() || !profile.listener_metadata.empty()) {
    problems.push_back(
        Refusal("/listenerPath", "a listener is not allowed in a tenant namespace: remove it"));
  }
  if (profile.default_action == seccomp::ActionKind::kNotify) {
    problems.push_back(Refusal("/defaultAction",
                               "SCMP_ACT_NOTIFY is not allowed in a tenant namespace: name "
                               "another action"));
  }
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    if (profile.syscalls[i].action != seccomp::ActionKind::kNotify) continue;
    problems.push_back(Refusal("/syscalls/" + std::to_string(i) + "/action",
                               "SCMP_ACT_NOTIFY is not allowed in a tenant namespace: name "
                               "another action"));
    break;  // one is enough to say so
  }
  return problems;
}

}  // namespace seccompd::install
