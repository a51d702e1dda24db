// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/extend.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/seccomp/cube.h"
#include "common/seccomp/diagnose_rules.h"
#include "common/seccomp/object_reader.h"
#include "common/seccomp/profile_reader.h"
#include "common/seccomp/profile_text.h"
#include "common/seccomp/rule_index.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::seccomp {
namespace {

constexpr std::size_t kMaxCubes = 512;  // of one system call; libseccomp takes no more conditions

// Inputs of one system call that get one action.
struct Part {
  Action action;
  std::size_t rule = 0;  // of the profile it comes from
  std::vector<Cube> cubes;
};

class Extender {
 public:
  Extender(const Profile& base, const Profile& extension)
      : base_(base), own_(extension), base_index_(base), index_(extension) {}

  ParsedProfile Run() {
    Profile result = own_;
    result.syscalls.clear();
    std::set<std::string_view> named;
    for (const SyscallUses& call : index_.syscalls()) named.insert(call.name);
    for (SyscallRule rule : base_.syscalls) {
      std::erase_if(rule.names, [&](const std::string& name) { return named.contains(name); });
      if (!rule.names.empty()) result.syscalls.push_back(std::move(rule));
    }
    for (const SyscallUses& call : index_.syscalls()) AddCall(call);
    // The same rules of several calls are one rule with several names.
    for (SyscallRule& rule : rules_) {
      const auto same = std::find_if(result.syscalls.begin(), result.syscalls.end(),
                                     [&](const SyscallRule& other) { return Alike(rule, other); });
      if (same == result.syscalls.end() || !rule.args.empty()) {
        result.syscalls.push_back(std::move(rule));
      } else {
        same->names.push_back(rule.names.front());
      }
    }
    ParsedProfile out;
    const bool failed = sink_.HasErrors();
    out.diagnostics = sink_.Take();
    if (!failed) out.profile = std::move(result);
    return out;
  }

 private:
  static bool Alike(const SyscallRule& a, const SyscallRule& b) {
    return a.args == b.args && a.action == b.action && a.errno_ret == b.errno_ret;
  }

  void Fail(const Use& use, std::string message) {
    sink_.Add(codes::kExtensionNotExpressible, use.Pointer(), std::move(message));
  }

  // A rule with the default's action is skipped by the runtimes, and what is left of the
  // multiplexer is what libseccomp makes of the rules for its sub-calls.
  bool RefuseMultiplexer(const SyscallUses& call) {
    if (call.name != "socketcall" && call.name != "ipc") return false;
    const auto& archs = base_.architectures;
    const bool matters = std::any_of(archs.begin(), archs.end(), Multiplexes);
    for (const Use& use : call.uses) {
      if (!matters || !index_.rule(use.rule).skipped) continue;
      Fail(use, fmt::format("the runtimes skip a rule with the default action {}, and {}() then "
                            "gets what the rules for its sub-calls say; use another error, as "
                            "errnoRet: 38 (ENOSYS)",
                            DisplayName(index_.default_action()), call.name));
      return true;
    }
    return false;
  }

  void AddCall(const SyscallUses& call) {
    if (RefuseMultiplexer(call)) return;
    narrow_ = NarrowArguments(call.name);
    const auto own = OwnParts(call);
    if (!own) return;
    const auto base = BaseParts(call);
    if (!base) return;
    std::vector<Cube> taken;
    for (const Part& part : *own) {
      taken.insert(taken.end(), part.cubes.begin(), part.cubes.end());
      Emit(call, part);
    }
    for (const Part& part : *base) {
      auto left = Without(part.cubes, taken, kMaxCubes);
      if (!left) return TooMany(call);
      Emit(call, {.action = part.action, .rule = part.rule, .cubes = *std::move(left)});
    }
  }

  void TooMany(const SyscallUses& call) {
    Fail(call.uses.front(),
         fmt::format("{} would need more than {} conditions to leave the rest of its inputs to the "
                     "base; use fewer or simpler conditions",
                     Quoted(call.name), kMaxCubes));
  }

