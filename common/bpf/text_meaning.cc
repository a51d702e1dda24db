// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/text_meaning.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "common/bpf/compare.h"
#include "common/bpf/return_value.h"
#include "common/bpf/rule_region.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::bpf {
namespace {

using base::Result;
using seccomp::Arch;
using seccomp::Profile;
using seccomp::SyscallRule;

std::set<std::string_view> Conditional(const Profile& profile) {
  std::set<std::string_view> names;
  for (const SyscallRule& rule : profile.syscalls) {
    if (!rule.args.empty()) names.insert(rule.names.begin(), rule.names.end());
  }
  return names;
}

std::vector<Arch> Archs(const Profile& profile, Arch native) {
  std::vector<Arch> archs{native};
  for (const Arch arch : profile.architectures) {
    if (std::find(archs.begin(), archs.end(), arch) == archs.end()) archs.push_back(arch);
  }
  return archs;
}

// Every input of the rule's calls that meets all of its conditions.
Result<Region> Matches(Workspace& workspace, const SyscallRule& rule, std::span<const Arch> archs,
                       const seccomp::SyscallTable& table) {
  Region all = Workspace::Nothing();
  for (const Arch arch : archs) {
    Region calls = Workspace::Nothing();
    for (const std::string& name : rule.names) {
      const auto number = table.Number(arch, name);
      if (!number) continue;
      TRY_ASSIGN(const Region call,
                 CallRegion(workspace, arch, static_cast<std::uint32_t>(*number)));
      TRY_ASSIGN(calls, workspace.Unite(calls, call));
    }
    for (const seccomp::ArgCondition& condition : rule.args) {
      TRY_ASSIGN(const Region holds,
                 ConditionRegion(workspace, condition, !seccomp::Is64Bit(arch)));
      TRY_ASSIGN(calls, workspace.Intersect(calls, holds));
    }
    TRY_ASSIGN(all, workspace.Unite(all, calls));
  }
  return all;
}

std::uint32_t ValueOf(seccomp::ActionKind kind, std::optional<std::uint32_t> errno_ret) {
  return Normalize(seccomp::ToReturnValue(seccomp::EffectiveAction(kind, errno_ret)));
}

// The named calls as inputs, with any arguments.
Result<Region> AllCalls(Workspace& workspace, const Profile& profile, std::span<const Arch> archs,
                        const seccomp::SyscallTable& table) {
  Region all = Workspace::Nothing();
  for (const SyscallRule& rule : profile.syscalls) {
    SyscallRule bare = rule;
    bare.args.clear();
    TRY_ASSIGN(const Region calls, Matches(workspace, bare, archs, table));
    TRY_ASSIGN(all, workspace.Unite(all, calls));
  }
  return all;
}

// Calls of which Diagnose already says that the filter differs from the text.
std::set<std::string> Explained(const Profile& profile, const seccomp::SyscallTable& table,
                                const seccomp::NodeFacts& node) {
  constexpr auto kExplaining = std::to_array<std::string_view>(
      {seccomp::codes::kConflictingRules, seccomp::codes::kRuleSwallowed,
       seccomp::codes::kRepeatedIndex, seccomp::codes::kOverlappingRules,
       seccomp::codes::kActionIsDefault});
  std::set<std::string> names;
  for (const seccomp::Diagnostic& d : seccomp::Diagnose(profile, table, node)) {
    const bool explains =
        std::find(kExplaining.begin(), kExplaining.end(), d.code) != kExplaining.end();
    constexpr std::string_view kPrefix = "/syscalls/";
    if (!explains || !d.pointer.starts_with(kPrefix)) continue;
    std::string_view rest = std::string_view(d.pointer).substr(kPrefix.size());
    const auto index = base::ParseInt<std::size_t>(rest.substr(0, rest.find('/')));
    if (!index || *index >= profile.syscalls.size()) continue;
    const auto& named = profile.syscalls[*index].names;
    names.insert(named.begin(), named.end());
  }
  return names;
}

std::string Shown(std::uint32_t value) {
  return seccomp::DisplayName(seccomp::FromReturnValue(value));
}

struct Named {
  Arch arch;
  std::string name;
};
std::optional<Named> NameOf(const SeccompData& call, std::span<const Arch> archs,
                            const seccomp::SyscallTable& table) {
  for (const Arch arch : archs) {
    if (seccomp::AuditArch(arch) != call.arch) continue;
    const std::string_view name = table.Name(arch, static_cast<std::int32_t>(call.nr));
    if (!name.empty()) return Named{arch, std::string(name)};
  }
  return std::nullopt;
}

Result<Comparison> CompareWithText(Workspace& workspace, const Profile& part,
                                   const Program& program, Arch native,
                                   const seccomp::SyscallTable& table) {
  const std::vector<Arch> archs = Archs(part, native);
  TRY_ASSIGN(const Diagram plain, PlainMeaning(workspace, part, native, table));
  TRY_ASSIGN(const Diagram loaded, workspace.Decide(program));
  TRY_ASSIGN(const Region calls, AllCalls(workspace, part, archs, table));
  TRY_ASSIGN(const Diagram nothing, workspace.Always(kRetAllow));
  TRY_ASSIGN(const Diagram from, workspace.Select(calls, plain, nothing));
  TRY_ASSIGN(const Diagram to, workspace.Select(calls, loaded, nothing));
  if (from == to) return Comparison{};
  CompareOptions options;
  options.max_differences = 256;
  options.max_terms = 4;
  return Compare(workspace, from, to, options);
}

}  // namespace

