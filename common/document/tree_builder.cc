// SPDX-License-Identifier: Apache-2.0
#include "common/document/tree_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::document {

base::Error ErrorAt(base::ErrorCode code, Position at, std::string_view message) {
  return {.code = code,
          .message = fmt::format("line {} column {}: {}", at.line, at.column, message)};
}

Position PositionOf(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t last = before.rfind('\n');
  const std::size_t start = last == std::string_view::npos ? 0 : last + 1;
  return {.line = lines + 1, .column = before.size() - start + 1};
}

namespace {

// The offset of the first character that is not UTF-8, for a text that is known to hold one.
std::size_t FirstInvalid(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    std::size_t length = 1;
    if (lead >= 0xf0) {
      length = 4;
    } else if (lead >= 0xe0) {
      length = 3;
    } else if (lead >= 0xc0) {
      length = 2;
    }
    if (lead >= 0x80 && !base::IsValidUtf8(text.substr(at, length))) return at;
    at += length;
  }
  return text.size();
}

}  // namespace

std::optional<base::Error> CheckText(std::string_view text, const Limits& limits, Position* at) {
  using base::ErrorCode;
  const auto fail = [at](ErrorCode code, Position where, std::string_view message) {
    if (at != nullptr) *at = where;
    return ErrorAt(code, where, message);
  };
  if (text.size() > limits.bytes) {
    return fail(ErrorCode::kResourceExhausted, {.line = 1, .column = 1},
                fmt::format("the text has {} bytes, the limit is {}", text.size(), limits.bytes));
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    return fail(ErrorCode::kInvalidArgument, {.line = 1, .column = 1},
                "the text begins with a byte order mark; save it as UTF-8 without one");
  }
  if (!base::IsValidUtf8(text)) {
    return fail(ErrorCode::kInvalidArgument, PositionOf(text, FirstInvalid(text)),
                "the text is not UTF-8 here; is this a binary file or another encoding?");
  }
  return std::nullopt;
}

bool TreeBuilder::Fail(base::ErrorCode code, Position at, std::string_view message) {
  if (!failure_) {
    failure_ = ErrorAt(code, at, message);
    failed_at_ = at;
  }
  return false;
}

bool TreeBuilder::Charge(std::size_t nodes, Position at) {
  if (nodes > limits_.nodes - nodes_) {
    return Fail(base::ErrorCode::kResourceExhausted, at,
                fmt::format("more than {} values in one text, aliases counted once per use",
                            limits_.nodes));
  }
  nodes_ += nodes;
  return true;
}

Node* TreeBuilder::Place(Node value) {
  if (open_.empty()) return &root_.emplace(std::move(value));
  Frame& top = open_.back();
  if (top.node->kind == Kind::kArray) return &top.node->items.emplace_back(std::move(value));
  top.has_key = false;
  Node& slot = top.node->members.back().value;
  slot = std::move(value);
  return &slot;
}

bool TreeBuilder::Add(Node value, std::size_t nodes, std::size_t height) {
  const Position at{.line = value.line, .column = value.column};
  if (open_.size() + height - 1 > limits_.depth) {
    return Fail(base::ErrorCode::kResourceExhausted, at,
                fmt::format("nested deeper than {} levels", limits_.depth));
  }
  if (!Charge(nodes, at)) return false;
  Place(std::move(value));
  return true;
}

bool TreeBuilder::Open(Kind kind, Position at) {
  if (open_.size() >= limits_.depth) {
    return Fail(base::ErrorCode::kResourceExhausted, at,
                fmt::format("nested deeper than {} levels", limits_.depth));
  }
  if (!Charge(1, at)) return false;
  Node node;
  node.kind = kind;
  node.line = at.line;
  node.column = at.column;
  open_.push_back({.node = Place(std::move(node))});
  return true;
}

void TreeBuilder::Close() { open_.pop_back(); }

void TreeBuilder::Key(std::string key) {
  Frame& top = open_.back();
  top.node->members.emplace_back().key = std::move(key);
  top.has_key = true;
}

bool TreeBuilder::WantsKey() const {
  return !open_.empty() && open_.back().node->kind == Kind::kObject && !open_.back().has_key;
}

std::optional<Node> TreeBuilder::TakeRoot() { return std::exchange(root_, std::nullopt); }

}  // namespace seccompd::document
