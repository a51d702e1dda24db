// SPDX-License-Identifier: Apache-2.0
#include "common/kube/node.h"

#include <utility>

#include "common/kube/config_map.h"
#include "common/kube/field.h"

namespace seccompd::kube {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Kind;
using document::Node;

Result<NodeRecord> ParseNode(const Node& object) {
  if (object.kind != Kind::kObject) return Fail(WrongType("Node", "an object", object));
  TRY_ASSIGN(const Node* metadata, ObjectField(object, "metadata"));
  if (metadata == nullptr) return Fail(ErrorCode::kInvalidArgument, "metadata: is missing");
  auto meta = ParseObjectMeta(*metadata);
  if (!meta) return Fail(Under("metadata", std::move(meta).error()));
  NodeRecord record;
  record.name = std::move(meta->name);
  record.uid = std::move(meta->uid);
  record.labels = std::move(meta->labels);
  TRY_ASSIGN(const Node* status, ObjectField(object, "status"));
  if (status == nullptr) return record;
  TRY_ASSIGN(const Node* info, ObjectField(*status, "nodeInfo"));
  if (info == nullptr) return record;
  TRY_ASSIGN(record.operating_system, StringField(*info, "operatingSystem"));
  TRY_ASSIGN(record.os_image, StringField(*info, "osImage"));
  TRY_ASSIGN(record.kernel_version, StringField(*info, "kernelVersion"));
  TRY_ASSIGN(record.container_runtime, StringField(*info, "containerRuntimeVersion"));
  TRY_ASSIGN(record.kubelet_version, StringField(*info, "kubeletVersion"));
  return record;
}

}  // namespace seccompd::kube
