// SPDX-License-Identifier: Apache-2.0
#pragma once

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

// Every object of a multi-document YAML or JSON text; `kind: List`, `ConfigMapList` and `PodList` are
// opened up, with at most `max_objects` in all. An Error means that the text itself is unreadable.
[[nodiscard]] base::Result<std::vector<ManifestObject>> ParseManifest(
    std::string_view text, std::size_t max_objects = 20'000);

// Does the document carry apiVersion and kind, so that it is a manifest and not a bare profile?
[[nodiscard]] bool IsManifest(const document::Node& document);

}  // namespace seccompd::kube
