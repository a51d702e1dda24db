// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/seccomp/diagnose_rules.h"
#include "common/seccomp/object_reader.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::seccomp {
namespace {

// Does a conjunction on clone() or unshare() keep out every namespace flag?
bool ExcludesNamespaces(const Conjunction& conjunction, std::string_view name, Arch arch) {
  const bool s390 = arch == Arch::kS390 || arch == Arch::kS390x;
  const std::uint32_t flags_at = name == "clone" && s390 ? 1 : 0;
  constexpr std::uint64_t kLowestFlag = kNamespaceFlags & (~kNamespaceFlags + 1);
  return std::any_of(conjunction.begin(), conjunction.end(), [&](const ArgCondition& c) {
    if (c.index != flags_at) return false;
    switch (c.op) {
      case CompareOp::kMaskedEq:
        return (c.value & kNamespaceFlags) == kNamespaceFlags &&
               (c.value_two & kNamespaceFlags) == 0;
      case CompareOp::kEq:
        return (c.value & kNamespaceFlags) == 0;
      case CompareOp::kLt:
        return c.value <= kLowestFlag;
      case CompareOp::kLe:
        return c.value < kLowestFlag;
      default:
        return false;
    }
  });
}

// Does this rule let the call through in a way that makes it critical?
bool PermitsCritically(const ResolvedRule& rule, std::string_view name, Arch arch) {
  if (!Permits(rule.action.kind)) return false;
  if (name != "clone" && name != "unshare") return true;
  return std::any_of(rule.conjunctions.begin(), rule.conjunctions.end(),
                     [&](const Conjunction& c) { return !ExcludesNamespaces(c, name, arch); });
}

// The rules of a call that count: the decider alone, or all that are not skipped.
std::vector<Use> Effective(const RuleIndex& index, const SyscallUses* syscall) {
  if (syscall == nullptr) return {};
  if (syscall->decider) return {*syscall->decider};
  std::vector<Use> uses;
  for (const Use& use : syscall->uses) {
    if (!index.rule(use.rule).skipped) uses.push_back(use);
  }
  return uses;
}

void ReportCritical(const RuleIndex& index, Arch arch, DiagnosticSink& sink) {
  std::vector<std::string_view> by_default;
  for (const std::string_view name : CriticalSyscalls()) {
    const std::vector<Use> uses = Effective(index, index.Find(name));
    if (uses.empty() && Permits(index.default_action().kind)) by_default.push_back(name);
    for (const Use& use : uses) {
      const ResolvedRule& rule = index.rule(use.rule);
      if (!PermitsCritically(rule, name, arch)) continue;
      const bool flags_matter = name == "clone" || name == "unshare";
      sink.Add(codes::kCriticalAllowed, use.Pointer(),
               fmt::format("{}{} is allowed{}; remove it unless the workload needs it",
                           Quoted(name), flags_matter ? " with namespace flags" : "",
                           rule.unconditional() ? "" : " for some arguments"));
    }
  }
  if (by_default.empty()) return;
  sink.Add(codes::kCriticalAllowed, "/defaultAction",
           fmt::format("the default action allows the critical {}; deny them", Listed(by_default)));
}

struct Denied {
  std::vector<std::string_view> by_default;
  std::vector<std::pair<std::string_view, Use>> by_rule;
};

// The calls of `names` that no input gets through.
Denied DeniedOf(const RuleIndex& index, std::span<const std::string_view> names) {
  Denied denied;
  for (const std::string_view name : names) {
    const SyscallUses* syscall = index.Find(name);
    const std::vector<Use> uses = Effective(index, syscall);
    const bool all_deny = std::all_of(uses.begin(), uses.end(), [&](const Use& use) {
      return Denies(index.rule(use.rule).action.kind);
    });
    const bool decided = syscall != nullptr && syscall->decider;
    if (!all_deny || (!decided && !Denies(index.default_action().kind))) continue;
    if (uses.empty()) {
      denied.by_default.push_back(name);
    } else {
      denied.by_rule.emplace_back(name, uses.front());
    }
  }
  return denied;
}

void ReportStartup(const RuleIndex& index, DiagnosticSink& sink) {
  const Denied denied = DeniedOf(index, StartupSyscalls());
  for (const auto& [name, use] : denied.by_rule) {
    sink.Add(codes::kStartupDenied, use.Pointer(),
             fmt::format("{} gets {}, but the runtimes need it to start the container; allow it",
                         Quoted(name), DisplayName(index.rule(use.rule).action)));
  }
  if (!denied.by_default.empty()) {
    sink.Add(codes::kStartupDenied, "/defaultAction",
             fmt::format("no rule allows {}, which the runtimes need to start the container; allow "
                         "them",
                         Listed(denied.by_default)));
  }
  if (!denied.by_default.empty() || !denied.by_rule.empty()) return;
  Denied more = DeniedOf(index, StartupSyscallsWithPrivileges());
  for (const auto& [name, use] : more.by_rule) more.by_default.push_back(name);
  if (more.by_default.empty()) return;
  sink.Add(codes::kNeedsNoNewPrivs, "",
           fmt::format("without {} runc can start a container only if its pod says "
                       "allowPrivilegeEscalation: false",
                       Listed(more.by_default)));
}

// x32 is left out: no distribution's programs use it and few kernels have it, so killing it is
// right.
void ReportMissingArchs(const Profile& profile, Arch native, DiagnosticSink& sink) {
  std::vector<std::string_view> missing;
  for (const Arch arch : CompatArchs(native)) {
    const auto& listed = profile.architectures;
    const bool found = std::find(listed.begin(), listed.end(), arch) != listed.end();
    if (!found && arch != Arch::kX32) missing.push_back(OciName(arch));
  }
  if (missing.empty()) return;
  sink.Add(
      codes::kMissingArch, "/architectures",
      fmt::format("architectures does not list {}, so on {} every such call is killed; list it "
                  "if the workload runs 32-bit programs",
                  Listed(missing), DisplayName(native)));
}

}  // namespace

