// SPDX-License-Identifier: Apache-2.0
#include "common/kube/field.h"

#include <fmt/format.h>

#include "common/base/strings.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Kind;
using document::Node;

std::string_view Describe(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "a boolean";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "something else";
}

std::string_view Expected(Kind kind) {
  switch (kind) {
    case Kind::kString:
      return "a string (quote it)";
    case Kind::kBool:
      return "true or false";
    default:
      return Describe(kind);
  }
}

// The member of that type, nullptr if absent or null.
Result<const Node*> FieldOf(const Node& object, std::string_view key, Kind kind) {
  const Node* node = object.Find(key);
  if (node == nullptr || node->kind == Kind::kNull) return nullptr;
  if (node->kind != kind) return Fail(WrongType(key, Expected(kind), *node));
  return node;
}

}  // namespace

base::Error Under(std::string_view field, base::Error error) {
  std::string message(field);
  if (!error.message.starts_with('[')) message += '.';
  message += error.message;
  error.message = std::move(message);
  return error;
}

base::Error WrongType(std::string_view field, std::string_view expected, const Node& node) {
  std::string message =
      fmt::format("{}: must be {}, not {}", base::Printable(field), expected, Describe(node.kind));
  if (node.line != 0) message += fmt::format(" (line {})", node.line);
  return base::Error{.code = ErrorCode::kInvalidArgument, .message = std::move(message)};
}

Result<const Node*> ObjectField(const Node& object, std::string_view key) {
  return FieldOf(object, key, Kind::kObject);
}

Result<const Node*> ArrayField(const Node& object, std::string_view key) {
  return FieldOf(object, key, Kind::kArray);
}

Result<std::string> StringField(const Node& object, std::string_view key) {
  TRY_ASSIGN(const Node* node, FieldOf(object, key, Kind::kString));
  return node == nullptr ? std::string() : node->scalar;
}

Result<std::string> StringOf(const Node& node, std::string_view field) {
  if (node.kind == Kind::kNull) return std::string();
  if (node.kind != Kind::kString) return Fail(WrongType(field, Expected(Kind::kString), node));
  return node.scalar;
}

Result<bool> BoolField(const Node& object, std::string_view key, bool absent) {
  TRY_ASSIGN(const Node* node, FieldOf(object, key, Kind::kBool));
  return node == nullptr ? absent : node->scalar == "true";
}

Result<std::map<std::string, std::string>> StringMapField(const Node& object,
                                                          std::string_view key) {
  std::map<std::string, std::string> map;
  TRY_ASSIGN(const Node* node, FieldOf(object, key, Kind::kObject));
  if (node == nullptr) return map;
  for (const document::Member& member : node->members) {
    auto value = StringOf(member.value, member.key);
    if (!value) return Fail(Under(key, std::move(value).error()));
    map[member.key] = std::move(*value);
  }
  return map;
}

Result<std::vector<std::string>> StringListField(const Node& object, std::string_view key) {
  std::vector<std::string> list;
  TRY_ASSIGN(const Node* node, FieldOf(object, key, Kind::kArray));
  if (node == nullptr) return list;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const Node& item = node->items[i];
    TRY_ASSIGN(std::string text, StringOf(item, fmt::format("{}[{}]", key, i)));
    list.push_back(std::move(text));
  }
  return list;
}

Result<> ForEachObject(const Node& object, std::string_view key, const VisitObject& visit) {
  TRY_ASSIGN(const Node* node, FieldOf(object, key, Kind::kArray));
  if (node == nullptr) return {};
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const Node& item = node->items[i];
    const std::string place = fmt::format("{}[{}]", key, i);
    if (item.kind != Kind::kObject) return Fail(WrongType(place, Expected(Kind::kObject), item));
    if (auto visited = visit(item); !visited) {
      return Fail(Under(place, std::move(visited).error()));
    }
  }
  return {};
}

}  // namespace seccompd::kube
