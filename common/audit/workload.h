// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/kube/pod.h"

namespace seccompd::audit {

// What the kubelet tells the runtime for a container that nobody gave a seccompProfile
// (--seccomp-default). Undecided: such containers cannot be judged.
enum class NodeDefault : std::uint8_t { kUndecided, kRuntimeDefault, kUnconfined };
std::string_view NodeDefaultName(
    NodeDefault value);  // "undecided", "runtime-default", "unconfined"

enum class AskedKind : std::uint8_t {
  kRuntimeDefault,
  kLocalhost,
  kUnconfined,
  kUndecided,  // nothing is set and the node's default is not known
  kInvalid,    // a seccompProfile.type that the API does not have
};

// Which level of the precedence decided.
enum class AskedLevel : std::uint8_t { kContainer, kPod, kNode, kSandbox };
std::string_view AskedLevelName(AskedLevel level);  // "container", "pod", "node", "sandbox"

// What the kubelet asks of the runtime for one container (pkg/kubelet/kuberuntime/helpers.go
// getSeccompProfile): container over pod over node default.
struct Asked {
  AskedKind kind = AskedKind::kUndecided;
  AskedLevel level = AskedLevel::kNode;
  std::string path;         // kLocalhost: cleaned, relative to the seccomp root
  bool privileged = false;  // the runtime drops whatever is asked (containerd, CRI-O)

  bool operator==(const Asked&) const = default;
};

// Closed set of metric label values: "localhost", "runtime_default", "unconfined", "unset".
std::string_view ExpectedLabel(const Asked& asked);

// For people: "web/pay.json", "RuntimeDefault", "Unconfined", "unset".
std::string AskedText(const Asked& asked);

enum class WorkloadKind : std::uint8_t { kApp, kInit, kSidecar, kEphemeral, kPause };
std::string_view WorkloadKindName(WorkloadKind kind);

struct Workload {
  std::string name;  // "" for the pause container
  WorkloadKind kind = WorkloadKind::kApp;
  Asked asked;
  std::vector<std::string> add_capabilities = {};  // as the pod spec writes them
  std::vector<std::string> drop_capabilities = {};
  std::string container_id;  // "" until the pod's status names it; always "" for pause
  std::string image_id;
  kube::ContainerState state = kube::ContainerState::kUnknown;
  std::string waiting_reason;

  bool operator==(const Workload&) const = default;
};

struct PodWorkload {
  std::string namespace_name;
  std::string name;
  std::string uid;  // by which its cgroups are named; "" in a manifest that was never applied
  std::string owner;
  std::string runtime_class;
  std::optional<base::WallTime> created;
  bool ended = false;                // phase Succeeded or Failed
  std::vector<Workload> containers;  // in the pod's order
  Workload pause;                    // RuntimeDefault, unless a container of the pod is privileged

  bool operator==(const PodWorkload&) const = default;
};

// localhostProfile as filepath.Join(<seccomp root>, path) understands it, relative to the root:
// "a//b",
// "./a/../b" and "/b" are cleaned; what leads out of the root keeps its leading "..".
std::string CleanProfilePath(std::string_view path);

PodWorkload MakePodWorkload(const kube::Pod& pod, NodeDefault node_default);

// All pods in canonical order (namespace, name, uid); Windows pods are left out, and of two records
// with one uid the later in that order.
std::vector<PodWorkload> MakeWorkloads(std::span<const kube::Pod> pods, NodeDefault node_default);

}  // namespace seccompd::audit
