// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace seccompd::document {

// JSON or YAML as written: member order, duplicate keys and the spelling of numbers survive,
// because the runtimes' decoders fold, override or refuse them and a diagnostic must be able to say
// so.
enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

struct Member;

struct Node {
  Kind kind = Kind::kNull;
  // kString: the decoded text. kNumber: the literal as written. kBool: "true" or "false".
  std::string scalar;
  std::vector<Node> items;      // kArray
  std::vector<Member> members;  // kObject, in file order, duplicates kept
  std::size_t line = 0;         // 1-based; 0 when unknown
  std::size_t column = 0;       // 1-based, in bytes

  // The last member of that exact name (encoding/json: last wins), or nullptr.
  [[nodiscard]] const Node* Find(std::string_view key) const;
};

struct Member {
  std::string key;
  Node value;
};

// Bounds on hostile input; exceeding one is an error, never a truncation.
struct Limits {
  std::size_t bytes = std::size_t{4} << 20;
  std::size_t depth = 64;
  std::size_t nodes = 200'000;  // YAML aliases count once per use
  std::size_t documents = 1'000;
};

// A place in a text, 1-based; 0 when unknown.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;  // in bytes

  bool operator==(const Position&) const = default;
};

// One JSON value and nothing after it (RFC 8259; comments, trailing commas, BOM and NaN are
// errors). The error message begins with "line L column C: "; `error_at` gets the same place. The
// code is kInvalidArgument for text that is not JSON, kResourceExhausted for a limit.
[[nodiscard]] base::Result<Node> ParseJson(std::string_view text, const Limits& limits = {},
                                           Position* error_at = nullptr);

// Every document of a YAML stream; empty documents are skipped. Scalars resolve as in YAML 1.2's
// core schema (plain `true`, `null`, `12`, `0x1f`), non-scalar, null, alias and merge (`<<`) keys,
// tags beyond the core schema, BOM and control characters are errors. Errors as for ParseJson.
[[nodiscard]] base::Result<std::vector<Node>> ParseYaml(std::string_view text,
                                                        const Limits& limits = {},
                                                        Position* error_at = nullptr);

// JSON if the first character that is not white space is '{' or '[', else YAML.
[[nodiscard]] bool LooksLikeJson(std::string_view text);

}  // namespace seccompd::document
