// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/document/document.h"

namespace seccompd::document {

// A tree in one line: strings in quotes, other scalars as written, members in file order.
inline std::string Spell(const Node& node) {
  std::string out;
  switch (node.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
    case Kind::kNumber:
      return node.scalar;
    case Kind::kString:
      return "'" + node.scalar + "'";
    case Kind::kArray:
      for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + Spell(item);
      return "[" + out + "]";
    case Kind::kObject:
      break;
  }
  for (const Member& member : node.members) {
    out += (out.empty() ? "" : ", ") + member.key + ": " + Spell(member.value);
  }
  return "{" + out + "}";
}

}  // namespace seccompd::document