  // The extension's rules for the call: they must not contradict each other.
  std::optional<std::vector<Part>> OwnParts(const SyscallUses& call) {
    std::vector<Part> parts;
    for (const Use& use : call.uses) {
      const ResolvedRule& rule = index_.rule(use.rule);
      Part part{.action = rule.action, .rule = use.rule, .cubes = {}};
      for (const Conjunction& conjunction : rule.conjunctions) {
        if (!Comparable(call, use, conjunction)) return std::nullopt;
        const auto cubes = CubesOf(conjunction, narrow_);
        if (!cubes) return Inexpressible(use, call, conjunction, "");
        part.cubes.insert(part.cubes.end(), cubes->begin(), cubes->end());
      }
      for (const Part& other : parts) {
        if (other.action == part.action || !Meet(other.cubes, part.cubes)) continue;
        Fail(use, fmt::format("{} gets {} here and, for some of the same arguments, {} from "
                              "/syscalls/{}; make the conditions exclude each other",
                              Quoted(call.name), DisplayName(part.action),
                              DisplayName(other.action), other.rule));
        return std::nullopt;
      }
      parts.push_back(std::move(part));
    }
    return Separate(call, std::move(parts));
  }

  // The kernel sees 32 bits of an int: a condition on more would never hold, or always.
  bool Comparable(const SyscallUses& call, const Use& use, const Conjunction& conjunction) {
    for (const ArgCondition& c : conjunction) {
      const bool narrow = (narrow_ >> c.index & 1U) != 0;
      if (!narrow || (c.value <= kLowHalf && c.value_two <= kLowHalf)) continue;
      if (c.op == CompareOp::kMaskedEq && (c.value_two & c.value) <= kLowHalf) continue;
      Fail(use,
           fmt::format("argument {} of {} is an int, of which the kernel uses 32 bits, and the "
                       "value {:#x} has more",
                       c.index, Quoted(call.name), std::max(c.value, c.value_two)));
      return false;
    }
    return true;
  }

  std::optional<std::vector<Part>> Inexpressible(const Use& use, const SyscallUses& call,
                                                 const Conjunction& conjunction,
                                                 std::string_view whose) {
    Fail(use, fmt::format("{}'{}' of {} looks at single bits of a high half, and what is left of "
                          "it cannot be written as rules that 32-bit architectures read alike",
                          whose, Describe(conjunction), Quoted(call.name)));
    return std::nullopt;
  }

  static bool Meet(const std::vector<Cube>& a, const std::vector<Cube>& b) {
    return std::any_of(a.begin(), a.end(), [&](const Cube& x) {
      return std::any_of(b.begin(), b.end(), [&](const Cube& y) { return !Disjoint(x, y); });
    });
  }

  // Makes the cubes of all parts pairwise disjoint; parts of different actions are already.
  std::optional<std::vector<Part>> Separate(const SyscallUses& call, std::vector<Part> parts) {
    std::vector<Cube> before;
    for (Part& part : parts) {
      auto cubes = Disjointed(part.cubes, kMaxCubes);
      if (cubes) cubes = Without(*std::move(cubes), before, kMaxCubes);
      if (!cubes) {
        TooMany(call);
        return std::nullopt;
      }
      part.cubes = *std::move(cubes);
      before.insert(before.end(), part.cubes.begin(), part.cubes.end());
    }
    return parts;
  }

  // The base's rules for the call, as libseccomp loads them.
  std::optional<std::vector<Part>> BaseParts(const SyscallUses& call) {
    const SyscallUses* uses = base_index_.Find(call.name);
    std::vector<Part> parts;
    if (uses == nullptr) return parts;
    if (uses->decider) {
      const ResolvedRule& rule = base_index_.rule(uses->decider->rule);
      parts.push_back({.action = rule.action, .rule = uses->decider->rule, .cubes = {Cube{}}});
      return parts;
    }
    for (const Use& use : uses->uses) {
      const ResolvedRule& rule = base_index_.rule(use.rule);
      if (rule.skipped) continue;
      Part part{.action = rule.action, .rule = use.rule, .cubes = {}};
      for (const Conjunction& conjunction : rule.conjunctions) {
        const auto cubes = CubesOf(conjunction, narrow_);
        if (!cubes) return Inexpressible(call.uses.front(), call, conjunction, "the base's ");
        part.cubes.insert(part.cubes.end(), cubes->begin(), cubes->end());
      }
      for (const Part& other : parts) {
        if (other.action == part.action || !Meet(other.cubes, part.cubes)) continue;
        Fail(call.uses.front(),
             fmt::format("the base has overlapping rules for {}, of which libseccomp's order "
                         "chooses one; name all of its arguments here",
                         Quoted(call.name)));
        return std::nullopt;
      }
      parts.push_back(std::move(part));
    }
    return Separate(call, std::move(parts));
  }

