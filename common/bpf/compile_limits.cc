// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/compile_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/base/strings.h"
#include "common/seccomp/condition.h"

namespace seccompd::bpf {
namespace {

// Measured with libseccomp 2.5.4 on random conditions: below these one call costs at most about a
// second, beyond them minutes.
constexpr std::size_t kMaxWithSeveralArguments = 24;   // conditions of a call that has such a rule,
                                                       // unless they form a tree
constexpr std::size_t kMaxMixed = 12;                  // the same, if not all are EQ or MASKED_EQ
constexpr std::size_t kMaxRanges = 64;                 // NE, LT, LE, GE, GT on a call
constexpr std::size_t kMaxConditions = 512;            // on a call
constexpr std::size_t kMaxConditionsTotal = 1024;      // over calls and architectures
constexpr std::size_t kMaxSeveralArgumentsTotal = 64;  // as the first, summed over the calls

bool IsRange(const seccomp::ArgCondition& condition) {
  return condition.op != seccomp::CompareOp::kEq && condition.op != seccomp::CompareOp::kMaskedEq;
}

bool HasRange(const seccomp::Conjunction& conjunction) {
  return std::any_of(conjunction.begin(), conjunction.end(), IsRange);
}

struct Count {
  std::size_t all = 0;
  std::size_t several = 0;
  std::size_t ranges = 0;  // with another operator than EQ and MASKED_EQ
  std::vector<seccomp::Conjunction> conjunctions{};
  std::map<std::string, std::uint32_t> next{};  // which argument follows a beginning with a range
  std::string endless{};                        // a beginning that different arguments follow

  void Add(const seccomp::Conjunction& conjunction) {
    ++all;
    for (std::size_t i = 0; i + 1 < conjunction.size(); ++i) {
      if (!IsRange(conjunction[i])) continue;
      const auto end = conjunction.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      const seccomp::Conjunction beginning(conjunction.begin(), end);
      const auto [known, added] = next.try_emplace(seccomp::KeyOf(beginning), end->index);
      if (!added && known->second != end->index) endless = seccomp::Describe(beginning);
    }
    if (conjunction.size() > 1) ++several;
    if (HasRange(conjunction)) ++ranges;
    if (all <= kMaxConditions) conjunctions.push_back(conjunction);
  }
  [[nodiscard]] bool Tangled() const { return several > 0 && !seccomp::FormTree(conjunctions); }
};

base::Result<> Refuse(std::string_view name, std::size_t count, std::string_view what,
                      std::size_t limit) {
  return base::Fail(
      base::ErrorCode::kInvalidArgument,
      fmt::format(
          "'{}' has {} {}, more than the {} that libseccomp builds in bounded time; use fewer "
          "rules",
          base::Printable(name), count, what, limit));
}

base::Result<> CheckCall(std::string_view name, const Count& count, bool tangled) {
  // Seen with libseccomp 2.5.4, however few the rules are: rule_add then loops in its tree.
  if (!count.endless.empty()) {
    return base::Fail(
        base::ErrorCode::kInvalidArgument,
        fmt::format("rules for '{}' begin alike with {} and go on with different arguments: over "
                    "these libseccomp 2.5 comes to no end, nor would a container's start; begin "
                    "them with SCMP_CMP_EQ or SCMP_CMP_MASKED_EQ, or with different values",
                    base::Printable(name), count.endless));
  }
  if (tangled) {
    const std::size_t limit = count.ranges > 0 ? kMaxMixed : kMaxWithSeveralArguments;
    if (count.all > limit)
      return Refuse(name, count.all, "conditions, some on several arguments", limit);
  }
  if (count.ranges > kMaxRanges) {
    return Refuse(name, count.ranges, "conditions other than equality", kMaxRanges);
  }
  return {};
}

// Different conditions of each call.
std::map<std::string_view, Count> CountCalls(const seccomp::Profile& profile) {
  std::unordered_set<std::string> seen;
  std::map<std::string_view, Count> counts;
  for (const seccomp::SyscallRule& rule : profile.syscalls) {
    const std::unordered_set<std::string_view> names(rule.names.begin(), rule.names.end());
    for (const seccomp::Conjunction& conjunction : seccomp::Conjunctions(rule)) {
      if (conjunction.empty()) continue;
      const std::string key = seccomp::KeyOf(conjunction);
      for (const std::string_view name : names) {
        if (seen.insert(std::string(name) + " " + key).second) counts[name].Add(conjunction);
      }
    }
  }
  return counts;
}

}  // namespace

base::Result<> CheckComplexity(const seccomp::Profile& profile) {
  const std::map<std::string_view, Count> counts = CountCalls(profile);
  std::size_t total = 0;
  for (const auto& [name, count] : counts) {
    if (count.all > kMaxConditions) return Refuse(name, count.all, "conditions", kMaxConditions);
    total += count.all;
  }
  const std::set<seccomp::Arch> listed(profile.architectures.begin(), profile.architectures.end());
  const std::size_t archs = std::max<std::size_t>(listed.size(), 1);
  if (total * archs > kMaxConditionsTotal) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("{} conditions on {} architectures, more than the {} in all that "
                                  "libseccomp builds in bounded time; use fewer rules",
                                  total, archs, kMaxConditionsTotal));
  }
  std::size_t several = 0;
  for (const auto& [name, count] : counts) {
    const bool tangled = count.Tangled();
    if (tangled) several += count.all;
    TRY(CheckCall(name, count, tangled));
  }
  if (several > kMaxSeveralArgumentsTotal) {
    return base::Fail(
        base::ErrorCode::kInvalidArgument,
        fmt::format("{} conditions on calls with rules for several arguments, more than "
                    "the {} that libseccomp builds in bounded time; use fewer rules",
                    several, kMaxSeveralArgumentsTotal));
  }
  return {};
}

}  // namespace seccompd::bpf
