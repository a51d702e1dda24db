// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/document/document.h"

namespace seccompd::document {

// Builds one Node tree from parser events and enforces Limits::depth and Limits::nodes. Internal to
// document/. Every function that returns bool returns false after an error; Failure() tells it.
class TreeBuilder {
 public:
  explicit TreeBuilder(const Limits& limits) : limits_(limits) {}

  // A container that stays open until Close().
  bool Open(Kind kind, Position at);
  void Close();
  // A complete value with `nodes` nodes (itself included) and `height` levels.
  bool Add(Node value, std::size_t nodes = 1, std::size_t height = 1);
  void Key(std::string key);

  // Is the next event the key of an object?
  [[nodiscard]] bool WantsKey() const;
  // The innermost open container; only while one is open.
  [[nodiscard]] const Node& Top() const { return *open_.back().node; }
  [[nodiscard]] std::size_t depth() const { return open_.size(); }
  bool Fail(base::ErrorCode code, Position at, std::string_view message);
  // Nodes that exist outside the tree (YAML anchors) count too.
  bool Charge(std::size_t nodes, Position at);

  [[nodiscard]] const std::optional<base::Error>& Failure() const { return failure_; }
  [[nodiscard]] Position FailedAt() const { return failed_at_; }
  // The finished tree; empty if no value was added. The node budget is kept for the next tree.
  std::optional<Node> TakeRoot();

 private:
  struct Frame {
    Node* node = nullptr;  // stable while open: only the innermost container grows
    bool has_key = false;
  };
  Node* Place(Node value);

  const Limits limits_;
  std::size_t nodes_ = 0;
  std::optional<Node> root_;
  std::vector<Frame> open_;
  std::optional<base::Error> failure_;
  Position failed_at_;
};

// "line L column C: message" as an error, and the place for the caller.
base::Error ErrorAt(base::ErrorCode code, Position at, std::string_view message);

// The place of a byte offset.
Position PositionOf(std::string_view text, std::size_t offset);

// Size, UTF-8, byte order mark: what both formats refuse before a parser sees the text.
std::optional<base::Error> CheckText(std::string_view text, const Limits& limits, Position* at);

}  // namespace seccompd::document
