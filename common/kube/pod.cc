// SPDX-License-Identifier: Apache-2.0
#include "common/kube/pod.h"

#include <array>
#include <map>
#include <string_view>

#include "common/base/strings.h"
#include "common/kube/field.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Kind;
using document::Node;

// Where each kind of container stands in the spec and in the status (core/v1 PodSpec, PodStatus).
struct Section {
  std::string_view spec;
  std::string_view status;
  ContainerKind kind;
};
constexpr std::array<Section, 3> kSections = {{
    {"initContainers", "initContainerStatuses", ContainerKind::kInit},
    {"containers", "containerStatuses", ContainerKind::kApp},
    {"ephemeralContainers", "ephemeralContainerStatuses", ContainerKind::kEphemeral},
}};

SeccompProfileRef::Type TypeFromName(std::string_view name) {
  using Type = SeccompProfileRef::Type;
  if (name == "RuntimeDefault") return Type::kRuntimeDefault;
  if (name == "Localhost") return Type::kLocalhost;
  if (name == "Unconfined") return Type::kUnconfined;
  return Type::kUnknown;
}

// `seccompProfile` of a pod's or container's securityContext, nullopt if not set.
Result<std::optional<SeccompProfileRef>> ParseSeccompProfile(const Node& security_context) {
  TRY_ASSIGN(const Node* node, ObjectField(security_context, "seccompProfile"));
  if (node == nullptr) return std::nullopt;
  auto type = StringField(*node, "type");
  if (!type) return Fail(Under("seccompProfile", std::move(type).error()));
  auto path = StringField(*node, "localhostProfile");
  if (!path) return Fail(Under("seccompProfile", std::move(path).error()));
  return SeccompProfileRef{.type = TypeFromName(*type), .localhost_profile = std::move(*path)};
}

Result<> ReadCapabilities(const Node& security_context, Container& container) {
  TRY_ASSIGN(const Node* node, ObjectField(security_context, "capabilities"));
  if (node == nullptr) return {};
  auto add = StringListField(*node, "add");
  if (!add) return Fail(Under("capabilities", std::move(add).error()));
  auto drop = StringListField(*node, "drop");
  if (!drop) return Fail(Under("capabilities", std::move(drop).error()));
  container.add_capabilities = std::move(*add);
  container.drop_capabilities = std::move(*drop);
  return {};
}

Result<> ReadContainerSecurity(const Node& security_context, Container& container) {
  TRY_ASSIGN(container.seccomp, ParseSeccompProfile(security_context));
  TRY_ASSIGN(container.privileged, BoolField(security_context, "privileged", false));
  return ReadCapabilities(security_context, container);
}

Result<Container> ParseContainer(const Node& node, ContainerKind kind) {
  Container container;
  container.kind = kind;
  TRY_ASSIGN(container.name, StringField(node, "name"));
  if (container.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "name: is missing or empty");
  }
  TRY_ASSIGN(const std::string restart_policy, StringField(node, "restartPolicy"));
  if (kind == ContainerKind::kInit && restart_policy == "Always") {
    container.kind = ContainerKind::kSidecar;
  }
  TRY_ASSIGN(const Node* security, ObjectField(node, "securityContext"));
  if (security == nullptr) return container;
  if (auto read = ReadContainerSecurity(*security, container); !read) {
    return Fail(Under("securityContext", std::move(read).error()));
  }
  return container;
}

// "containerd://4c0d" -> "4c0d"; the scheme is the runtime's name, of no further use.
std::string WithoutScheme(const std::string& id) {
  constexpr std::string_view kSeparator = "://";
  const std::size_t at = id.find(kSeparator);
  return at == std::string::npos ? id : id.substr(at + kSeparator.size());
}

Result<> ReadState(const Node& state, Container& container) {
  TRY_ASSIGN(const Node* running, ObjectField(state, "running"));
  TRY_ASSIGN(const Node* terminated, ObjectField(state, "terminated"));
  TRY_ASSIGN(const Node* waiting, ObjectField(state, "waiting"));
  if (running != nullptr) {
    container.state = ContainerState::kRunning;
    auto started = StringField(*running, "startedAt");
    if (!started) return Fail(Under("running", std::move(started).error()));
    // A time that cannot be read is no reason to lose the pod: the process's own age decides.
    container.started_at = base::ParseTime(*started);
  } else if (terminated != nullptr) {
    container.state = ContainerState::kTerminated;
  } else if (waiting != nullptr) {
    container.state = ContainerState::kWaiting;
    auto reason = StringField(*waiting, "reason");
    if (!reason) return Fail(Under("waiting", std::move(reason).error()));
    container.waiting_reason = std::move(*reason);
  }
  return {};
}

// Joins one element of a status list to the container of that name; others are of no interest.
Result<> ReadStatus(const Node& status, const std::map<std::string, std::size_t>& by_name,
                    std::vector<Container>& containers) {
  TRY_ASSIGN(const std::string name, StringField(status, "name"));
  const auto found = by_name.find(name);
  if (found == by_name.end()) return {};
  Container& container = containers[found->second];
  TRY_ASSIGN(const std::string id, StringField(status, "containerID"));
  container.container_id = WithoutScheme(id);
  TRY_ASSIGN(container.image_id, StringField(status, "imageID"));
  TRY_ASSIGN(const Node* state, ObjectField(status, "state"));
  if (state == nullptr) return {};
  if (auto read = ReadState(*state, container); !read) {
    return Fail(Under("state", std::move(read).error()));
  }
  return {};
}

