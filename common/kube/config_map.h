// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/document/document.h"

namespace seccompd::kube {

// The fields of ObjectMeta that seccompd reads (k8s.io/apimachinery meta/v1 ObjectMeta).
struct ObjectMeta {
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string resource_version;
  std::optional<base::WallTime> creation_time;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;

  bool operator==(const ObjectMeta&) const = default;
};

// v1 ConfigMap. `data` keeps the order of the document; binaryData is never used for profiles.
struct ConfigMap {
  ObjectMeta meta;
  std::vector<std::pair<std::string, std::string>> data;

  bool operator==(const ConfigMap&) const = default;
};

[[nodiscard]] base::Result<ObjectMeta> ParseObjectMeta(const document::Node& metadata);
[[nodiscard]] base::Result<ConfigMap> ParseConfigMap(const document::Node& object);

}  // namespace seccompd::kube