void DiagnoseNotify(const Profile& profile, DiagnosticSink& sink) {
  if (profile.default_action == ActionKind::kNotify) {
    sink.Add(codes::kNotifyDefault, "/defaultAction",
             "SCMP_ACT_NOTIFY cannot be the default action, the runtimes refuse it; name the "
             "system calls to notify about");
  }
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const SyscallRule& rule = profile.syscalls[i];
    if (rule.action != ActionKind::kNotify) continue;
    const std::string at = fmt::format("/syscalls/{}", i);
    if (profile.listener_path.empty()) {
      sink.Add(codes::kNotifyWithoutListener, at + "/action",
               "SCMP_ACT_NOTIFY needs the listenerPath of the program that answers; add it");
    }
    const auto write = std::find(rule.names.begin(), rule.names.end(), "write");
    if (write != rule.names.end()) {
      sink.Add(codes::kNotifyWrite, fmt::format("{}/names/{}", at, write - rule.names.begin()),
               "SCMP_ACT_NOTIFY on write would block the runtime itself; remove write");
    }
  }
}

void DiagnoseWhole(const Profile& profile, const RuleIndex& index, const NodeFacts& node,
                   DiagnosticSink& sink) {
  if (Permits(profile.default_action)) {
    sink.Add(codes::kDefaultAllows, "/defaultAction",
             fmt::format("{} lets every call through that no rule names; prefer SCMP_ACT_ERRNO and "
                         "a list of what is needed",
                         OciName(profile.default_action)));
  }
  if (profile.flags && profile.flags->empty()) {
    sink.Add(codes::kEmptyFlags, "/flags",
             "containerd drops an empty flags list, so the runtimes still apply "
             "SECCOMP_FILTER_FLAG_SPEC_ALLOW; remove it, or name the flags");
  }
  ReportMissingArchs(profile, node.arch, sink);
  ReportCritical(index, node.arch, sink);
  ReportStartup(index, sink);
}

}  // namespace seccompd::seccomp