Result<> ReadContainers(const Node& spec, std::vector<Container>& containers) {
  for (const Section& section : kSections) {
    TRY(ForEachObject(spec, section.spec, [&](const Node& element) -> Result<> {
      TRY_ASSIGN(Container container, ParseContainer(element, section.kind));
      containers.push_back(std::move(container));
      return {};
    }));
  }
  return {};
}

Result<> ReadStatuses(const Node& status, std::vector<Container>& containers) {
  std::map<std::string, std::size_t> by_name;  // unique over all kinds (API validation)
  for (std::size_t i = 0; i < containers.size(); ++i) by_name.emplace(containers[i].name, i);
  for (const Section& section : kSections) {
    TRY(ForEachObject(status, section.status, [&](const Node& element) {
      return ReadStatus(element, by_name, containers);
    }));
  }
  return {};
}

Result<> ReadSpec(const Node& spec, Pod& pod) {
  TRY_ASSIGN(pod.node_name, StringField(spec, "nodeName"));
  TRY_ASSIGN(pod.runtime_class, StringField(spec, "runtimeClassName"));
  TRY_ASSIGN(pod.host_pid, BoolField(spec, "hostPID", false));
  TRY_ASSIGN(pod.host_users, BoolField(spec, "hostUsers", true));
  TRY_ASSIGN(const Node* os, ObjectField(spec, "os"));
  if (os != nullptr) {
    auto name = StringField(*os, "name");
    if (!name) return Fail(Under("os", std::move(name).error()));
    pod.os = std::move(*name);
  }
  TRY_ASSIGN(const Node* security, ObjectField(spec, "securityContext"));
  if (security != nullptr) {
    auto profile = ParseSeccompProfile(*security);
    if (!profile) return Fail(Under("securityContext", std::move(profile).error()));
    pod.seccomp = std::move(*profile);
  }
  return ReadContainers(spec, pod.containers);
}

// The controller, as a person names it for kubectl. A Deployment's pods belong to a ReplicaSet
// whose name is the Deployment's plus "-" and the value of the label pod-template-hash.
std::string OwnerName(const ObjectMeta& meta, const std::string& kind, const std::string& name) {
  const auto hash = meta.labels.find("pod-template-hash");
  if (kind == "ReplicaSet" && hash != meta.labels.end() && !hash->second.empty()) {
    const std::string suffix = "-" + hash->second;
    if (name.size() > suffix.size() && name.ends_with(suffix)) {
      return "Deployment/" + name.substr(0, name.size() - suffix.size());
    }
  }
  return kind + "/" + name;
}

Result<> ReadOwner(const Node& metadata, Pod& pod) {
  return ForEachObject(metadata, "ownerReferences", [&](const Node& reference) -> Result<> {
    TRY_ASSIGN(const bool controller, BoolField(reference, "controller", false));
    TRY_ASSIGN(const std::string kind, StringField(reference, "kind"));
    TRY_ASSIGN(const std::string name, StringField(reference, "name"));
    if (controller) pod.owner = OwnerName(pod.meta, kind, name);
    return {};
  });
}

Result<> ReadMetadata(const Node& metadata, Pod& pod) {
  TRY_ASSIGN(pod.meta, ParseObjectMeta(metadata));
  if (pod.meta.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "name: is missing or empty");
  }
  return ReadOwner(metadata, pod);
}

}  // namespace

const std::string& Pod::CgroupUid() const {
  // Only a mirror pod stands for a static one; anybody may write config.hash alone.
  const auto hash = meta.annotations.find("kubernetes.io/config.hash");
  const bool mirror = meta.annotations.contains("kubernetes.io/config.mirror");
  return mirror && hash != meta.annotations.end() && !hash->second.empty() ? hash->second
                                                                           : meta.uid;
}

Result<Pod> ParsePod(const Node& object) {
  if (object.kind != Kind::kObject) return Fail(WrongType("Pod", "an object", object));
  Pod pod;
  TRY_ASSIGN(const Node* metadata, ObjectField(object, "metadata"));
  if (metadata == nullptr) return Fail(ErrorCode::kInvalidArgument, "metadata: is missing");
  if (auto read = ReadMetadata(*metadata, pod); !read) {
    return Fail(Under("metadata", std::move(read).error()));
  }
  TRY_ASSIGN(const Node* spec, ObjectField(object, "spec"));
  if (spec == nullptr) return Fail(ErrorCode::kInvalidArgument, "spec: is missing");
  if (auto read = ReadSpec(*spec, pod); !read) {
    return Fail(Under("spec", std::move(read).error()));
  }
  TRY_ASSIGN(const Node* status, ObjectField(object, "status"));
  if (status == nullptr) return pod;
  auto phase = StringField(*status, "phase");
  if (!phase) return Fail(Under("status", std::move(phase).error()));
  pod.phase = std::move(*phase);
  if (auto read = ReadStatuses(*status, pod.containers); !read) {
    return Fail(Under("status", std::move(read).error()));
  }
  return pod;
}

}  // namespace seccompd::kube
