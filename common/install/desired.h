// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/kube/config_map.h"
#include "common/kube/label_selector.h"

namespace seccompd::install {

inline constexpr std::string_view kPathAnnotation = "seccompd.io/path";
inline constexpr std::string_view kAdoptAnnotation = "seccompd.io/adopt";
inline constexpr std::string_view kCapabilitiesAnnotation = "seccompd.io/capabilities";
inline constexpr std::string_view kBaseAnnotation = "seccompd.io/base";
inline constexpr std::string_view kNodesAnnotation = "seccompd.io/nodes";
inline constexpr std::string_view kOwnAnnotations = "seccompd.io/";  // all of ours begin so
inline constexpr std::string_view kChecksLabel = "seccompd.io/checks";
inline constexpr std::string_view kStateDirectory = ".seccompd";  // below the seccomp root
inline constexpr std::size_t kMaxPathBytes = 1'024;

// A profile file that is no ConfigMap: installed at `path` with the extension .json.
struct BareProfile {
  std::string path;  // relative to the source directory, "audit.yaml"
  std::string text;
  std::string origin;  // for people

  bool operator==(const BareProfile&) const = default;
};

// Somebody wants a profile at a path below the seccomp root.
struct Claim {
  std::string path;    // what a pod writes as localhostProfile
  std::string text;    // the user's bytes, JSON or YAML
  std::string origin;  // "ConfigMap web/api key pay.json", "file profiles/x.json"
  std::string owner;   // "<namespace>/<name>" of the ConfigMap, "" for a bare file
  std::string name;    // ConfigMap name or file path: breaks ties of age
  std::optional<base::WallTime> created;
  std::string capabilities;    // the annotation, "" when absent
  std::string base{};          // seccompd.io/base: a path or runtime-default[:VERSION]; ""
  bool adopt_replace = false;  // seccompd.io/adopt: replace
  bool selected = false;       // seccompd.io/nodes names this node: beats one without
  bool tenant = false;
  std::optional<std::string> error;  // claimed but unusable: what is in force there stays

  bool operator==(const Claim&) const = default;
};

// Said to people, once each; nothing is installed for it.
struct Remark {
  enum class Kind { kIgnoredKey, kInvalidPath, kShadowed, kIgnoredAnnotation, kInvalidSelector };
  Kind kind = Kind::kIgnoredKey;
  std::string path;  // the claimed path, "" when there is none
  std::string origin;
  std::string reason;  // what is wrong and what to do

  bool operator==(const Remark&) const = default;
};

// What tenants may ask of one node; beyond, the youngest profiles are refused.
struct TenantLimits {
  std::size_t profiles_per_namespace = 50;
  std::size_t bytes_per_namespace = std::size_t{1} << 20;
  std::size_t bytes_per_node = std::size_t{16} << 20;
};

struct DesiredOptions {
  std::set<std::string> tenant_namespaces{};  // every other namespace is trusted
  // This node's labels, for seccompd.io/nodes. Not known: such a ConfigMap changes nothing here.
  std::optional<kube::Labels> node_labels{};
  bool every_node = false;  // as if each selector named this node: to validate
  TenantLimits limits{};
};

struct ClaimSet {
  std::vector<Claim> claims;  // one per path, sorted by path; no path is a directory of another
  std::vector<Remark> remarks;
  std::set<std::string>
      held_owners;  // ConfigMaps whose paths could not be told: keep what they own

  bool operator==(const ClaimSet&) const = default;
};

// Every claim of the sources, collisions decided: trusted beats tenant, then a ConfigMap for this
// node (seccompd.io/nodes) one for all, then the ConfigMap created last, then the greater name; the
// loser becomes a kShadowed remark (design 1.1).
[[nodiscard]] ClaimSet ResolveClaims(std::span<const kube::ConfigMap> config_maps,
                                     std::span<const BareProfile> bare,
                                     const DesiredOptions& options);

// Why this is no path for a profile, or nullopt: relative, no empty, "." or ".." segment, segments
// of at most 255 bytes, valid UTF-8 without control bytes, nothing that starts with ".seccompd".
[[nodiscard]] std::optional<std::string> PathProblem(std::string_view path);

// "dir/x.yaml" -> "dir/x"; nullopt if the name does not end in .json, .yaml or .yml.
[[nodiscard]] std::optional<std::string_view> ProfileStem(std::string_view name);

// A pod's localhostProfile as the kubelet resolves it: filepath.Join cleans it ("a//b/../c" ->
// "a/c").
// "" if it leaves the root.
[[nodiscard]] std::string NormalizeReference(std::string_view localhost_profile);

}  // namespace seccompd::install
