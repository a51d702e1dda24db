// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/diagnose_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/seccomp/object_reader.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::seccomp {
namespace {

std::string RulePointer(std::size_t rule) { return fmt::format("/syscalls/{}", rule); }

// Two rules with one condition and two actions. libseccomp refuses conditional ones (EEXIST) and
// silently drops the second unconditional one.
void ReportConflicts(const RuleIndex& index, const SyscallUses& syscall, DiagnosticSink& sink) {
  if (syscall.uses.size() < 2) return;
  std::unordered_map<std::string, std::size_t> first;  // condition -> rule
  for (const Use& use : syscall.uses) {
    const ResolvedRule& rule = index.rule(use.rule);
    for (const Conjunction& conjunction : rule.conjunctions) {
      const auto [entry, added] = first.try_emplace(KeyOf(conjunction), use.rule);
      const ResolvedRule& other = index.rule(entry->second);
      if (added || other.action == rule.action) continue;
      sink.Add(codes::kConflictingRules, use.Pointer(),
               fmt::format("{} ({}) gets {} here but {} from /syscalls/{}; keep one of them",
                           Quoted(syscall.name), Describe(conjunction), DisplayName(rule.action),
                           DisplayName(other.action), entry->second));
      break;
    }
  }
}

void ReportSwallowed(const RuleIndex& index, const SyscallUses& syscall, DiagnosticSink& sink) {
  if (!syscall.decider) return;
  const Action decided = index.rule(syscall.decider->rule).action;
  for (const Use& use : syscall.uses) {
    const ResolvedRule& rule = index.rule(use.rule);
    if (use.rule == syscall.decider->rule || rule.skipped) continue;
    if (rule.unconditional() && rule.action != decided) continue;  // a conflict
    sink.Add(
        codes::kRuleSwallowed, use.Pointer(),
        fmt::format("{} gets {} for all arguments from /syscalls/{}, so this rule has no effect "
                    "on it; remove one of them",
                    Quoted(syscall.name), DisplayName(decided), syscall.decider->rule));
  }
}

// The rule that still decides a call of a skipped rule in another way, for the message.
std::string StillDecided(const RuleIndex& index, const Use& skipped, const SyscallUses& syscall) {
  for (const Use& use : syscall.uses) {
    const ResolvedRule& rule = index.rule(use.rule);
    if (use.rule == skipped.rule || rule.skipped) continue;
    return fmt::format("; mind that {} still gets {} from /syscalls/{}", Quoted(syscall.name),
                       DisplayName(rule.action), use.rule);
  }
  return {};
}

void ReportSkipped(const RuleIndex& index, DiagnosticSink& sink) {
  std::unordered_map<std::size_t, std::string> still;  // rule -> hint
  for (const SyscallUses& syscall : index.syscalls()) {
    for (const Use& use : syscall.uses) {
      std::string& hint = still[use.rule];
      if (!index.rule(use.rule).skipped || !hint.empty()) continue;
      hint = StillDecided(index, use, syscall);
    }
  }
  for (std::size_t r = 0; r < index.rules().size(); ++r) {
    if (!index.rule(r).skipped || still.count(r) == 0) continue;  // without names: not here
    sink.Add(codes::kActionIsDefault, RulePointer(r),
             fmt::format("the action {} is the default, so the runtimes skip this rule{}",
                         DisplayName(index.rule(r).action), still[r]));
  }
}

// Pairs of conditional rules. Quadratic, so bounded per call; a profile with more is diagnosed
// exactly by comparing compiled filters.
void ReportOverlaps(const RuleIndex& index, const SyscallUses& syscall,
                    std::set<std::pair<std::size_t, std::size_t>>& reported, DiagnosticSink& sink) {
  constexpr std::size_t kMaxConditions = 64;
  if (syscall.decider || syscall.uses.size() < 2) return;
  struct Part {
    std::size_t rule;
    const Conjunction* conjunction;
  };
  std::vector<Part> parts;
  for (const Use& use : syscall.uses) {
    if (index.rule(use.rule).skipped) continue;
    for (const Conjunction& conjunction : index.rule(use.rule).conjunctions) {
      if (parts.size() < kMaxConditions) parts.push_back({use.rule, &conjunction});
    }
  }
  for (std::size_t j = 1; j < parts.size(); ++j) {
    const Action later = index.rule(parts[j].rule).action;
    for (std::size_t i = 0; i < j; ++i) {
      const Action earlier = index.rule(parts[i].rule).action;
      const bool same = *parts[i].conjunction == *parts[j].conjunction;  // a conflict
      if (earlier == later || same || !CanMeet(*parts[i].conjunction, *parts[j].conjunction))
        continue;
      if (!reported.emplace(parts[i].rule, parts[j].rule).second) continue;
      sink.Add(
          codes::kOverlappingRules, RulePointer(parts[j].rule),
          fmt::format("for {}, '{}' here ({}) overlaps '{}' of /syscalls/{} ({}), and which one "
                      "wins depends on libseccomp; make the conditions exclude each other",
                      Quoted(syscall.name), Describe(*parts[j].conjunction), DisplayName(later),
                      Describe(*parts[i].conjunction), parts[i].rule, DisplayName(earlier)));
    }
  }
}

// An int argument with dirty high bits fails EQ, LT and LE and satisfies NE, GT and GE, while the
// kernel looks at the low half only. Does that let a call through?
bool DirtyBitsEvade(const ArgCondition& arg, ActionKind action, ActionKind default_action) {
  constexpr std::uint64_t kLow = 0xffffffff;
  switch (arg.op) {
    case CompareOp::kNe:
    case CompareOp::kGt:
    case CompareOp::kGe:
      return Permits(action);
    case CompareOp::kEq:
    case CompareOp::kLt:
    case CompareOp::kLe:
      return Denies(action) && Permits(default_action);
    case CompareOp::kMaskedEq:
      break;
  }
  return arg.value > kLow && Denies(action) && Permits(default_action);
}

void ReportDirtyBits(const SyscallRule& rule, std::size_t r, const RuleIndex& index,
                     DiagnosticSink& sink) {
  for (std::size_t a = 0; a < rule.args.size(); ++a) {
    const ArgCondition& arg = rule.args[a];
    if (!DirtyBitsEvade(arg, rule.action, index.default_action().kind)) continue;
    std::vector<std::string_view> names;
    for (const std::string& name : rule.names) {
      if ((NarrowArguments(name) >> arg.index & 1U) == 0) continue;
      const SyscallUses* uses = index.Find(name);
      if (uses != nullptr && uses->decider) continue;  // swallowed anyway
      names.push_back(name);
    }
    if (names.empty()) continue;
    sink.Add(
        codes::kDirtyHighBits, fmt::format("/syscalls/{}/args/{}", r, a),
        fmt::format("{} compares 64 bits, but the kernel takes argument {} of {} as 32 bits, so "
                    "a caller evades this by setting a high bit; use SCMP_CMP_MASKED_EQ with a "
                    "mask of 4294967295",
                    OciName(arg.op), arg.index, Listed(names)));
  }
}

void ReportValues(const SyscallRule& rule, std::size_t r, DiagnosticSink& sink) {
  for (std::size_t a = 0; a < rule.args.size(); ++a) {
    const ArgCondition& arg = rule.args[a];
    const std::string pointer = fmt::format("/syscalls/{}/args/{}/valueTwo", r, a);
    if (arg.op != CompareOp::kMaskedEq && arg.value_two != 0) {
      sink.Add(codes::kValueTwoIgnored, pointer,
               fmt::format("valueTwo is ignored with {}; remove it or use SCMP_CMP_MASKED_EQ",
                           OciName(arg.op)));
    }
    if (arg.op == CompareOp::kMaskedEq && (arg.value_two & ~arg.value) != 0) {
      sink.Add(
          codes::kValueOutsideMask, pointer,
          fmt::format("valueTwo {:#x} has bits outside the mask {:#x}, and libseccomp drops them "
                      "instead of never matching; value is the mask, valueTwo the result",
                      arg.value_two, arg.value));
    }
  }
}

// What the profile's own rule for the multiplexer of this call says; nullopt if there is none.
std::optional<Action> MultiplexerAction(std::string_view name, const RuleIndex& index) {
  const bool ipc = name.starts_with("msg") || name.starts_with("sem") || name.starts_with("shm");
  const SyscallUses* multiplexer = index.Find(ipc ? "ipc" : "socketcall");
  if (multiplexer == nullptr || !multiplexer->decider) return std::nullopt;
  return index.rule(multiplexer->decider->rule).action;
}

bool LetsThrough(Action action) {
  return action.kind == ActionKind::kAllow || action.kind == ActionKind::kLog;
}

// `said`: the conditions of one call in many rules are one matter.
void ReportMultiplexed(const SyscallRule& rule, std::size_t r, std::string_view archs,
                       const RuleIndex& index, std::set<std::string>& said, DiagnosticSink& sink) {
  std::map<std::string, std::vector<std::string_view>> by_action;
  const Action own = EffectiveAction(rule.action, rule.errno_ret);
  for (const std::string& name : rule.names) {
    if (!IsMultiplexed(name)) continue;
    const auto decided = MultiplexerAction(name, index);
    if (!decided || LetsThrough(*decided)) {
      by_action[DisplayName(decided.value_or(own))].push_back(name);
    }
  }
  for (const auto& [action, names] : by_action) {
    std::string message = fmt::format(
        "on {} the conditions of {} do not apply to calls through socketcall() or "
        "ipc(), which get {} for all arguments; drop that architecture or the "
        "conditions",
        archs, Listed(names), action);
    if (said.insert(message).second) {
      sink.Add(codes::kMultiplexed, RulePointer(r), std::move(message));
    }
  }
}

}  // namespace

