// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/semantics.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace seccompd::seccomp {
namespace {

using std::string_view;

// i386 numbers of the two multiplexers and their sub-calls (include/uapi/linux/net.h, ipc.h).
constexpr std::uint32_t kSocketcall = 102;
constexpr std::uint32_t kIpc = 117;
struct SubCall {
  string_view name;
  std::uint32_t multiplexer;
  std::uint32_t number;
};
constexpr std::array<SubCall, 32> kSubCalls = {{
    {"socket", kSocketcall, 1},
    {"bind", kSocketcall, 2},
    {"connect", kSocketcall, 3},
    {"listen", kSocketcall, 4},
    {"accept", kSocketcall, 5},
    {"getsockname", kSocketcall, 6},
    {"getpeername", kSocketcall, 7},
    {"socketpair", kSocketcall, 8},
    {"send", kSocketcall, 9},
    {"recv", kSocketcall, 10},
    {"sendto", kSocketcall, 11},
    {"recvfrom", kSocketcall, 12},
    {"shutdown", kSocketcall, 13},
    {"setsockopt", kSocketcall, 14},
    {"getsockopt", kSocketcall, 15},
    {"sendmsg", kSocketcall, 16},
    {"recvmsg", kSocketcall, 17},
    {"accept4", kSocketcall, 18},
    {"recvmmsg", kSocketcall, 19},
    {"sendmmsg", kSocketcall, 20},
    {"semop", kIpc, 1},
    {"semget", kIpc, 2},
    {"semctl", kIpc, 3},
    {"semtimedop", kIpc, 4},
    {"msgsnd", kIpc, 11},
    {"msgrcv", kIpc, 12},
    {"msgget", kIpc, 13},
    {"msgctl", kIpc, 14},
    {"shmat", kIpc, 21},
    {"shmdt", kIpc, 22},
    {"shmget", kIpc, 23},
    {"shmctl", kIpc, 24},
}};

bool Is32Bit(Arch arch) {
  switch (arch) {
    case Arch::kX86:
    case Arch::kX32:  // libseccomp calls it 32-bit and compares low words only
    case Arch::kMips64N32:
    case Arch::kMipsel64N32:
    case Arch::kArm:
    case Arch::kMips:
    case Arch::kMipsel:
    case Arch::kPpc:
    case Arch::kS390:
    case Arch::kParisc:
      return true;
    default:
      return false;
  }
}

bool Holds(const ArgCondition& condition, const Call& call, bool low_only) {
  const std::uint64_t mask = low_only ? 0xffffffffULL : ~0ULL;
  const std::uint64_t arg = call.args.at(condition.index) & mask;
  const std::uint64_t value = condition.value & mask;
  switch (condition.op) {
    case CompareOp::kNe:
      return arg != value;
    case CompareOp::kLt:
      return arg < value;
    case CompareOp::kLe:
      return arg <= value;
    case CompareOp::kEq:
      return arg == value;
    case CompareOp::kGe:
      return arg >= value;
    case CompareOp::kGt:
      return arg > value;
    case CompareOp::kMaskedEq:
      // The datum is masked before it is stored: bits outside the mask never matter.
      return (arg & value) == (condition.value_two & value);
  }
  return false;
}

bool RepeatsIndex(const SyscallRule& rule) {
  std::array<int, 6> uses{};
  for (const ArgCondition& condition : rule.args) {
    if (++uses.at(condition.index) > 1) return true;
  }
  return false;
}

// The architecture that a call is made on, as the filter tells them apart; nullopt: none of ours.
std::optional<Arch> ArchOf(const Profile& profile, Arch native, const Call& call) {
  std::vector<Arch> archs = {native};
  archs.insert(archs.end(), profile.architectures.begin(), profile.architectures.end());
  const auto listed = [&](Arch arch) {
    return std::find(archs.begin(), archs.end(), arch) != archs.end();
  };
  if (call.audit_arch == AuditArch(Arch::kX86_64)) {
    // Number -1 is no x32 call: a tracer uses it to skip one. libseccomp compares, it does not look
    // at the bit alone (src/gen_bpf.c).
    const bool x32 = call.nr >= kX32Bit && (listed(Arch::kX32) || call.nr != 0xffffffffU);
    const Arch arch = x32 ? Arch::kX32 : Arch::kX86_64;
    return listed(arch) ? std::optional(arch) : std::nullopt;
  }
  for (const Arch arch : archs) {
    if (AuditArch(arch) == call.audit_arch) return arch;
  }
  return std::nullopt;
}

// A rule as it applies to one call.
struct Candidate {
  Action action;
  bool unconditional = false;
  bool matches_plain = false;   // as the text reads
  bool matches_loaded = false;  // as the filter compares
  bool partly = false;          // some of its conditions hold, not all
};

class Reader {
 public:
  Reader(const Profile& profile, const SyscallTable& table, Arch arch, const Call& call)
      : profile_(profile), table_(table), arch_(arch), call_(call) {}

  Meaning Read() {
    const Action fallback = EffectiveAction(profile_.default_action, profile_.default_errno_ret);
    Collect(fallback);
    Meaning meaning;
    meaning.plain = fallback;
    for (const Candidate& candidate : plain_) {
      if (!candidate.matches_plain) continue;
      meaning.plain = candidate.action;
      break;
    }
    meaning.loaded = Loaded(fallback);
    std::sort(deviations_.begin(), deviations_.end());
    deviations_.erase(std::unique(deviations_.begin(), deviations_.end()), deviations_.end());
    meaning.deviations = std::move(deviations_);
    return meaning;
  }

