// SPDX-License-Identifier: Apache-2.0
#include "common/audit/workload.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::audit {
namespace {

using kube::SeccompProfileRef;

AskedKind KindOf(SeccompProfileRef::Type type) {
  switch (type) {
    case SeccompProfileRef::Type::kRuntimeDefault:
      return AskedKind::kRuntimeDefault;
    case SeccompProfileRef::Type::kLocalhost:
      return AskedKind::kLocalhost;
    case SeccompProfileRef::Type::kUnconfined:
      return AskedKind::kUnconfined;
    case SeccompProfileRef::Type::kUnknown:
      return AskedKind::kInvalid;
  }
  return AskedKind::kInvalid;
}

AskedKind KindOf(NodeDefault node_default) {
  switch (node_default) {
    case NodeDefault::kRuntimeDefault:
      return AskedKind::kRuntimeDefault;
    case NodeDefault::kUnconfined:
      return AskedKind::kUnconfined;
    case NodeDefault::kUndecided:
      return AskedKind::kUndecided;
  }
  return AskedKind::kUndecided;
}

Asked AskedBy(const SeccompProfileRef& ref, AskedLevel level) {
  Asked asked{.kind = KindOf(ref.type), .level = level, .path = {}, .privileged = false};
  if (asked.kind == AskedKind::kLocalhost) asked.path = CleanProfilePath(ref.localhost_profile);
  return asked;
}

Asked AskedOf(const kube::Container& container, const kube::Pod& pod, NodeDefault node_default) {
  Asked asked{
      .kind = KindOf(node_default), .level = AskedLevel::kNode, .path = {}, .privileged = false};
  if (container.seccomp) {
    asked = AskedBy(*container.seccomp, AskedLevel::kContainer);
  } else if (pod.seccomp) {
    asked = AskedBy(*pod.seccomp, AskedLevel::kPod);
  }
  asked.privileged = container.privileged;
  return asked;
}

WorkloadKind KindOf(kube::ContainerKind kind) {
  switch (kind) {
    case kube::ContainerKind::kInit:
      return WorkloadKind::kInit;
    case kube::ContainerKind::kSidecar:
      return WorkloadKind::kSidecar;
    case kube::ContainerKind::kApp:
      return WorkloadKind::kApp;
    case kube::ContainerKind::kEphemeral:
      return WorkloadKind::kEphemeral;
  }
  return WorkloadKind::kApp;
}

// The kubelet asks RuntimeDefault for every sandbox, whatever the pod asks for its containers, and
// calls it privileged if any container is (generatePodSandboxLinuxConfig); then nothing is loaded.
Workload PauseOf(const kube::Pod& pod) {
  const bool privileged = std::any_of(pod.containers.begin(), pod.containers.end(),
                                      [](const kube::Container& c) { return c.privileged; });
  Workload pause;
  pause.kind = WorkloadKind::kPause;
  pause.asked = {.kind = privileged ? AskedKind::kUnconfined : AskedKind::kRuntimeDefault,
                 .level = AskedLevel::kSandbox,
                 .path = {},
                 .privileged = privileged};
  return pause;
}

}  // namespace

std::string_view NodeDefaultName(NodeDefault value) {
  switch (value) {
    case NodeDefault::kUndecided:
      return "undecided";
    case NodeDefault::kRuntimeDefault:
      return "runtime-default";
    case NodeDefault::kUnconfined:
      return "unconfined";
  }
  return "undecided";
}

std::string_view AskedLevelName(AskedLevel level) {
  switch (level) {
    case AskedLevel::kContainer:
      return "container";
    case AskedLevel::kPod:
      return "pod";
    case AskedLevel::kNode:
      return "node";
    case AskedLevel::kSandbox:
      return "sandbox";
  }
  return "node";
}

std::string_view ExpectedLabel(const Asked& asked) {
  if (asked.level == AskedLevel::kNode) return "unset";
  switch (asked.kind) {
    case AskedKind::kRuntimeDefault:
      return "runtime_default";
    case AskedKind::kLocalhost:
      return "localhost";
    case AskedKind::kUnconfined:
    case AskedKind::kInvalid:  // the kubelet falls through to Unconfined
      return "unconfined";
    case AskedKind::kUndecided:
      return "unset";
  }
  return "unset";
}

std::string AskedText(const Asked& asked) {
  switch (asked.kind) {
    case AskedKind::kRuntimeDefault:
      return "RuntimeDefault";
    case AskedKind::kLocalhost:
      return asked.path.empty() ? "Localhost without path" : asked.path;
    case AskedKind::kUnconfined:
      return asked.level == AskedLevel::kNode ? "unset" : "Unconfined";
    case AskedKind::kUndecided:
      return "unset";
    case AskedKind::kInvalid:
      return "unknown type";
  }
  return "unset";
}

std::string_view WorkloadKindName(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::kApp:
      return "app";
    case WorkloadKind::kInit:
      return "init";
    case WorkloadKind::kSidecar:
      return "sidecar";
    case WorkloadKind::kEphemeral:
      return "ephemeral";
    case WorkloadKind::kPause:
      return "pause";
  }
  return "app";
}

std::string CleanProfilePath(std::string_view path) {
  std::vector<std::string> segments;
  for (const std::string_view segment : base::Split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment == ".." && !segments.empty() && segments.back() != "..") {
      segments.pop_back();
    } else {
      segments.emplace_back(segment);
    }
  }
  return base::Join(segments, "/");
}

PodWorkload MakePodWorkload(const kube::Pod& pod, NodeDefault node_default) {
  PodWorkload workload;
  workload.namespace_name = pod.meta.namespace_name;
  workload.name = pod.meta.name;
  workload.uid = pod.CgroupUid();
  workload.owner = pod.owner;
  workload.runtime_class = pod.runtime_class;
  workload.created = pod.meta.creation_time;
  workload.ended = pod.phase == "Succeeded" || pod.phase == "Failed";
  workload.containers.reserve(pod.containers.size());
  for (const kube::Container& container : pod.containers) {
    workload.containers.push_back({.name = container.name,
                                   .kind = KindOf(container.kind),
                                   .asked = AskedOf(container, pod, node_default),
                                   .add_capabilities = container.add_capabilities,
                                   .drop_capabilities = container.drop_capabilities,
                                   .container_id = container.container_id,
                                   .image_id = container.image_id,
                                   .state = container.state,
                                   .waiting_reason = container.waiting_reason});
  }
  workload.pause = PauseOf(pod);
  return workload;
}

std::vector<PodWorkload> MakeWorkloads(std::span<const kube::Pod> pods, NodeDefault node_default) {
  std::vector<PodWorkload> workloads;
  workloads.reserve(pods.size());
  for (const kube::Pod& pod : pods) {
    if (pod.os != "windows") workloads.push_back(MakePodWorkload(pod, node_default));
  }
  std::stable_sort(workloads.begin(), workloads.end(), [](const auto& a, const auto& b) {
    return std::tie(a.namespace_name, a.name, a.uid) < std::tie(b.namespace_name, b.name, b.uid);
  });
  std::unordered_set<std::string> uids;
  const auto repeated = [&](const PodWorkload& workload) {
    return !workload.uid.empty() && !uids.insert(workload.uid).second;
  };
  // remove_if may not be used: it promises no order of calls.
  std::vector<PodWorkload> unique;
  unique.reserve(workloads.size());
  for (PodWorkload& workload : workloads) {
    if (!repeated(workload)) unique.push_back(std::move(workload));
  }
  return unique;
}

}  // namespace seccompd::audit
