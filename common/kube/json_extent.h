// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace seccompd::kube {

// Finds the end of one JSON object, array or string, byte by byte, from its first one on (RFC
// 8259). Whether it is valid JSON is the parser's to say.
class JsonExtent {
 public:
  // True if the value ends with `c`.
  bool Advance(char c) {
    if (in_string_) {
      Follow(c);
      return !in_string_ && depth_ == 0;
    }
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      return --depth_ == 0;
    }
    return false;
  }
  // Between its first byte and its last.
  [[nodiscard]] bool within() const { return in_string_ || depth_ != 0; }

 private:
  void Follow(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
  }

  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace seccompd::kube
