// SPDX-License-Identifier: Apache-2.0
#include "common/kube/config_map.h"

#include <string_view>
#include <unordered_map>

#include "common/base/strings.h"
#include "common/kube/field.h"

namespace seccompd::kube {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Kind;
using document::Node;

Result<ObjectMeta> ParseObjectMeta(const Node& metadata) {
  if (metadata.kind != Kind::kObject) return Fail(WrongType("metadata", "an object", metadata));
  ObjectMeta meta;
  TRY_ASSIGN(meta.name, StringField(metadata, "name"));
  TRY_ASSIGN(meta.namespace_name, StringField(metadata, "namespace"));
  TRY_ASSIGN(meta.uid, StringField(metadata, "uid"));
  TRY_ASSIGN(meta.resource_version, StringField(metadata, "resourceVersion"));
  TRY_ASSIGN(const std::string created, StringField(metadata, "creationTimestamp"));
  if (!created.empty()) {
    meta.creation_time = base::ParseTime(created);
    if (!meta.creation_time) {
      return Fail(ErrorCode::kInvalidArgument,
                  "creationTimestamp: '" + base::Printable(created) + "' is not an RFC 3339 time");
    }
  }
  TRY_ASSIGN(meta.labels, StringMapField(metadata, "labels"));
  TRY_ASSIGN(meta.annotations, StringMapField(metadata, "annotations"));
  return meta;
}

Result<ConfigMap> ParseConfigMap(const Node& object) {
  if (object.kind != Kind::kObject) return Fail(WrongType("ConfigMap", "an object", object));
  ConfigMap map;
  TRY_ASSIGN(const Node* metadata, ObjectField(object, "metadata"));
  if (metadata != nullptr) {
    auto meta = ParseObjectMeta(*metadata);
    if (!meta) return Fail(Under("metadata", std::move(meta).error()));
    map.meta = std::move(*meta);
  }
  if (map.meta.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "metadata.name: is missing or empty");
  }
  TRY_ASSIGN(const Node* data, ObjectField(object, "data"));
  if (data == nullptr) return map;
  map.data.reserve(data->members.size());
  std::unordered_map<std::string_view, std::size_t> places;
  for (const document::Member& member : data->members) {
    auto value = StringOf(member.value, member.key);
    if (!value) return Fail(Under("data", std::move(value).error()));
    // A duplicate key keeps its first place and its last value, as a decoder into a map would.
    const auto [place, first] = places.emplace(member.key, map.data.size());
    if (first) {
      map.data.emplace_back(member.key, std::move(*value));
    } else {
      map.data[place->second].second = std::move(*value);
    }
  }
  return map;
}

}  // namespace seccompd::kube
