// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/prove_extension.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/bpf/check.h"
#include "common/bpf/compare.h"
#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/bpf/rule_region.h"
#include "common/seccomp/condition.h"
#include "common/seccomp/extend.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::bpf {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using seccomp::Arch;
using seccomp::ArgCondition;
using seccomp::CompareOp;
using seccomp::SyscallRule;

constexpr std::uint64_t kMax = ~std::uint64_t{0};

// The same filter for inputs whose arguments in `narrow` have no high half: its loads give 0.
Program WithoutHighHalves(Program program, std::uint32_t narrow) {
  for (Instruction& at : program) {
    if (at.code != kLdAbs || at.k >= sizeof(SeccompData)) continue;
    const Word word = WordOfOffset(at.k);
    for (std::uint32_t i = 0; i < 6; ++i) {
      if ((narrow >> i & 1U) == 0 || word != ArgHighWord(i)) continue;
      at.code = kLdImm;
      at.k = 0;
    }
  }
  return program;
}

std::vector<Arch> Archs(const ExtensionCase& what) {
  std::vector<Arch> archs{what.native};
  for (const Arch arch : what.extension.architectures) {
    if (std::find(archs.begin(), archs.end(), arch) == archs.end()) archs.push_back(arch);
  }
  return archs;
}

std::vector<std::string_view> Names(const seccomp::Profile& profile) {
  std::set<std::string_view> names;
  for (const SyscallRule& rule : profile.syscalls)
    names.insert(rule.names.begin(), rule.names.end());
  return {names.begin(), names.end()};
}

std::uint32_t ValueOf(const SyscallRule& rule) {
  return Normalize(seccomp::ToReturnValue(seccomp::EffectiveAction(rule.action, rule.errno_ret)));
}

class Prover {
 public:
  Prover(Workspace& workspace, const ExtensionCase& what)
      : workspace_(workspace), what_(what), archs_(Archs(what)) {}

  Result<Diagram> Expected() {
    TRY_ASSIGN(Diagram expected, workspace_.Decide(what_.base));
    TRY_ASSIGN(expected, Truncated(expected));
    for (const SyscallRule& rule : what_.extension.syscalls) {
      TRY_ASSIGN(const Diagram action, workspace_.Always(ValueOf(rule)));
      for (const std::string& name : rule.names) {
        TRY_ASSIGN(const Region region, Matches(rule, name));
        TRY_ASSIGN(expected, workspace_.Select(region, action, expected));
      }
    }
    return expected;
  }

 private:
  // The base for calls that are named: int arguments count without their high half.
  Result<Diagram> Truncated(Diagram base) {
    std::map<std::uint32_t, Diagram> by_mask;
    Diagram out = base;
    for (const std::string_view name : Names(what_.extension)) {
      const std::uint32_t narrow = seccomp::NarrowArguments(name);
      if (narrow == 0) continue;
      if (!by_mask.contains(narrow)) {
        TRY_ASSIGN(const Diagram made, workspace_.Decide(WithoutHighHalves(what_.base, narrow)));
        by_mask.emplace(narrow, made);
      }
      for (const Arch arch : archs_) {
        const auto number = what_.table.Number(arch, name);
        if (!number || !seccomp::Is64Bit(arch)) continue;
        TRY_ASSIGN(const Region call,
                   CallRegion(workspace_, arch, static_cast<std::uint32_t>(*number)));
        TRY_ASSIGN(out, workspace_.Select(call, by_mask.at(narrow), out));
      }
    }
    return out;
  }

