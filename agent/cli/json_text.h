// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/strings.h"

namespace seccompd::agent {

// Pieces of JSON for the commands that write it.
inline std::string Json(std::string_view text) { return "\"" + base::EscapeJson(text) + "\""; }

template <class Range, class Write>
std::string JsonList(const Range& range, const Write& write) {
  std::string out = "[";
  for (const auto& item : range) {
    if (out.size() > 1) out += ",";
    out += write(item);
  }
  return out + "]";
}

}  // namespace seccompd::agent