 private:
  void Collect(Action fallback) {
    for (const SyscallRule& rule : profile_.syscalls) {
      const Action action = EffectiveAction(rule.action, rule.errno_ret);
      for (const std::string& name : rule.names) {
        const auto number = table_.Number(arch_, name);
        const bool direct = number && static_cast<std::uint32_t>(*number) == call_.nr;
        const bool multiplexed = IsSubCall(name);
        if (!direct && !multiplexed) continue;
        Candidate candidate = multiplexed ? FromMultiplexer(rule) : FromRule(rule);
        candidate.action = action;
        plain_.push_back(candidate);
        if (action == fallback) {
          Note(Deviation::kEqualToDefault);
        } else {
          loaded_.push_back(candidate);
        }
      }
    }
  }

  bool IsSubCall(string_view name) const {
    if (arch_ != Arch::kX86 || (call_.nr != kSocketcall && call_.nr != kIpc)) return false;
    return std::any_of(kSubCalls.begin(), kSubCalls.end(), [&](const SubCall& sub) {
      return sub.name == name && sub.multiplexer == call_.nr &&
             sub.number == (call_.args[0] & 0xffffffffU);
    });
  }

  Candidate FromMultiplexer(const SyscallRule& rule) {
    if (!rule.args.empty()) Note(Deviation::kMultiplexed);
    // The text speaks of the sub-call, whose arguments lie behind a pointer that no filter can
    // follow: read plainly, a conditional rule says nothing about this call. libseccomp puts the
    // number of the sub-call in the place of what the rule says of the first argument and compares
    // the others with the multiplexer's own (src/arch-x86.c).
    const bool any = RepeatsIndex(rule);
    bool matches = rule.args.empty() || !any;
    for (const ArgCondition& condition : rule.args) {
      const bool holds = condition.index == 0 || Holds(condition, call_, Is32Bit(arch_));
      matches = any ? matches || holds : matches && holds;
    }
    return {.action = {},
            .unconditional = false,
            .matches_plain = rule.args.empty(),
            .matches_loaded = matches};
  }

  Candidate FromRule(const SyscallRule& rule) {
    const bool low_only = Is32Bit(arch_);
    const bool any = RepeatsIndex(rule);
    if (any) Note(Deviation::kRepeatedIndex);
    Candidate candidate{.action = {},
                        .unconditional = rule.args.empty(),
                        .matches_plain = true,
                        .matches_loaded = rule.args.empty() || !any};
    for (const ArgCondition& condition : rule.args) {
      const bool plain = Holds(condition, call_, false);
      const bool loaded = Holds(condition, call_, low_only);
      if (plain != loaded) Note(Deviation::kTruncated);
      candidate.matches_plain = candidate.matches_plain && plain;
      candidate.matches_loaded =
          any ? candidate.matches_loaded || loaded : candidate.matches_loaded && loaded;
      candidate.partly = candidate.partly || (loaded && !any);
    }
    candidate.partly = candidate.partly && !candidate.matches_loaded;
    return candidate;
  }

  std::vector<Action> Loaded(Action fallback) {
    for (const Candidate& candidate : loaded_) {
      if (!candidate.unconditional) continue;
      if (loaded_.size() > 1) Note(Deviation::kSwallowed);
      return {candidate.action};
    }
    std::vector<Action> actions;
    for (const Candidate& candidate : loaded_) {
      if (!candidate.matches_loaded) continue;
      if (std::find(actions.begin(), actions.end(), candidate.action) == actions.end()) {
        actions.push_back(candidate.action);
      }
    }
    // The tree is walked without a way back: behind a condition that holds, one that does not ends
    // in the default, though another rule matches.
    const bool lost = std::any_of(loaded_.begin(), loaded_.end(),
                                  [](const Candidate& candidate) { return candidate.partly; });
    if (lost && !actions.empty() &&
        std::find(actions.begin(), actions.end(), fallback) == actions.end()) {
      actions.push_back(fallback);
    }
    if (actions.size() > 1) Note(Deviation::kOverlap);
    if (actions.empty()) actions.push_back(fallback);
    return actions;
  }

  void Note(Deviation deviation) { deviations_.push_back(deviation); }

  const Profile& profile_;
  const SyscallTable& table_;
  Arch arch_;
  const Call& call_;
  std::vector<Candidate> plain_;   // every rule that names the call, in file order
  std::vector<Candidate> loaded_;  // without those that the runtimes skip
  std::vector<Deviation> deviations_;
};

}  // namespace

Meaning MeaningOf(const Profile& profile, const SyscallTable& table, Arch native,
                  const Call& call) {
  const auto arch = ArchOf(profile, native, call);
  if (!arch) {
    return {.plain = EffectiveAction(profile.default_action, profile.default_errno_ret),
            .loaded = {{.kind = ActionKind::kKillThread, .data = 0}},
            .deviations = {Deviation::kForeignArch}};
  }
  return Reader(profile, table, *arch, call).Read();
}

}  // namespace seccompd::seccomp
