// SPDX-License-Identifier: Apache-2.0
#include "agent/source/node_facts.h"

#include <utility>

#include "common/base/strings.h"

namespace seccompd::agent {
namespace {

std::string_view ValueOf(const kube::Labels& labels, const std::string& key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string_view() : std::string_view(found->second);
}

// "" if the agent can work there.
base::Result<std::string> UnsupportedBecause(const kube::NodeRecord& node,
                                             std::span<const std::string> leave_alone) {
  if (node.operating_system == "windows" || ValueOf(node.labels, "kubernetes.io/os") == "windows") {
    return "a Windows node has no seccomp";
  }
  for (const std::string& text : leave_alone) {
    auto selector = kube::ParseLabelSelector(text);
    if (!selector) {
      return base::Fail(base::WithContext(std::move(selector).error(),
                                          "--node.leave-alone '" + base::Printable(text) + "'"));
    }
    if (!selector->requirements.empty() && selector->Matches(node.labels)) {
      return "the node's labels match " + base::Printable(text) + " (--node.leave-alone)";
    }
  }
  return std::string();
}

}  // namespace

std::string ThisNode::RuntimeName() const {
  return container_runtime.empty() ? std::string() : container_runtime + "://" + runtime_version;
}

base::Result<ThisNode> FactsOf(const kube::NodeRecord& node,
                               std::span<const std::string> leave_alone) {
  ThisNode facts;
  TRY_ASSIGN(facts.unsupported, UnsupportedBecause(node, leave_alone));
  facts.labels = node.labels;
  facts.uid = node.uid;
  facts.kubelet_version = node.kubelet_version;
  facts.os_image = node.os_image;
  facts.gvisor = ValueOf(node.labels, "sandbox.gke.io/runtime") == "gvisor";
  const std::size_t at = node.container_runtime.find("://");
  if (at != std::string::npos) {
    facts.container_runtime = node.container_runtime.substr(0, at);
    facts.runtime_version = node.container_runtime.substr(at + 3);
  }
  return facts;
}

}  // namespace seccompd::agent