Profile ConditionalPart(const Profile& profile) {
  const std::set<std::string_view> names = Conditional(profile);
  Profile part = profile;
  for (SyscallRule& rule : part.syscalls) {
    std::erase_if(rule.names, [&](const std::string& name) { return !names.contains(name); });
  }
  return part;
}

Result<Diagram> PlainMeaning(Workspace& workspace, const Profile& profile, Arch native,
                             const seccomp::SyscallTable& table) {
  const std::vector<Arch> archs = Archs(profile, native);
  TRY_ASSIGN(Diagram out,
             workspace.Always(ValueOf(profile.default_action, profile.default_errno_ret)));
  for (auto rule = profile.syscalls.rbegin(); rule != profile.syscalls.rend(); ++rule) {
    if (rule->names.empty()) continue;
    TRY_ASSIGN(const Diagram action, workspace.Always(ValueOf(rule->action, rule->errno_ret)));
    TRY_ASSIGN(const Region region, Matches(workspace, *rule, archs, table));
    TRY_ASSIGN(out, workspace.Select(region, action, out));
  }
  return out;
}

std::vector<seccomp::Diagnostic> TextDifferences(Workspace& workspace, const Profile& profile,
                                                 const seccomp::SyscallTable& table,
                                                 const seccomp::NodeFacts& node,
                                                 const CompileFunction& compile) {
  std::vector<seccomp::Diagnostic> out;
  if (Conditional(profile).empty()) return out;
  const Profile part = ConditionalPart(profile);
  const auto program = compile(part);
  if (!program) return out;
  workspace.Reset();
  const auto found = CompareWithText(workspace, part, *program, node.arch, table);
  if (!found || found->differences.empty()) return out;
  const std::vector<Arch> archs = Archs(part, node.arch);
  std::set<std::string> said = Explained(part, table, node);
  for (const Difference& d : found->differences) {
    const auto call = NameOf(d.witness, archs, table);
    if (!call || !said.insert(call->name).second) continue;
    out.push_back({.code = seccomp::codes::kFilterDiffers,
                   .severity = seccomp::Severity::kWarning,
                   .pointer = "/syscalls",
                   .message = fmt::format(
                       "{} with arguments {:#x}, {:#x}, {:#x} reads {} here, but on {} the filter "
                       "that libseccomp builds gives {}; write its conditions so that they "
                       "exclude each other and fit the argument",
                       call->name, d.witness.args[0], d.witness.args[1], d.witness.args[2],
                       Shown(d.from), seccomp::DisplayName(call->arch), Shown(d.to))});
  }
  return out;
}

}  // namespace seccompd::bpf
