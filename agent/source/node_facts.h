// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/kube/node.h"

namespace seccompd::agent {

// What the API says of this node, read once at the start; all of it optional.
struct ThisNode {
  std::optional<kube::Labels> labels;  // absent: not asked, or refused
  std::string uid = {};
  std::string container_runtime = {};  // "containerd"
  std::string runtime_version = {};    // "1.7.13"
  std::string kubelet_version = {};
  std::string os_image = {};
  std::string cluster_uid = {};          // of the namespace kube-system
  std::string cluster_uid_unknown = {};  // why it is not known
  bool gvisor = false;                   // GKE Sandbox: its pods are not_applicable, one by one
  std::string unsupported = {};          // why the agent leaves this node alone; "" where it works

  // "containerd://1.7.13", as --runtime takes it; "" if the API says nothing of it.
  [[nodiscard]] std::string RuntimeName() const;
  bool operator==(const ThisNode&) const = default;
};

// `leave_alone`: label selectors of nodes where the agent has no business (--node.leave-alone).
[[nodiscard]] base::Result<ThisNode> FactsOf(const kube::NodeRecord& node,
                                             std::span<const std::string> leave_alone);

}  // namespace seccompd::agent
