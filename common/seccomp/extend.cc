// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/extend.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/seccomp/action_tree.h"
#include "common/seccomp/argument_facts.h"
#include "common/seccomp/cube.h"
#include "common/seccomp/object_reader.h"
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
  Extender(const Profile& base, const Profile& extension, const BaseDecision& decides)
      : base_(base), own_(extension), decides_(decides), base_index_(base), index_(extension) {}

  ParsedProfile Run() {
    Profile result = own_;
    result.syscalls.clear();
    std::set<std::string_view> named;
    for (const SyscallUses& call : index_.syscalls()) named.insert(call.name);
    for (std::size_t r = 0; r < base_.syscalls.size(); ++r) {
      SyscallRule rule = base_.syscalls[r];
      std::erase_if(rule.names, [&](const std::string& name) {
        return named.contains(name) || HasNoEffect(r, name);
      });
      if (!rule.names.empty()) result.syscalls.push_back(std::move(rule));
    }
    for (const SyscallUses& call : index_.syscalls()) AddCall(call);
    for (SyscallRule& rule : rules_) Place(std::move(rule), result.syscalls);
    ParsedProfile out;
    const bool failed = sink_.HasErrors();
    out.diagnostics = sink_.Take();
    if (!failed) out.profile = std::move(result);
    return out;
  }

 private:
  // An unconditional rule of the base decides instead: CRI-O has setns(2) in two of them. Left out,
  // so that what we render is a profile without contradictions.
  [[nodiscard]] bool HasNoEffect(std::size_t rule, std::string_view name) const {
    const SyscallUses* uses = base_index_.Find(name);
    return uses->decider && uses->decider->rule != rule;
  }

  static bool Alike(const SyscallRule& a, const SyscallRule& b) {
    return a.args == b.args && a.action == b.action && a.errno_ret == b.errno_ret;
  }

  // The same unconditional rules of several calls are one rule with several names. They stand
  // before all conditions: libseccomp adds a rule for socket(2) to socketcall(2), too, without its
  // conditions, and refuses two actions there unless a rule for socketcall(2) has settled it.
  static void Place(SyscallRule rule, std::vector<SyscallRule>& rules) {
    if (!rule.args.empty()) return rules.push_back(std::move(rule));
    const auto same = std::find_if(rules.begin(), rules.end(),
                                   [&](const SyscallRule& other) { return Alike(rule, other); });
    const auto conditional = std::find_if(
        rules.begin(), rules.end(), [](const SyscallRule& other) { return !other.args.empty(); });
    if (same < conditional) {
      same->names.push_back(rule.names.front());
    } else {
      rules.insert(conditional, std::move(rule));
    }
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
      Fail(use, fmt::format("the runtimes skip a rule with the base's default action {}, and {}() "
                            "then gets what the rules for its sub-calls say; use another error, "
                            "for example {}",
                            DisplayName(index_.default_action()), call.name,
                            OtherError(index_.default_action())));
      return true;
    }
    return false;
  }

  void AddCall(const SyscallUses& call) {
    if (RefuseMultiplexer(call)) return;
    narrow_ = NarrowArguments(call.name);
    auto own = OwnParts(call);
    if (!own) return;
    settled_.clear();
    auto base = BaseParts(call);
    if (!base) return;
    const bool tangled = LooksAtSeveral(*own, *base) || !settled_.empty();
    if (tangled && AddTree(call, *own, *base)) return;
    if (!settled_.empty()) return TooMany(call);
    AddDisjoint(call, *std::move(own), *std::move(base));
  }

  static bool LooksAtSeveral(const std::vector<Part>& own, const std::vector<Part>& base) {
    std::array<bool, kArgumentCount> seen{};
    for (const std::vector<Part>* parts : {&own, &base}) {
      for (const Part& part : *parts) {
        for (const Cube& cube : part.cubes) {
          for (std::size_t i = 0; i < cube.size(); ++i) seen.at(i) |= cube.at(i).mask != 0;
        }
      }
    }
    return std::count(seen.begin(), seen.end(), true) > 1;
  }

  // Rules that form a tree. False: they would be too many, or cannot be written so.
  bool AddTree(const SyscallUses& call, const std::vector<Part>& own,
               const std::vector<Part>& base) {
    std::vector<Action> actions{index_.default_action()};
    ActionTree tree;
    // The last one counts; what the extension decides is listed first.
    for (const Part& part : own) IdOf(part.action, actions);
    for (const std::vector<Part>* parts : {&base, &std::as_const(settled_), &own}) {
      for (const Part& part : *parts) {
        for (const Cube& cube : part.cubes) tree.Set(cube, IdOf(part.action, actions));
      }
    }
    auto leaves = tree.Leaves(kMaxCubes);
    if (!leaves) return false;
    const auto inexpressible = [](const ActionTree::Leaf& leaf) {
      return leaf.action != 0 && !ConditionsOf(leaf.cube);
    };
    if (std::any_of(leaves->begin(), leaves->end(), inexpressible)) return false;
    for (std::uint32_t id = 0; id < actions.size(); ++id) {
      Part part{.action = actions[id], .rule = 0, .cubes = {}};
      for (const ActionTree::Leaf& leaf : *leaves) {
        if (leaf.action == id) part.cubes.push_back(leaf.cube);
      }
      Emit(call, part);
    }
    return true;
  }

  static std::uint32_t IdOf(Action action, std::vector<Action>& actions) {
    const auto found = std::find(actions.begin(), actions.end(), action);
    const auto id = static_cast<std::uint32_t>(found - actions.begin());
    if (found == actions.end()) actions.push_back(action);
    return id;
  }

  // Each rule of the base without what the extension decides: the fewest for one argument.
  void AddDisjoint(const SyscallUses& call, std::vector<Part> own, std::vector<Part> base) {
    if (!Separate(own) || !Separate(base)) return TooMany(call);
    std::vector<Cube> taken;
    for (const Part& part : own) {
      taken.insert(taken.end(), part.cubes.begin(), part.cubes.end());
      Emit(call, part);
    }
    for (const Part& part : base) {
      auto left = Without(part.cubes, taken, kMaxCubes);
      if (!left) return TooMany(call);
      Emit(call, {.action = part.action, .rule = part.rule, .cubes = *std::move(left)});
    }
  }

  void TooMany(const SyscallUses& call) {
    Fail(call.uses.front(),
         fmt::format("{} would need more than {} conditions to leave the rest of its inputs to the "
                     "base: all but one value of an argument are up to 32, times as many for a "
                     "second argument; compare fewer bits (SCMP_CMP_MASKED_EQ), or also name a "
                     "value of the argument that the base looks at",
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
    return parts;
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
    const auto shared = Shared(a, b, 0);
    return !shared || !shared->empty();
  }

  // Makes the cubes of all parts pairwise disjoint; parts of different actions are already. False:
  // too many.
  static bool Separate(std::vector<Part>& parts) {
    std::vector<Cube> before;
    for (Part& part : parts) {
      auto cubes = Disjointed(part.cubes, kMaxCubes);
      if (cubes) cubes = Without(*std::move(cubes), before, kMaxCubes);
      if (!cubes) return false;
      part.cubes = *std::move(cubes);
      before.insert(before.end(), part.cubes.begin(), part.cubes.end());
    }
    return true;
  }

  // The base's rules for the call, as libseccomp loads them; what it chose where they overlap goes
  // to settled_.
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
        if (other.action == part.action || Settle(call, other, part)) continue;
        Fail(call.uses.front(),
             fmt::format("the base has overlapping rules for {}, of which libseccomp's order "
                         "chooses one; name all of its arguments here",
                         Quoted(call.name)));
        return std::nullopt;
      }
      parts.push_back(std::move(part));
    }
    return parts;
  }

  // Asks the base's filter about one input of each cube that both rules match. The proof of the
  // whole covers the others.
  bool Settle(const SyscallUses& call, const Part& a, const Part& b) {
    const auto shared = Shared(a.cubes, b.cubes, kMaxCubes);
    if (!shared) return false;
    for (const Cube& cube : *shared) {
      std::array<std::uint64_t, kArgumentCount> args{};
      for (std::size_t i = 0; i < cube.size(); ++i) args.at(i) = cube.at(i).value;
      const auto chosen = decides_ ? decides_(call.name, args) : std::nullopt;
      if (chosen != a.action && chosen != b.action) return false;
      settled_.push_back({.action = *chosen, .rule = 0, .cubes = {cube}});
    }
    return true;
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
  const BaseDecision& decides_;
  RuleIndex base_index_;
  RuleIndex index_;
  std::uint32_t narrow_ = 0;   // of the call at hand
  std::vector<Part> settled_;  // of the call at hand
  std::vector<SyscallRule> rules_;
  DiagnosticSink sink_;
};

}  // namespace

std::string_view OtherError(Action action) {
  constexpr Action kNoSys{.kind = ActionKind::kErrno, .data = 38};
  return action == kNoSys ? "errnoRet: 13 (EACCES)" : "errnoRet: 38 (ENOSYS)";
}

ParsedProfile Extend(const Profile& base, const Profile& extension, const BaseDecision& decides) {
  return Extender(base, extension, decides).Run();
}

}  // namespace seccompd::seccomp
