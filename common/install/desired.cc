// SPDX-License-Identifier: Apache-2.0
#include "common/install/desired.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "common/base/strings.h"
#include "common/install/tenant.h"

namespace seccompd::install {
namespace {

constexpr std::size_t kMaxSegmentBytes = 255;  // NAME_MAX

std::optional<std::string> SegmentProblem(std::string_view segment) {
  if (segment.empty()) return "has an empty part: no '/' at the start or end, no '//'";
  if (segment == "." || segment == "..") return "has a '.' or '..' part";
  if (segment.size() > kMaxSegmentBytes) return "has a part longer than 255 bytes";
  if (segment.starts_with(kStateDirectory)) return "has a part that starts with '.seccompd'";
  return std::nullopt;
}

std::string ConfigMapOwner(const kube::ObjectMeta& meta) {
  return meta.namespace_name + "/" + meta.name;
}

// Keys of one ConfigMap by the path they claim; more than one key is an error.
using KeysByPath = std::map<std::string, std::vector<const std::pair<std::string, std::string>*>>;

class Collector {
 public:
  explicit Collector(const DesiredOptions& options) : options_(options) {}

  void Add(const kube::ConfigMap& map) {
    const auto checks = map.meta.labels.find(std::string(kChecksLabel));
    if (checks != map.meta.labels.end() && checks->second == "true") return;  // no profiles
    const bool tenant = options_.tenant_namespaces.contains(map.meta.namespace_name);
    if (tenant) IgnoreAnnotations(map.meta);
    const Nodes nodes = tenant ? Nodes::kAll : NodesOf(map.meta);
    if (nodes == Nodes::kOthers) return;
    if (nodes == Nodes::kUnknown) {
      result_.held_owners.insert(ConfigMapOwner(map.meta));
      return;
    }
    for (const auto& [path, same] : Keys(map, tenant)) {
      Claim claim{.path = path,
                  .text = same.front()->second,
                  .origin = Origin(map.meta, same.front()->first),
                  .owner = ConfigMapOwner(map.meta),
                  .name = map.meta.name,
                  .created = map.meta.creation_time,
                  .capabilities = Annotation(map.meta, kCapabilitiesAnnotation),
                  .base = tenant ? std::string() : BaseOf(map.meta, path),
                  .adopt_replace = !tenant && Adopts(map.meta),
                  .selected = nodes == Nodes::kThis,
                  .tenant = tenant,
                  .error = std::nullopt};
      if (same.size() > 1) {
        claim.text.clear();
        claim.error = "keys " + same[0]->first + " and " + same[1]->first +
                      " of one ConfigMap claim this path: rename one";
      }
      candidates_.push_back(std::move(claim));
    }
  }

  void Add(const BareProfile& profile) {
    const auto stem = ProfileStem(profile.path);
    const std::string path = (stem ? std::string(*stem) : profile.path) + ".json";
    const bool nameless = !stem || stem->empty() || stem->ends_with('/');
    const auto problem = nameless ? std::optional<std::string>("has no name before its extension")
                                  : PathProblem(path);
    if (problem) {
      Remarks(Remark::Kind::kInvalidPath, path, profile.origin,
              "cannot be installed at '" + base::Printable(path) + "': the path " + *problem);
      return;
    }
    candidates_.push_back({.path = path,
                           .text = profile.text,
                           .origin = profile.origin,
                           .owner = "",
                           .name = profile.path,
                           .created = std::nullopt,
                           .capabilities = "",
                           .base = "",
                           .adopt_replace = false,
                           .selected = false,
                           .tenant = false,
                           .error = std::nullopt});
  }

  ClaimSet Resolve() && {
    // Strongest first, so that whoever meets a taken path has lost.
    std::stable_sort(candidates_.begin(), candidates_.end(), [](const Claim& a, const Claim& b) {
      return std::tie(b.tenant, a.selected, a.created, a.name, a.origin) >
             std::tie(a.tenant, b.selected, b.created, b.name, b.origin);
    });
    std::map<std::string, Claim> accepted;
    for (Claim& claim : candidates_) {
      const Claim* winner = Occupant(accepted, claim.path);
      if (winner == nullptr) {
        accepted.emplace(claim.path, std::move(claim));
        continue;
      }
      std::string reason = winner->path == claim.path
                               ? winner->origin + " has this path"
                               : winner->origin + " has '" + winner->path +
                                     "', and a file cannot be a directory too";
      Remarks(Remark::Kind::kShadowed, claim.path, claim.origin, std::move(reason));
    }
    for (auto& [path, claim] : accepted) result_.claims.push_back(std::move(claim));
    LimitTenants(options_.limits, result_.claims);
    return std::move(result_);
  }

 private:
  // Which nodes a ConfigMap is for. kUnknown: it cannot be told.
  enum class Nodes : std::uint8_t { kAll, kThis, kOthers, kUnknown };

  Nodes NodesOf(const kube::ObjectMeta& meta) {
    const auto annotation = meta.annotations.find(std::string(kNodesAnnotation));
    if (annotation == meta.annotations.end()) return Nodes::kAll;
    const std::string origin = "ConfigMap " + ConfigMapOwner(meta);
    const std::string name(kNodesAnnotation);
    const auto selector = kube::ParseLabelSelector(annotation->second);
    if (!selector) {
      Remarks(Remark::Kind::kInvalidSelector, "", origin,
              "the annotation " + name + " is no label selector: " + selector.error().message);
      return Nodes::kUnknown;
    }
    if (options_.every_node) return Nodes::kThis;
    if (!options_.node_labels) {
      Remarks(Remark::Kind::kInvalidSelector, "", origin,
              "the annotation " + name + " waits for this node's labels, which are not known");
      return Nodes::kUnknown;
    }
    return selector->Matches(*options_.node_labels) ? Nodes::kThis : Nodes::kOthers;
  }

