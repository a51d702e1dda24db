// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/kube/config_map.h"
#include "common/kube/pod.h"

namespace seccompd::kube {

// What a manifest file holds. Other kinds are named so that they can be reported as ignored.
struct IgnoredObject {
  std::string kind;
  std::string name;
};
struct InvalidObject {
  std::string kind;
  std::string name;
  base::Error error;
};
using ManifestObject = std::variant<ConfigMap, Pod, IgnoredObject, InvalidObject>;

// What one manifest text may cost: a PodList of 500 pods is about 5 MiB and 250,000 nodes.
inline constexpr document::Limits kManifestLimits = {
    .bytes = std::size_t{32} << 20, .depth = 64, .nodes = 1'500'000, .documents = 20'000};
inline constexpr std::size_t kMaxManifestObjects = 20'000;

// Every object of a multi-document YAML or JSON text; `kind: List`, `ConfigMapList` and `PodList`
// are opened up (their items may lack apiVersion and kind), with at most `max_objects` in all. An
// Error means that the text itself is unreadable or holds more than that.
[[nodiscard]] base::Result<std::vector<ManifestObject>> ParseManifest(
    std::string_view text, std::size_t max_objects = kMaxManifestObjects);

// The same for documents that are already parsed.
[[nodiscard]] base::Result<std::vector<ManifestObject>> ParseManifest(
    std::span<const document::Node> documents, std::size_t max_objects = kMaxManifestObjects);

// Does the document carry apiVersion and kind, so that it is a manifest and not a bare profile?
[[nodiscard]] bool IsManifest(const document::Node& document);

}  // namespace seccompd::kube
