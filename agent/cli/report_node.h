// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "common/document/document.h"

// Members of a report as an older or newer agent may have written it: what is absent reads as
// nothing.
namespace seccompd::agent {

inline const document::Node* At(const document::Node& node, std::string_view key) {
  const document::Node* found = node.Find(key);
  return found == nullptr || found->kind == document::Kind::kNull ? nullptr : found;
}

// A scalar member, escaped; "" where it is absent or null.
inline std::string Text(const document::Node& node, std::string_view key) {
  const document::Node* found = At(node, key);
  return found == nullptr ? std::string() : base::Printable(found->scalar);
}

inline std::string Text(const document::Node& node, std::string_view outer, std::string_view key) {
  const document::Node* found = At(node, outer);
  return found == nullptr ? std::string() : Text(*found, key);
}

}  // namespace seccompd::agent
