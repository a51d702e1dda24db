// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace seccompd::seccomp {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// The values that satisfy a condition lie in [low, high]; nullopt if there is none. NE and
// MASKED_EQ need a second look.
struct Range {
  std::uint64_t low = 0;
  std::uint64_t high = kMax;
};

std::optional<Range> RangeOf(const ArgCondition& c) {
  switch (c.op) {
    case CompareOp::kLt:
      if (c.value == 0) return std::nullopt;
      return Range{.high = c.value - 1};
    case CompareOp::kLe:
      return Range{.high = c.value};
    case CompareOp::kEq:
      return Range{.low = c.value, .high = c.value};
    case CompareOp::kGe:
      return Range{.low = c.value};
    case CompareOp::kGt:
      if (c.value == kMax) return std::nullopt;
      return Range{.low = c.value + 1};
    case CompareOp::kNe:
    case CompareOp::kMaskedEq:
      break;
  }
  return Range{};
}

// The least x >= low with (x & mask) == bits; nullopt if there is none.
std::optional<std::uint64_t> NextMatch(std::uint64_t low, std::uint64_t mask, std::uint64_t bits) {
  const std::uint64_t wrong = (low & mask) ^ bits;
  if (wrong == 0) return low;
  // Above the highest wrong bit `low` may stay. If that bit must become 1, everything below is free
  // to be least; if it must become 0, a free 0 bit above it has to be raised first.
  int top = 63;
  while ((wrong >> top & 1U) == 0) --top;
  const auto least_below = [&](int bit) {
    const std::uint64_t below = bit == 0 ? 0 : (std::uint64_t{1} << bit) - 1;
    return bits & below;
  };
  const auto above = [&](int bit) { return bit == 63 ? 0 : low >> (bit + 1) << (bit + 1); };
  if ((bits >> top & 1U) != 0) return above(top) | std::uint64_t{1} << top | least_below(top);
  for (int bit = top + 1; bit < 64; ++bit) {
    const std::uint64_t one = std::uint64_t{1} << bit;
    if ((low & one) == 0 && (mask & one) == 0) return above(bit) | one | least_below(bit);
  }
  return std::nullopt;
}

// Does any value of `range` satisfy the condition?
bool HasValueIn(const ArgCondition& c, const Range& range) {
  if (c.op == CompareOp::kNe) return range.low != range.high || range.low != c.value;
  if (c.op == CompareOp::kMaskedEq) {
    const auto next = NextMatch(range.low, c.value, c.value_two & c.value);
    return next && *next <= range.high;
  }
  const auto own = RangeOf(c);
  return own && std::max(own->low, range.low) <= std::min(own->high, range.high);
}

bool IsRange(const ArgCondition& c) {
  return c.op != CompareOp::kNe && c.op != CompareOp::kMaskedEq;
}

bool IsEquality(const ArgCondition& c) {
  return c.op == CompareOp::kEq || c.op == CompareOp::kMaskedEq;
}

// One branch of FormTree: `rules` agree on their first `depth` conditions.
bool FormBranch(const std::vector<const Conjunction*>& rules, std::size_t depth) {
  if (rules.size() == 1) return true;
  std::vector<std::vector<const Conjunction*>> groups;
  for (const Conjunction* rule : rules) {
    if (rule->size() <= depth) return false;
    const ArgCondition& own = (*rule)[depth];
    std::vector<const Conjunction*>* same = nullptr;
    for (auto& group : groups) {
      const ArgCondition& other = (*group.front())[depth];
      if (own == other) {
        same = &group;
      } else if (own.index != other.index || CanMeet(own, other)) {
        return false;
      }
    }
    if (same == nullptr) same = &groups.emplace_back();
    same->push_back(rule);
  }
  return std::all_of(groups.begin(), groups.end(),
                     [&](const auto& group) { return FormBranch(group, depth + 1); });
}

}  // namespace

bool CanMeet(const ArgCondition& a, const ArgCondition& b) {
  if (IsRange(a) || IsRange(b)) {
    const auto range = RangeOf(IsRange(a) ? a : b);
    return range && HasValueIn(IsRange(a) ? b : a, *range);
  }
  if (a.op == CompareOp::kNe && b.op == CompareOp::kNe) return true;
  if (a.op == CompareOp::kMaskedEq && b.op == CompareOp::kMaskedEq) {
    return ((a.value_two ^ b.value_two) & a.value & b.value) == 0;
  }
  // NE and MASKED_EQ: only a mask that fixes all bits to the refused value leaves nothing.
  const ArgCondition& ne = a.op == CompareOp::kNe ? a : b;
  const ArgCondition& masked = a.op == CompareOp::kNe ? b : a;
  return masked.value != kMax || masked.value_two != ne.value;
}

bool CanMeet(const Conjunction& a, const Conjunction& b) {
  return std::all_of(a.begin(), a.end(), [&](const ArgCondition& x) {
    return std::all_of(b.begin(), b.end(),
                       [&](const ArgCondition& y) { return x.index != y.index || CanMeet(x, y); });
  });
}

bool RepeatsIndex(const SyscallRule& rule) {
  std::uint32_t seen = 0;
  for (const ArgCondition& arg : rule.args) {
    const std::uint32_t bit = std::uint32_t{1} << (arg.index & 31U);
    if ((seen & bit) != 0) return true;
    seen |= bit;
  }
  return false;
}

std::vector<Conjunction> Conjunctions(const SyscallRule& rule) {
  std::vector<ArgCondition> args = rule.args;
  for (ArgCondition& arg : args) {
    arg.value_two = arg.op == CompareOp::kMaskedEq ? arg.value_two & arg.value : 0;
  }
  std::vector<Conjunction> out;
  if (RepeatsIndex(rule)) {
    for (const ArgCondition& arg : args) out.push_back({arg});
    return out;
  }
  std::sort(args.begin(), args.end(),
            [](const ArgCondition& a, const ArgCondition& b) { return a.index < b.index; });
  out.push_back(std::move(args));
  return out;
}

bool FormTree(std::span<const Conjunction> conjunctions) {
  std::vector<const Conjunction*> rules;
  for (const Conjunction& conjunction : conjunctions) {
    if (!std::all_of(conjunction.begin(), conjunction.end(), IsEquality)) return false;
    rules.push_back(&conjunction);
  }
  return rules.empty() || FormBranch(rules, 0);
}

std::string KeyOf(const Conjunction& conjunction) {
  std::string key;
  for (const ArgCondition& c : conjunction) {
    key += fmt::format("{}.{}.{:x}.{:x};", c.index, static_cast<int>(c.op), c.value, c.value_two);
  }
  return key;
}

std::string Describe(const Conjunction& conjunction) {
  std::string out;
  for (const ArgCondition& c : conjunction) {
    if (!out.empty()) out += " and ";
    if (c.op == CompareOp::kMaskedEq) {
      out += fmt::format("(arg{} & {:#x}) == {:#x}", c.index, c.value, c.value_two);
      continue;
    }
    constexpr std::string_view kSigns[] = {"!=", "<", "<=", "==", ">=", ">"};
    out += fmt::format("arg{} {} {}", c.index, kSigns[static_cast<std::size_t>(c.op)], c.value);
  }
  return out.empty() ? "always" : out;
}

}  // namespace seccompd::seccomp