  // The part as rules. What gets the default needs none, but an unconditional one is kept: it tells
  // the reader, and runc's ENOSYS region goes by the highest number that is named.
  void Emit(const SyscallUses& call, const Part& part) {
    const bool is_default = part.action == index_.default_action();
    for (const Cube& cube : part.cubes) {
      const auto conditions = ConditionsOf(cube);
      if (is_default && (!conditions || !conditions->empty())) continue;
      if (!conditions) {
        Fail(call.uses.front(),
             fmt::format("what is left of {} needs two conditions on one argument, which rules "
                         "cannot express",
                         Quoted(call.name)));
        return;
      }
      SyscallRule rule{.names = {std::string(call.name)},
                       .action = part.action.kind,
                       .errno_ret = {},
                       .args = *conditions};
      if (HasData(part.action.kind)) rule.errno_ret = part.action.data;
      rules_.push_back(std::move(rule));
    }
  }

  const Profile& base_;
  const Profile& own_;
  RuleIndex base_index_;
  RuleIndex index_;
  std::uint32_t narrow_ = 0;  // of the call at hand
  std::vector<SyscallRule> rules_;
  DiagnosticSink sink_;
};

}  // namespace

void TakeFromBase(const Profile& base, const Given& given, Profile& profile, DiagnosticSink& sink) {
  const Action usual = EffectiveAction(base.default_action, base.default_errno_ret);
  if (given.default_action &&
      EffectiveAction(profile.default_action, profile.default_errno_ret) != usual) {
    sink.Add(codes::kContradictsBase, "/defaultAction",
             fmt::format("what no rule names is the base's to decide, with {} by default; remove "
                         "the default action here",
                         DisplayName(usual)));
  }
  profile.default_action = base.default_action;
  profile.default_errno_ret = base.default_errno_ret;
  const std::set<Arch> listed(profile.architectures.begin(), profile.architectures.end());
  const std::set<Arch> wanted(base.architectures.begin(), base.architectures.end());
  if (given.architectures && listed != wanted) {
    sink.Add(codes::kContradictsBase, "/architectures",
             "the architectures decide calls that no rule names, and these are not the base's; "
             "remove them here");
  }
  profile.architectures = base.architectures;
  if (!profile.flags) profile.flags = base.flags;
  if (!profile.listener_path.empty() && !base.listener_path.empty() &&
      profile.listener_path != base.listener_path) {
    sink.Add(codes::kContradictsBase, "/listenerPath",
             "the base has another listenerPath, and a filter can have one only; remove it here");
  }
  if (profile.listener_path.empty()) profile.listener_path = base.listener_path;
  if (profile.listener_metadata.empty()) profile.listener_metadata = base.listener_metadata;
}

ParsedProfile CheckExtension(const document::Node& document, const Profile& base,
                             const SyscallTable& table, const NodeFacts& node,
                             const ProfileLimits& limits) {
  DiagnosticSink sink = SinkFor(document);
  ParsedProfile out;
  out.profile = ReadProfile(document, limits, &node, sink, &base);
  if (out.profile) {
    DiagnoseNames(*out.profile, table, node, sink);
    std::erase_if(out.profile->syscalls, [](const SyscallRule& r) { return r.names.empty(); });
  }
  if (sink.HasErrors()) out.profile.reset();
  out.diagnostics = sink.Take();
  return out;
}

ParsedProfile CheckExtension(std::string_view text, const Profile& base, const SyscallTable& table,
                             const NodeFacts& node, const ProfileLimits& limits) {
  auto root = ReadProfileText(text, limits);
  if (root) return CheckExtension(*root, base, table, node, limits);
  ParsedProfile out;
  out.diagnostics.push_back(std::move(root).error());
  return out;
}

ParsedProfile Extend(const Profile& base, const Profile& extension) {
  return Extender(base, extension).Run();
}

}  // namespace seccompd::seccomp