  // Every input that the rule decides for this name.
  Result<Region> Matches(const SyscallRule& rule, std::string_view name) {
    Region all = Workspace::Nothing();
    for (const Arch arch : archs_) {
      const auto number = what_.table.Number(arch, name);
      if (number) {
        TRY_ASSIGN(const Region call,
                   CallRegion(workspace_, arch, static_cast<std::uint32_t>(*number)));
        TRY_ASSIGN(const Region arguments, Arguments(rule, name, arch));
        TRY_ASSIGN(const Region both, workspace_.Intersect(call, arguments));
        TRY_ASSIGN(all, workspace_.Unite(all, both));
      }
      TRY_ASSIGN(const Region multiplexed, Multiplexed(rule, name, arch));
      TRY_ASSIGN(all, workspace_.Unite(all, multiplexed));
    }
    return all;
  }

  // socketcall(2) or ipc(2) making the call, where the rule holds for all arguments and no rule
  // for the multiplexer itself decides.
  Result<Region> Multiplexed(const SyscallRule& rule, std::string_view name, Arch arch) {
    const auto sub = MultiplexedAs(name);
    if (!sub || !rule.args.empty() || !seccomp::Multiplexes(arch)) return Workspace::Nothing();
    const auto number = what_.table.Number(arch, sub->multiplexer);
    if (!number || Decided(sub->multiplexer)) return Workspace::Nothing();
    TRY_ASSIGN(const Region call,
               CallRegion(workspace_, arch, static_cast<std::uint32_t>(*number)));
    TRY_ASSIGN(const Region which, workspace_.WordInRange(ArgLowWord(0), sub->number, sub->number));
    return workspace_.Intersect(call, which);
  }

  [[nodiscard]] bool Decided(std::string_view name) const {
    const auto& rules = what_.rewritten.syscalls;
    const auto usual =
        seccomp::EffectiveAction(what_.rewritten.default_action, what_.rewritten.default_errno_ret);
    return std::any_of(rules.begin(), rules.end(), [&](const SyscallRule& rule) {
      return rule.args.empty() && seccomp::EffectiveAction(rule.action, rule.errno_ret) != usual &&
             std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end();
    });
  }

  Result<Region> Arguments(const SyscallRule& rule, std::string_view name, Arch arch) {
    const bool any = seccomp::RepeatsIndex(rule);
    Region out = any ? Workspace::Nothing() : Workspace::Everything();
    for (const ArgCondition& condition : rule.args) {
      const bool narrow =
          !seccomp::Is64Bit(arch) || (seccomp::NarrowArguments(name) >> condition.index & 1U) != 0;
      TRY_ASSIGN(const Region holds, ConditionRegion(workspace_, condition, narrow));
      TRY_ASSIGN(out, any ? workspace_.Unite(out, holds) : workspace_.Intersect(out, holds));
    }
    return out;
  }

  Workspace& workspace_;
  const ExtensionCase& what_;
  std::vector<Arch> archs_;
};

std::string_view NameOf(const seccomp::SyscallTable& table, const SeccompData& call,
                        std::span<const Arch> archs) {
  for (const Arch arch : archs) {
    if (seccomp::AuditArch(arch) != call.arch) continue;
    const std::string_view name = table.Name(arch, static_cast<std::int32_t>(call.nr));
    if (!name.empty()) return name;
  }
  return "call";
}

std::string Shown(std::uint32_t value) {
  return seccomp::DisplayName(seccomp::FromReturnValue(value));
}

// The rule as a question to Check; nullopt if its conditions are of another kind.
std::optional<CallPattern> PatternOf(const SyscallRule& rule, const std::string& name) {
  CallPattern pattern{.name = name, .syscall = name, .args = {}};
  if (seccomp::RepeatsIndex(rule)) return std::nullopt;
  for (const ArgCondition& c : rule.args) {
    switch (c.op) {
      case CompareOp::kEq:
      case CompareOp::kNe:
        pattern.args.push_back(
            {.index = c.index, .mask = kMax, .value = c.value, .negate = c.op == CompareOp::kNe});
        break;
      case CompareOp::kMaskedEq:
        pattern.args.push_back(
            {.index = c.index, .mask = c.value, .value = c.value_two & c.value, .negate = false});
        break;
      default:
        return std::nullopt;
    }
  }
  return pattern;
}