void DiagnoseRulePairs(const RuleIndex& index, DiagnosticSink& sink) {
  std::set<std::pair<std::size_t, std::size_t>> reported;
  for (const SyscallUses& syscall : index.syscalls()) {
    ReportConflicts(index, syscall, sink);
    ReportSwallowed(index, syscall, sink);
    ReportOverlaps(index, syscall, reported, sink);
  }
  ReportSkipped(index, sink);
}

void DiagnoseConditions(const Profile& profile, const RuleIndex& index, const NodeFacts& node,
                        DiagnosticSink& sink) {
  std::string multiplexing;
  std::set<Arch> archs(profile.architectures.begin(), profile.architectures.end());
  archs.insert(node.arch);
  for (const Arch arch : archs) {
    if (!Multiplexes(arch)) continue;
    multiplexing += (multiplexing.empty() ? "" : " and ") + std::string(DisplayName(arch));
  }
  std::set<std::string> said;
  for (std::size_t r = 0; r < profile.syscalls.size(); ++r) {
    const SyscallRule& rule = profile.syscalls[r];
    if (rule.args.empty() || rule.names.empty()) continue;
    if (RepeatsIndex(rule)) {
      sink.Add(codes::kRepeatedIndex, RulePointer(r) + "/args",
               "an argument index is repeated, so the runtimes take ALL conditions of this rule as "
               "alternatives (OR); write one rule per alternative");
    }
    ReportValues(rule, r, sink);
    if (index.rule(r).skipped) continue;
    if (Is64Bit(node.arch)) ReportDirtyBits(rule, r, index, sink);
    if (!multiplexing.empty()) ReportMultiplexed(rule, r, multiplexing, index, said, sink);
  }
}

