// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/document/document.h"
#include "common/kube/config_map.h"

namespace seccompd::kube {

// SeccompProfile of a securityContext (core/v1).
struct SeccompProfileRef {
  enum class Type { kRuntimeDefault, kLocalhost, kUnconfined, kUnknown };
  Type type = Type::kUnconfined;
  std::string localhost_profile;  // relative to the kubelet's seccomp root

  bool operator==(const SeccompProfileRef&) const = default;
};

enum class ContainerKind { kInit, kSidecar, kApp, kEphemeral };

// status.*Statuses[].state; kUnknown until the kubelet has reported one.
enum class ContainerState { kUnknown, kWaiting, kRunning, kTerminated };

// One container of a pod: spec and status joined by name; only what the audit needs.
struct Container {
  std::string name;
  ContainerKind kind = ContainerKind::kApp;
  std::optional<SeccompProfileRef> seccomp;  // its own, if set
  bool privileged = false;
  std::vector<std::string> add_capabilities;  // as written, e.g. "SYS_ADMIN", "ALL"
  std::vector<std::string> drop_capabilities;
  std::string container_id;  // without "containerd://"; empty until the status names it
  std::string image_id;
  ContainerState state = ContainerState::kUnknown;
  std::optional<base::WallTime> started_at;  // state.running.startedAt
  std::string waiting_reason;                // state.waiting.reason, e.g. "CreateContainerError"

  bool operator==(const Container&) const = default;
};

struct Pod {
  ObjectMeta meta;
  std::string node_name;
  std::string runtime_class;
  std::string owner;  // "Deployment/pay", "" when bare
  std::string phase;  // status.phase
  bool host_pid = false;
  bool host_users = true;
  std::string os;                            // spec.os.name
  std::optional<SeccompProfileRef> seccomp;  // pod level
  std::vector<Container> containers;

  bool operator==(const Pod&) const = default;

  // The uid by which the kubelet names cgroups: annotation kubernetes.io/config.hash of a mirror
  // pod (one that has kubernetes.io/config.mirror; pkg/kubelet/config/common.go), else
  // metadata.uid.
  [[nodiscard]] const std::string& CgroupUid() const;
};

// From a v1 Pod object. Unknown fields are ignored, as the API requires of clients.
[[nodiscard]] base::Result<Pod> ParsePod(const document::Node& object);

}  // namespace seccompd::kube
