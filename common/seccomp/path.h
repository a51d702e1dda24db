// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/document/document.h"

namespace seccompd::seccomp {

// Where a reader stands in a document: a chain on the stack, spelt as a JSON pointer only when a
// diagnostic needs it. Internal to seccomp/.
class Path {
 public:
  Path() = default;
  [[nodiscard]] Path Key(std::string_view key) const { return {this, key, 0}; }
  [[nodiscard]] Path Index(std::size_t index) const { return {this, {}, index}; }
  [[nodiscard]] std::string ToPointer() const;

 private:
  Path(const Path* parent, std::string_view key, std::size_t index)
      : parent_(parent), key_(key), index_(index) {}

  const Path* parent_ = nullptr;
  std::string_view key_;  // data() == nullptr: an index
  std::size_t index_ = 0;
};

// encoding/json's folding of a key: ASCII case, and the two letters beyond ASCII that fold to it.
std::string FoldKey(std::string_view key);

// The node that a canonical pointer names in a document as written (keys compare folded, the last
// one that is not null wins), or the closest parent; `pointer` is rewritten to the keys as written.
const document::Node& Locate(const document::Node& root, std::string& pointer);

}  // namespace seccompd::seccomp
