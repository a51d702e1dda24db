// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/pod_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "common/base/strings.h"
#include "common/install/desired.h"

namespace seccompd::agent {
namespace {

using document::Kind;
using document::Node;
namespace codes = seccomp::codes;

constexpr int kMaxListDepth = 5;
constexpr std::string_view kPodAnnotation = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kContainerAnnotation = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view kLocalhost = "localhost/";
constexpr std::string_view kTenants = "ns/";

const Node* Member(const Node* object, std::string_view key) {
  return object != nullptr && object->kind == Kind::kObject ? object->Find(key) : nullptr;
}
const Node* Object(const Node* object, std::string_view key) {
  const Node* node = Member(object, key);
  return node != nullptr && node->kind == Kind::kObject ? node : nullptr;
}
std::string Text(const Node* object, std::string_view key) {
  const Node* node = Member(object, key);
  return node != nullptr && node->kind == Kind::kString ? node->scalar : std::string();
}
bool Is(const Node* object, std::string_view key, std::string_view value) {
  const Node* node = Member(object, key);
  return node != nullptr && node->kind == Kind::kBool && node->scalar == value;
}

// A pod template: what it belongs to, and where it stands.
struct Template {
  std::string workload;
  std::string namespace_name;
  std::string pointer;  // of the template, "/spec/template"
  const Node* metadata = nullptr;
  const Node* spec = nullptr;
};

std::optional<Template> TemplateOf(const Node& object) {
  const Node* metadata = Object(&object, "metadata");
  const std::string kind = Text(&object, "kind");
  Template found;
  found.namespace_name = Text(metadata, "namespace");
  std::string name = Text(metadata, "name");
  if (name.empty()) name = Text(metadata, "generateName");
  found.workload = base::Printable(
      kind + " " + (found.namespace_name.empty() ? "" : found.namespace_name + "/") + name);
  const Node* holder = nullptr;
  const Node* spec = Object(&object, "spec");
  if (kind == "Pod") {
    holder = &object;
  } else if (const Node* job = Object(Object(Object(spec, "jobTemplate"), "spec"), "template")) {
    holder = job;
    found.pointer = "/spec/jobTemplate/spec/template";
  } else if (const Node* in_spec = Object(spec, "template")) {
    holder = in_spec;
    found.pointer = "/spec/template";
  } else if (const Node* bare = Object(&object, "template")) {
    holder = bare;
    found.pointer = "/template";
  }
  found.metadata = Object(holder, "metadata");
  found.spec = Object(holder, "spec");
  const Node* containers = Member(found.spec, "containers");
  if (containers == nullptr || containers->kind != Kind::kArray) return std::nullopt;
  return found;
}

// Judges the containers of one template.
class Checker {
 public:
  Checker(const Template& pod, const OfferedProfiles& offered, PodFindings& out)
      : pod_(pod), offered_(offered), out_(out) {}

  void Run() {
    if (Text(Object(pod_.spec, "os"), "name") == "windows") return;
    SayAnnotations();
    const Node* profile = Member(Object(pod_.spec, "securityContext"), "seccompProfile");
    const Ref pod = Read(profile, pod_.pointer + "/spec/securityContext/seccompProfile");
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSections = {
        {{"initContainers", "init/"}, {"containers", ""}, {"ephemeralContainers", "ephemeral/"}}};
    for (const auto& [section, prefix] : kSections) {
      const Node* list = Member(pod_.spec, section);
      if (list == nullptr || list->kind != Kind::kArray) continue;
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        const std::string at = fmt::format("{}/spec/{}/{}", pod_.pointer, section, i);
        Check(list->items[i], std::string(prefix), at, pod);
      }
    }
  }

 private:
  // A seccompProfile as it is written.
  struct Ref {
    const Node* node = nullptr;  // null: not set
    std::string pointer{};
    std::string type{};
    std::string path{};
    bool bad = false;  // said so
  };

  void Say(std::string_view code, std::string pointer, const Node* at, std::string message) {
    seccomp::Severity severity = seccomp::Severity::kError;
    if (code.starts_with('W')) severity = seccomp::Severity::kWarning;
    out_.diagnostics.push_back({.code = code,
                                .severity = severity,
                                .pointer = std::move(pointer),
                                .message = pod_.workload + " " + std::move(message),
                                .line = at != nullptr ? at->line : 0,
                                .column = at != nullptr ? at->column : 0});
  }

  // "" or why the API server refuses it (ValidateSeccompProfileField, validateLocalDescendingPath).
  static std::string Fault(const Node* node, const std::string& type, const std::string& path) {
    const Node* written = Member(node, "localhostProfile");
    if (node->kind != Kind::kObject) return "must be an object with a type";
    if (type != "Localhost") {
      if (type != "RuntimeDefault" && type != "Unconfined") {
        return fmt::format("'{}' is no type: Localhost, RuntimeDefault or Unconfined",
                           base::Printable(type));
      }
      return written == nullptr ? "" : "localhostProfile may be set with type Localhost only";
    }
    if (path.empty()) return "type Localhost needs a localhostProfile";
    if (path.starts_with('/')) return "localhostProfile is relative to the kubelet's seccomp root";
    const auto segments = base::Split(path, '/');
    if (std::find(segments.begin(), segments.end(), "..") != segments.end()) {
      return "localhostProfile may not contain '..'";
    }
    return "";
  }

