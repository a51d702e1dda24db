// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace seccompd::kube {

using Labels = std::map<std::string, std::string>;

// One condition of a label selector.
struct LabelRequirement {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist, kGreater, kLess };
  std::string key;
  Operator op = Operator::kExists;
  std::set<std::string> values;  // kIn, kNotIn: the set; kGreater, kLess: one integer

  [[nodiscard]] bool Matches(const Labels& labels) const;
  bool operator==(const LabelRequirement&) const = default;
};

// "tier=web,zone in (a,b),!gpu": all requirements must hold; none at all matches everything.
struct LabelSelector {
  std::vector<LabelRequirement> requirements;

  [[nodiscard]] bool Matches(const Labels& labels) const;
  bool operator==(const LabelSelector&) const = default;
};

inline constexpr std::size_t kMaxSelectorBytes = 4'096;

// The syntax of kubectl -l (k8s.io/apimachinery labels.Parse): =, ==, !=, in, notin, key, !key, >
// and <. kInvalidArgument says where it went wrong.
[[nodiscard]] base::Result<LabelSelector> ParseLabelSelector(std::string_view text);

}  // namespace seccompd::kube
