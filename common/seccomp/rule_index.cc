// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/rule_index.h"

#include <fmt/format.h>

namespace seccompd::seccomp {

std::string Use::Pointer() const { return fmt::format("/syscalls/{}/names/{}", rule, name); }

RuleIndex::RuleIndex(const Profile& profile)
    : default_(EffectiveAction(profile.default_action, profile.default_errno_ret)) {
  rules_.reserve(profile.syscalls.size());
  for (const SyscallRule& rule : profile.syscalls) {
    ResolvedRule resolved{.action = EffectiveAction(rule.action, rule.errno_ret),
                          .conjunctions = Conjunctions(rule)};
    resolved.skipped = resolved.action == default_;
    rules_.push_back(std::move(resolved));
  }
  for (std::size_t r = 0; r < profile.syscalls.size(); ++r) {
    const std::vector<std::string>& names = profile.syscalls[r].names;
    for (std::size_t n = 0; n < names.size(); ++n) {
      const auto [entry, added] = by_name_.try_emplace(names[n], syscalls_.size());
      if (added) syscalls_.push_back({.name = names[n], .uses = {}, .decider = {}});
      SyscallUses& syscall = syscalls_[entry->second];
      if (!syscall.uses.empty() && syscall.uses.back().rule == r) continue;
      const Use use{.rule = r, .name = n};
      syscall.uses.push_back(use);
      const bool decides = rules_[r].unconditional() && !rules_[r].skipped;
      if (decides && !syscall.decider) syscall.decider = use;
    }
  }
}

const SyscallUses* RuleIndex::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &syscalls_[found->second];
}

}  // namespace seccompd::seccomp