// The ways on which no argument is seen: they are open for a rule of any conditions.
bool HidesArguments(Way way) { return way == Way::kMultiplexed || way == Way::kIoUring; }

std::string Advice(const OpenWay& way, const std::string& name, seccomp::Action usual) {
  if (way.way == Way::kMultiplexed) {
    const auto sub = MultiplexedAs(name);
    const std::string_view multiplexer = sub ? sub->multiplexer : "socketcall";
    return fmt::format(
        "on {} {} can still be made through {}(), whose arguments no filter sees "
        "and which gets {}; deny {} here too, with an error that is not the "
        "default's ({}), or use a base without that architecture",
        DisplayName(way.arch), name, multiplexer, Shown(way.value), multiplexer,
        seccomp::OtherError(usual));
  }
  if (way.way == Way::kIoUring) {
    return fmt::format(
        "{} can still be made through io_uring, which gets {}; deny "
        "io_uring_setup, io_uring_enter and io_uring_register here too",
        name, Shown(way.value));
  }
  return fmt::format("{} still gets through on {} ({}), where it gets {}", name,
                     DisplayName(way.arch), Name(way.way), Shown(way.value));
}

}  // namespace

Result<> ProveExtension(Workspace& workspace, const ExtensionCase& what) {
  TRY_ASSIGN(const Diagram expected, Prover(workspace, what).Expected());
  TRY_ASSIGN(const Diagram actual, workspace.Decide(what.result));
  if (expected == actual) return {};
  CompareOptions options;
  options.max_differences = 1;
  TRY_ASSIGN(const Comparison found, Compare(workspace, expected, actual, options));
  std::string where = "some input";
  if (!found.differences.empty()) {
    const Difference& first = found.differences.front();
    const SeccompData& w = first.witness;
    where = fmt::format(
        "{} (arch {:#x}, number {}) with arguments {:#x}, {:#x}, {:#x}, which gets "
        "{} instead of {}",
        NameOf(what.table, w, Archs(what)), w.arch, w.nr, w.args[0], w.args[1], w.args[2],
        Shown(first.to), Shown(first.from));
  }
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("these rules over this base cannot be written as a filter that does what "
                          "they say: it would be wrong for {}",
                          where));
}

std::vector<seccomp::Diagnostic> OpenWays(Workspace& workspace, const ExtensionCase& what) {
  std::vector<seccomp::Diagnostic> out;
  constexpr std::size_t kMaxPatterns = 64;  // each walks the diagram
  std::size_t patterns = 0;
  const auto actual = workspace.Decide(what.result);
  if (!actual) return out;
  const std::vector<Arch> archs = EnterableArchs(what.native);
  const auto usual =
      seccomp::EffectiveAction(what.rewritten.default_action, what.rewritten.default_errno_ret);
  for (std::size_t r = 0; r < what.extension.syscalls.size(); ++r) {
    const SyscallRule& rule = what.extension.syscalls[r];
    if (PermissionOf(ValueOf(rule)) != Permission::kRefused) continue;
    std::set<std::string> said;  // once a rule
    for (std::size_t n = 0; n < rule.names.size() && patterns < kMaxPatterns; ++n) {
      const auto exact = PatternOf(rule, rule.names[n]);
      const CallPattern any{.name = rule.names[n], .syscall = rule.names[n], .args = {}};
      ++patterns;
      for (const OpenWay& way :
           Check(workspace, *actual, exact.value_or(any), what.table, archs).open) {
        if (!exact && !HidesArguments(way.way)) continue;
        std::string advice = Advice(way, rule.names[n], usual);
        if (!said.insert(advice).second) continue;
        out.push_back({.code = seccomp::codes::kExtensionOpen,
                       .severity = seccomp::Severity::kWarning,
                       .pointer = fmt::format("/syscalls/{}/names/{}", r, n),
                       .message = std::move(advice)});
      }
    }
  }
  return out;
}

}  // namespace seccompd::bpf
