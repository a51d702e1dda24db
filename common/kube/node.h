// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/document/document.h"
#include "common/kube/label_selector.h"

namespace seccompd::kube {

// The fields of a v1 Node that seccompd reads.
struct NodeRecord {
  std::string name;
  std::string uid;
  Labels labels;
  std::string operating_system;  // status.nodeInfo: "linux", "windows"
  std::string os_image;
  std::string kernel_version;
  std::string container_runtime;  // "containerd://1.7.13"
  std::string kubelet_version;

  bool operator==(const NodeRecord&) const = default;
};

[[nodiscard]] base::Result<NodeRecord> ParseNode(const document::Node& object);

}  // namespace seccompd::kube