namespace {

bool RunsOn(Arch node, std::string_view name, const SyscallTable& table) {
  if (table.Number(node, name)) return true;
  const auto compat = CompatArchs(node);
  return std::any_of(compat.begin(), compat.end(),
                     [&](Arch arch) { return table.Number(arch, name).has_value(); });
}

}  // namespace

void DiagnoseNames(const Profile& profile, const SyscallTable& table, const NodeFacts& node,
                   DiagnosticSink& sink) {
  const std::vector<std::string_view> known = table.Names(node.arch);
  if (known.empty()) return;                   // no table for this node: nothing can be said
  constexpr std::size_t kMaxSuggestions = 20;  // each one costs a walk over the table
  std::size_t suggestions = 0;
  for (std::size_t r = 0; r < profile.syscalls.size(); ++r) {
    std::vector<std::string_view> foreign;
    const std::vector<std::string>& names = profile.syscalls[r].names;
    for (std::size_t n = 0; n < names.size(); ++n) {
      if (RunsOn(node.arch, names[n], table)) continue;
      if (table.Knows(names[n])) {
        foreign.emplace_back(names[n]);
        continue;
      }
      const bool suggest = suggestions++ < kMaxSuggestions;
      sink.Add(
          codes::kUnknownSyscall, Use{.rule = r, .name = n}.Pointer(),
          fmt::format("no system call {} is known, so the runtimes ignore it{}", Quoted(names[n]),
                      suggest ? Suggestion(names[n], known) : std::string()));
    }
    if (!foreign.empty()) {
      sink.Add(
          codes::kUnknownSyscall, RulePointer(r) + "/names",
          fmt::format("{} {} on other architectures only, so the rule has no effect on {} here",
                      Listed(foreign), foreign.size() == 1 ? "exists" : "exist",
                      foreign.size() == 1 ? "it" : "them"));
    }
  }
}

}  // namespace seccompd::seccomp