  Ref Read(const Node* node, std::string pointer) {
    Ref ref{.node = node, .pointer = std::move(pointer)};
    if (node == nullptr || node->kind == Kind::kNull) return {};
    ref.type = Text(node, "type");
    ref.path = Text(node, "localhostProfile");
    const std::string fault = Fault(node, ref.type, ref.path);
    if (fault.empty()) return ref;
    ref.bad = true;
    Say(codes::kPodReferenceInvalid, ref.pointer, node, "is not accepted by the API: " + fault);
    return ref;
  }

  void Check(const Node& container, const std::string& prefix, const std::string& at,
             const Ref& pod) {
    const Node* security = Object(&container, "securityContext");
    const Ref own =
        Read(Member(security, "seccompProfile"), at + "/securityContext/seccompProfile");
    const Ref& ref = own.node != nullptr ? own : pod;
    PodReference row{.workload = pod_.workload,
                     .container = prefix + base::Printable(Text(&container, "name")),
                     .asked = "unset"};
    if (ref.node != nullptr) row.asked = base::Printable(ref.bad ? "invalid" : ref.type);
    if (ref.bad) row.state = "invalid";
    if (ref.node != nullptr && !ref.bad && ref.type == "Localhost") {
      row.asked = base::Printable(ref.path);
      row.state = Resolve(ref, row.container, security);
    }
    if (ref.node != nullptr && ref.type != "Unconfined" && Is(security, "privileged", "true")) {
      Say(codes::kPodPrivileged, at + "/securityContext/privileged", Member(security, "privileged"),
          row.container + ": privileged: true makes the runtime load no filter at all");
    }
    out_.references.push_back(std::move(row));
  }

  std::string Resolve(const Ref& ref, const std::string& container, const Node* security) {
    const Node* at = Member(ref.node, "localhostProfile");
    const std::string pointer = ref.pointer + "/localhostProfile";
    const std::string path = install::NormalizeReference(ref.path);
    const auto found = offered_.find(path);
    if (found == offered_.end()) {
      Say(codes::kPodProfileMissing, pointer, at,
          fmt::format("{}: no profile installs {}{}", container, base::Printable(ref.path),
                      Suggestion(path)));
      return "missing";
    }
    if (!found->second.valid) {
      Say(codes::kPodProfileRefused, pointer, at,
          fmt::format("{}: {} is refused; new nodes get no file", container,
                      base::Printable(ref.path)));
      return "refused";
    }
    if (found->second.needs_no_new_privs && !Is(security, "allowPrivilegeEscalation", "false")) {
      Say(codes::kPodNeedsNoNewPrivs, pointer, at,
          fmt::format("{}: runc can start {} only with allowPrivilegeEscalation: false", container,
                      base::Printable(ref.path)));
    }
    SayForeign(path, container, pointer, at);
    return "provided";
  }

  void SayForeign(std::string_view path, const std::string& container, const std::string& pointer,
                  const Node* at) {
    if (!path.starts_with(kTenants) || pod_.namespace_name.empty()) return;
    path.remove_prefix(kTenants.size());
    const std::string_view owner = path.substr(0, path.find('/'));
    if (owner == pod_.namespace_name) return;
    Say(codes::kPodForeignTenant, pointer, at,
        fmt::format("{}: this profile belongs to namespace {}, whose owners can change it",
                    container, base::Printable(owner)));
  }

  // The nearest path that is offered: of one spelling but for the extension or a few letters.
  [[nodiscard]] std::string Suggestion(std::string_view path) const {
    std::vector<std::string_view> candidates;
    for (const auto& [known, profile] : offered_) candidates.push_back(known);
    const std::string_view stem = install::ProfileStem(path).value_or(path);
    const std::string likely = std::string(stem) + ".json";
    auto nearest = std::find(candidates.begin(), candidates.end(), likely) != candidates.end()
                       ? std::optional<std::string_view>(likely)
                       : base::Nearest(path, candidates, 3);
    return nearest ? fmt::format("; did you mean {}?", base::Printable(*nearest)) : std::string();
  }

  void SayAnnotations() {
    const Node* annotations = Object(pod_.metadata, "annotations");
    if (annotations == nullptr) return;
    for (const document::Member& member : annotations->members) {
      const bool old = member.key == kPodAnnotation || member.key.starts_with(kContainerAnnotation);
      if (!old) continue;
      std::string instead = "type: RuntimeDefault";
      const std::string& value = member.value.scalar;
      if (value == "unconfined") instead = "type: Unconfined";
      if (value.starts_with(kLocalhost)) {
        instead = "type: Localhost, localhostProfile: " +
                  base::Printable(value.substr(kLocalhost.size()));
      }
      Say(codes::kPodAnnotation, pod_.pointer + "/metadata/annotations", &member.value,
          fmt::format("annotation {} does nothing since Kubernetes 1.27; write "
                      "securityContext.seccompProfile: {{{}}}",
                      base::Printable(member.key), instead));
    }
  }

  const Template& pod_;
  const OfferedProfiles& offered_;
  PodFindings& out_;
};

void Collect(const Node& node, int depth, const OfferedProfiles& offered, PodFindings& out) {
  if (node.kind != Kind::kObject || depth > kMaxListDepth) return;
  const Node* items = node.Find("items");
  if (items != nullptr && items->kind == Kind::kArray) {
    for (const Node& item : items->items) Collect(item, depth + 1, offered, out);
    return;
  }
  if (const auto pod = TemplateOf(node)) Checker(*pod, offered, out).Run();
}

}  // namespace

PodFindings CheckPodReferences(const Node& document, const OfferedProfiles& offered) {
  PodFindings found;
  Collect(document, 0, offered, found);
  return found;
}

}  // namespace seccompd::agent