  // The profiles of a ConfigMap by path; what cannot be one is remarked on.
  KeysByPath Keys(const kube::ConfigMap& map, bool tenant) {
    const std::string directory = Directory(map.meta, tenant);
    KeysByPath keys;
    for (const auto& key : map.data) {
      const auto stem = ProfileStem(key.first);
      if (!stem) {
        Remarks(Remark::Kind::kIgnoredKey, "", Origin(map.meta, key.first),
                "not a profile: its name does not end in .json, .yaml or .yml");
        continue;
      }
      const std::string path = directory + "/" + std::string(*stem) + ".json";
      auto problem = stem->empty() ? std::optional<std::string>("has no name before its extension")
                                   : PathProblem(path);
      if (problem) {
        Remarks(Remark::Kind::kInvalidPath, path, Origin(map.meta, key.first),
                "cannot be installed at '" + base::Printable(path) + "': the path " + *problem);
        result_.held_owners.insert(ConfigMapOwner(map.meta));
        continue;
      }
      keys[path].push_back(&key);
    }
    return keys;
  }

  // The claim at `path`, above it or below it.
  static const Claim* Occupant(const std::map<std::string, Claim>& accepted,
                               const std::string& path) {
    const auto same = accepted.find(path);
    if (same != accepted.end()) return &same->second;
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      const auto above = accepted.find(path.substr(0, at));
      if (above != accepted.end()) return &above->second;
    }
    const auto below = accepted.lower_bound(path + "/");
    if (below != accepted.end() && below->first.starts_with(path + "/")) return &below->second;
    return nullptr;
  }

  static std::string Annotation(const kube::ObjectMeta& meta, std::string_view key) {
    const auto it = meta.annotations.find(std::string(key));
    return it == meta.annotations.end() ? std::string() : it->second;
  }

  static std::string Origin(const kube::ObjectMeta& meta, const std::string& key) {
    const std::string space = meta.namespace_name.empty() ? "" : meta.namespace_name + "/";
    return "ConfigMap " + space + meta.name + " key " + key;
  }

  static std::string Directory(const kube::ObjectMeta& meta, bool tenant) {
    if (tenant) return "ns/" + meta.namespace_name + "/" + meta.name;
    const auto annotation = meta.annotations.find(std::string(kPathAnnotation));
    return annotation != meta.annotations.end() ? annotation->second : meta.name;
  }

  // A key that its own ConfigMap names as the base extends nothing.
  static std::string BaseOf(const kube::ObjectMeta& meta, const std::string& path) {
    std::string base = Annotation(meta, kBaseAnnotation);
    return base == path ? std::string() : base;
  }

  // Tenants have no say but in the capabilities.
  void IgnoreAnnotations(const kube::ObjectMeta& meta) {
    for (const auto& [name, value] : meta.annotations) {
      if (!name.starts_with(kOwnAnnotations) || name == kCapabilitiesAnnotation) continue;
      Remarks(Remark::Kind::kIgnoredAnnotation, "", "ConfigMap " + ConfigMapOwner(meta),
              "the annotation " + base::Printable(name) + " has no effect in a tenant namespace");
    }
  }

  bool Adopts(const kube::ObjectMeta& meta) {
    const std::string value = Annotation(meta, kAdoptAnnotation);
    if (value.empty() || value == "replace") return !value.empty();
    Remarks(Remark::Kind::kIgnoredAnnotation, "", "ConfigMap " + ConfigMapOwner(meta),
            "the annotation " + std::string(kAdoptAnnotation) + " knows only 'replace', not '" +
                base::Printable(value) + "'");
    return false;
  }

  void Remarks(Remark::Kind kind, std::string path, std::string origin, std::string reason) {
    Remark remark{kind, std::move(path), std::move(origin), std::move(reason)};
    if (std::find(result_.remarks.begin(), result_.remarks.end(), remark) ==
        result_.remarks.end()) {
      result_.remarks.push_back(std::move(remark));
    }
  }

  const DesiredOptions& options_;
  std::vector<Claim> candidates_;
  ClaimSet result_;
};

}  // namespace

std::optional<std::string_view> ProfileStem(std::string_view name) {
  for (const std::string_view ending : {".json", ".yaml", ".yml"}) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return std::nullopt;
}

std::optional<std::string> PathProblem(std::string_view path) {
  if (path.size() > kMaxPathBytes) return "is longer than 1024 bytes";
  if (!base::IsValidUtf8(path)) return "is not valid UTF-8";
  if (base::Printable(path) != path) return "has a control character";
  for (const std::string_view segment : base::Split(path, '/')) {
    auto problem = SegmentProblem(segment);
    if (problem) return problem;
  }
  return std::nullopt;
}

std::string NormalizeReference(std::string_view localhost_profile) {
  std::vector<std::string> parts;
  for (const std::string_view segment : base::Split(localhost_profile, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (parts.empty()) return "";
      parts.pop_back();
      continue;
    }
    parts.emplace_back(segment);
  }
  return base::Join(parts, "/");
}

ClaimSet ResolveClaims(std::span<const kube::ConfigMap> config_maps,
                       std::span<const BareProfile> bare, const DesiredOptions& options) {
  Collector collector(options);
  for (const kube::ConfigMap& map : config_maps) collector.Add(map);
  for (const BareProfile& profile : bare) collector.Add(profile);
  return std::move(collector).Resolve();
}

}  // namespace seccompd::install
