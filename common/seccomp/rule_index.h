// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/seccomp/condition.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// One rule as libseccomp gets it.
struct ResolvedRule {
  Action action;
  bool skipped = false;                   // its action is the default: the runtimes leave it out
  std::vector<Conjunction> conjunctions;  // one empty conjunction: unconditional

  [[nodiscard]] bool unconditional() const { return conjunctions.front().empty(); }
};

// Where a system call is named: rule and position in its names.
struct Use {
  std::size_t rule = 0;
  std::size_t name = 0;
  [[nodiscard]] std::string Pointer() const;
};

struct SyscallUses {
  std::string_view name;
  std::vector<Use> uses;  // in file order, once per rule
  // The first unconditional rule that is not skipped: it decides, whatever stands before or after
  // it (libseccomp, facts of db.c: an unconditional rule replaces every other rule of the call).
  std::optional<Use> decider;
};

// A profile by system call. Borrows the profile. Internal to seccomp/.
class RuleIndex {
 public:
  explicit RuleIndex(const Profile& profile);

  [[nodiscard]] const std::vector<SyscallUses>& syscalls() const { return syscalls_; }
  [[nodiscard]] const SyscallUses* Find(std::string_view name) const;
  [[nodiscard]] const ResolvedRule& rule(std::size_t index) const { return rules_[index]; }
  [[nodiscard]] const std::vector<ResolvedRule>& rules() const { return rules_; }
  [[nodiscard]] Action default_action() const { return default_; }

 private:
  Action default_;
  std::vector<ResolvedRule> rules_;
  std::vector<SyscallUses> syscalls_;  // in the order of their first use
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

}  // namespace seccompd::seccomp
