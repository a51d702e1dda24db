// SPDX-License-Identifier: Apache-2.0
#include "common/kube/manifest.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/kube/field.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Kind;
using document::Node;

// Lists in lists are legal and pointless; deeper ones are refused.
constexpr int kMaxListDepth = 4;

// What a list's kind says of the kind of its items; nullopt if it is no list that we open.
std::optional<std::string_view> ItemKind(std::string_view list_kind) {
  if (list_kind == "List") return "";
  if (list_kind == "ConfigMapList") return "ConfigMap";
  if (list_kind == "PodList") return "Pod";
  return std::nullopt;
}

struct Pending {
  const Node* node;
  std::string_view implied_kind;  // of an item in a typed list
  int list_depth;
};

// A string member, for naming an object that may be malformed otherwise.
std::string TextOf(const Node& object, std::string_view key) {
  const Node* node = object.Find(key);
  return node != nullptr && node->kind == Kind::kString ? node->scalar : std::string();
}

std::string NameOf(const Node& object) {
  const Node* metadata = object.Find("metadata");
  return metadata != nullptr ? TextOf(*metadata, "name") : std::string();
}

InvalidObject Invalid(const Node& object, std::string kind, base::Error error) {
  return InvalidObject{.kind = std::move(kind), .name = NameOf(object), .error = std::move(error)};
}

InvalidObject Invalid(const Node& object, std::string kind, std::string message) {
  if (object.line != 0) message += fmt::format(" (line {})", object.line);
  return Invalid(object, std::move(kind),
                 base::Error{.code = ErrorCode::kInvalidArgument, .message = std::move(message)});
}

// One object that is no list.
ManifestObject ParseObject(const Node& object, const std::string& kind,
                           const std::string& api_version) {
  const bool core = api_version == "v1";
  if (core && kind == "ConfigMap") {
    auto map = ParseConfigMap(object);
    if (!map) return Invalid(object, kind, std::move(map).error());
    return std::move(*map);
  }
  if (core && kind == "Pod") {
    auto pod = ParsePod(object);
    if (!pod) return Invalid(object, kind, std::move(pod).error());
    return std::move(*pod);
  }
  return IgnoredObject{.kind = kind, .name = NameOf(object)};
}

// Parses what `pending` stands for: appends an object, or pushes the items of a list.
void Open(const Pending& pending, std::vector<Pending>& stack,
          std::vector<ManifestObject>& objects) {
  const Node& object = *pending.node;
  if (object.kind != Kind::kObject) {
    objects.emplace_back(Invalid(object, "", "is not an object with apiVersion and kind"));
    return;
  }
  std::string kind = TextOf(object, "kind");
  std::string api_version = TextOf(object, "apiVersion");
  if (kind.empty()) kind = pending.implied_kind;
  if (api_version.empty() && !pending.implied_kind.empty()) api_version = "v1";
  if (kind.empty() || api_version.empty()) {
    objects.emplace_back(Invalid(object, kind, "has no apiVersion and kind"));
    return;
  }
  const auto item_kind = api_version == "v1" ? ItemKind(kind) : std::nullopt;
  if (!item_kind) {
    objects.push_back(ParseObject(object, kind, api_version));
    return;
  }
  if (pending.list_depth >= kMaxListDepth) {
    objects.emplace_back(Invalid(object, kind, "is a list nested too deeply"));
    return;
  }
  auto items = ArrayField(object, "items");
  if (!items) {
    objects.emplace_back(Invalid(object, kind, std::move(items).error()));
    return;
  }
  if (*items == nullptr) return;
  const std::vector<Node>& nodes = (*items)->items;
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {  // a stack: the first comes out first
    stack.push_back({&*it, *item_kind, pending.list_depth + 1});
  }
}

}  // namespace

Result<std::vector<ManifestObject>> ParseManifest(std::span<const Node> documents,
                                                  std::size_t max_objects) {
  std::vector<ManifestObject> objects;
  std::vector<Pending> stack;
  for (const Node& document : documents) {
    stack.push_back({&document, "", 0});
    while (!stack.empty()) {
      if (objects.size() + stack.size() > max_objects) {
        return Fail(ErrorCode::kResourceExhausted,
                    fmt::format("more than {} objects; split the file", max_objects));
      }
      const Pending pending = stack.back();
      stack.pop_back();
      Open(pending, stack, objects);
    }
  }
  return objects;
}

Result<std::vector<ManifestObject>> ParseManifest(std::string_view text, std::size_t max_objects) {
  if (document::LooksLikeJson(text)) {
    TRY_ASSIGN(const Node node, document::ParseJson(text, kManifestLimits));
    return ParseManifest(std::span(&node, 1), max_objects);
  }
  TRY_ASSIGN(const std::vector<Node> nodes, document::ParseYaml(text, kManifestLimits));
  return ParseManifest(std::span<const Node>(nodes), max_objects);
}

bool IsManifest(const Node& document) {
  return document.kind == Kind::kObject && !TextOf(document, "apiVersion").empty() &&
         !TextOf(document, "kind").empty();
}

}  // namespace seccompd::kube
