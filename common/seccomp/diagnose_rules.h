// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/seccomp/diagnose.h"
#include "common/seccomp/rule_index.h"

namespace seccompd::seccomp {

// The findings of Diagnose, by what they look at. Internal to seccomp/.

// Rules against each other: conflicts, swallowed, skipped and overlapping rules.
void DiagnoseRulePairs(const RuleIndex& index, DiagnosticSink& sink);

// Argument conditions by themselves: repeated index, ignored values, dirty high bits, multiplexing.
void DiagnoseConditions(const Profile& profile, const RuleIndex& index, const NodeFacts& node,
                        DiagnosticSink& sink);

// What the runtimes refuse of SCMP_ACT_NOTIFY.
void DiagnoseNotify(const Profile& profile, DiagnosticSink& sink);

// Names the node does not know.
void DiagnoseNames(const Profile& profile, const SyscallTable& table, const NodeFacts& node,
                   DiagnosticSink& sink);

// What the whole profile lets through or stops: default, critical and start-up calls,
// architectures.
void DiagnoseWhole(const Profile& profile, const RuleIndex& index, const NodeFacts& node,
                   DiagnosticSink& sink);

// ALLOW and LOG let a call through; ERRNO, TRAP and the kills stop it; TRACE and NOTIFY do neither.
constexpr bool Permits(ActionKind kind) {
  return kind == ActionKind::kAllow || kind == ActionKind::kLog;
}
constexpr bool Denies(ActionKind kind) {
  return kind == ActionKind::kErrno || kind == ActionKind::kTrap ||
         kind == ActionKind::kKillThread || kind == ActionKind::kKillProcess;
}

// "a, b, c", at most 12 names and how many more.
std::string Listed(const std::vector<std::string_view>& names);

}  // namespace seccompd::seccomp
