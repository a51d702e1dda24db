// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/cause.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/strings.h"
#include "common/bpf/check.h"
#include "common/bpf/return_value.h"
#include "common/bpf/runc_stub.h"
#include "common/seccomp/condition.h"
#include "common/seccomp/containerd_view.h"

namespace seccompd::bpf {
namespace {

using seccomp::ActionKind;
using seccomp::Arch;
using seccomp::ArgCondition;
using seccomp::CompareOp;
using seccomp::Profile;
using seccomp::SyscallRule;

constexpr std::size_t kMostNames = 8;

std::string Listed(const std::vector<std::string>& names) {
  if (names.size() <= kMostNames) return base::Join(names, ", ");
  return base::Join(std::span(names).first(kMostNames), ", ") + " and " +
         std::to_string(names.size() - kMostNames) + " more";
}

bool Refuses(ActionKind kind) {
  return kind == ActionKind::kErrno || kind == ActionKind::kKillProcess ||
         kind == ActionKind::kKillThread;
}

// Tries one hypothesis after the other.
class Finder {
 public:
  Finder(Workspace& workspace, Diagram loaded, const Comparison& comparison,
         const CauseInput& input)
      : workspace_(workspace), loaded_(loaded), comparison_(comparison), input_(input) {}

  std::vector<CauseFound> Find() {
    if (comparison_.relation == Relation::kEqual) return {};
    if (comparison_.relation == Relation::kEqualExceptEnosys) {
      Found(Cause::kRuncEnosys, {});
      return std::move(found_);
    }
    TryTold();
    TryDockerFields();
    TryArchitectures();
    TryShorterTable();
    TryLongerTable();
    TryNotifier();
    TryMerge();
    return std::move(found_);
  }

 private:
  void Found(Cause cause, std::string detail) {
    found_.push_back({.cause = cause, .detail = std::move(detail)});
  }

  // Would this profile, loaded by crun or runc, decide as what is loaded?
  bool Explains(const Profile& profile) {
    if (profile == input_.asked) return false;
    const auto program = input_.compile(profile);
    if (!program) return false;
    const auto plain = workspace_.Decide(*program);
    if (!plain) return false;
    if (*plain == loaded_) return true;
    CompareOptions options;
    options.last_syscalls = LastSyscalls(profile, input_.native, input_.table);
    const auto comparison = Compare(workspace_, *plain, loaded_, options);
    if (comparison && comparison->relation != Relation::kDifferent) return true;
    // Where the default is the errno of the stub or more permissive, the tail is no mere errno.
    const auto stubbed = WithRuncStub(*program, options.last_syscalls);
    if (!stubbed) return false;
    const auto as_runc = workspace_.Decide(*stubbed);
    return as_runc && *as_runc == loaded_;
  }

  void TryTold() {
    if (input_.told != nullptr && Explains(*input_.told)) Found(Cause::kToldOtherwise, {});
  }

  void TryDockerFields() {
    const auto view = seccomp::AsContainerdReads(input_.text);
    if (view && Explains(view->profile)) Found(Cause::kDockerFields, Listed(view->ignored));
  }

  // An architecture more or less leaves native calls as they are, but for runc's stub.
  [[nodiscard]] bool NativeCallsDiffer() const {
    constexpr std::uint32_t kEnosys = kRetErrno | 38;
    const std::uint32_t native = seccomp::AuditArch(input_.native);
    return std::any_of(
        comparison_.differences.begin(), comparison_.differences.end(), [&](const Difference& one) {
          return one.first_arch <= native && native <= one.last_arch &&
                 one.first_nr < seccomp::kX32Bit && one.from != kEnosys && one.to != kEnosys;
        });
  }

  void TryArchitectures() {
    if (NativeCallsDiffer()) return;
    const auto& listed = input_.asked.architectures;
    const auto explains = [this](std::vector<Arch> archs) {
      Profile other = input_.asked;
      other.architectures = std::move(archs);
      return Explains(other);
    };
    // One more or one less of those that matter here, then all or none of them.
    const std::vector<Arch> enterable = EnterableArchs(input_.native);
    for (const Arch arch : enterable) {
      std::vector<Arch> archs = listed;
      if (std::erase(archs, arch) == 0) archs.push_back(arch);
      if (explains(archs)) {
        return Found(Cause::kMissingArchitecture, std::string(DisplayName(arch)));
      }
    }
    if (explains(enterable) || explains({})) Found(Cause::kMissingArchitecture, "several");
  }

  // The table of the runtime's libseccomp ends before ours: names behind its end had no effect.
  void TryShorterTable() {
    std::optional<std::uint32_t> first;  // the lowest number that differs
    const std::uint32_t native = seccomp::AuditArch(input_.native);
    for (const Difference& difference : comparison_.differences) {
      if (difference.first_arch > native || difference.last_arch < native) continue;
      first = std::min(first.value_or(~0U), difference.first_nr);
    }
    if (!first) return;
    Profile shorter = input_.asked;
    std::set<std::string> behind;
    for (SyscallRule& rule : shorter.syscalls) {
      std::erase_if(rule.names, [&](const std::string& name) {
        const auto number = input_.table.Number(input_.native, name);
        if (!number || *number < 0 || static_cast<std::uint32_t>(*number) < *first) return false;
        behind.insert(name);
        return true;
      });
    }
    // A table ends with the newest calls: a hole in the old ones is another cause.
    constexpr std::uint32_t kUnifiedNumbers = 424;  // the same on every architecture (Linux 5.1)
    if (behind.empty() || *first < kUnifiedNumbers) return;
    std::erase_if(shorter.syscalls, [](const SyscallRule& rule) { return rule.names.empty(); });
    if (Explains(shorter)) Found(Cause::kUnknownSyscall, Listed({behind.begin(), behind.end()}));
  }

  // The other way round: all differences are at numbers behind the end of our table, and the
  // profile has names that it does not know.
  void TryLongerTable() {
    std::set<std::string> unknown;
    for (const SyscallRule& rule : input_.asked.syscalls) {
      for (const std::string& name : rule.names) {
        if (!input_.table.Knows(name)) unknown.insert(base::Printable(name));
      }
    }
    if (unknown.empty() || comparison_.total > comparison_.differences.size()) return;
    std::map<std::uint32_t, std::uint32_t> ends;  // by AUDIT_ARCH
    for (const Arch arch : EnterableArchs(input_.native)) {
      std::uint32_t& end = ends[seccomp::AuditArch(arch)];
      if (arch == Arch::kX32) continue;
      for (const std::string_view name : input_.table.Names(arch)) {
        const auto number = input_.table.Number(arch, name);
        if (number && *number >= 0) end = std::max(end, static_cast<std::uint32_t>(*number));
      }
    }
    const bool all_behind = std::all_of(
        comparison_.differences.begin(), comparison_.differences.end(), [&](const Difference& one) {
          const auto end = ends.find(one.first_arch);
          return one.first_arch == one.last_arch && end != ends.end() &&
                 (one.first_nr & ~seccomp::kX32Bit) > end->second;
        });
    if (all_behind) Found(Cause::kUnknownSyscall, Listed({unknown.begin(), unknown.end()}));
  }

  void TryNotifier() {
    Profile notified = input_.asked;
    for (SyscallRule& rule : notified.syscalls) {
      if (!Refuses(rule.action)) continue;
      rule.action = ActionKind::kNotify;
      rule.errno_ret.reset();
    }
    if (Explains(notified)) Found(Cause::kNotifier, {});
  }

  struct Bound {
    const SyscallRule* rule;
    ArgCondition arg;
  };
  // The LT and LE conditions of each call.
  [[nodiscard]] std::map<std::string, std::vector<Bound>> UpperBounds() const {
    std::map<std::string, std::vector<Bound>> bounds;
    for (const SyscallRule& rule : input_.asked.syscalls) {
      for (const auto& conjunction : seccomp::Conjunctions(rule)) {
        for (const ArgCondition& arg : conjunction) {
          if (arg.op != CompareOp::kLt && arg.op != CompareOp::kLe) continue;
          for (const std::string& name : rule.names) bounds[name].push_back({&rule, arg});
        }
      }
    }
    return bounds;
  }

  // GHSA-4q85-33p6-j5g6: two LT or LE rules of a call, different actions, one argument, values with
  // the same high word.
  void TryMerge() {
    const auto bounds = UpperBounds();
    std::set<std::string> exposed;
    constexpr std::uint32_t kWord = 32;
    for (const auto& [name, list] : bounds) {
      for (const Bound& a : list) {
        for (const Bound& b : list) {
          const bool other =
              a.rule->action != b.rule->action || a.rule->errno_ret != b.rule->errno_ret;
          if (other && a.arg.index == b.arg.index && a.arg.value >> kWord == b.arg.value >> kWord) {
            exposed.insert(name);
          }
        }
      }
    }
    if (exposed.empty() || comparison_.total > comparison_.differences.size()) return;
    if (std::all_of(comparison_.differences.begin(), comparison_.differences.end(),
                    [&](const Difference& one) { return IsCallOf(one, exposed); })) {
      Found(Cause::kLibseccompMerge, Listed({exposed.begin(), exposed.end()}));
    }
  }

  bool IsCallOf(const Difference& one, const std::set<std::string>& names) {
    if (one.first_arch != one.last_arch || one.first_nr != one.last_nr) return false;
    for (const Arch arch : EnterableArchs(input_.native)) {
      if (seccomp::AuditArch(arch) != one.first_arch) continue;
      const auto name = input_.table.Name(arch, static_cast<std::int32_t>(one.first_nr));
      if (names.contains(std::string(name))) return true;
    }
    return false;
  }

  Workspace& workspace_;
  Diagram loaded_;
  const Comparison& comparison_;
  const CauseInput& input_;
  std::vector<CauseFound> found_;
};

}  // namespace

std::string_view Name(Cause cause) {
  switch (cause) {
    case Cause::kDockerFields:
      return "docker-fields";
    case Cause::kLibseccompMerge:
      return "libseccomp-merge";
    case Cause::kMissingArchitecture:
      return "missing-architecture";
    case Cause::kUnknownSyscall:
      return "unknown-syscall";
    case Cause::kRuncEnosys:
      return "runc-enosys";
    case Cause::kNotifier:
      return "notifier";
    case Cause::kToldOtherwise:
      return "told-otherwise";
  }
  return "";
}

std::string_view Sentence(Cause cause) {
  switch (cause) {
    case Cause::kDockerFields:
      return "containerd ignores these fields of a Docker-format profile";
    case Cause::kLibseccompMerge:
      return "libseccomp before 2.6.1 merges LT and LE rules wrongly (GHSA-4q85-33p6-j5g6)";
    case Cause::kMissingArchitecture:
      return "the architecture is listed on one side only";
    case Cause::kUnknownSyscall:
      return "the libseccomp of the runtime has another table of system calls";
    case Cause::kRuncEnosys:
      return "runc answers ENOSYS above the last system call of the profile";
    case Cause::kNotifier:
      return "CRI-O's seccomp notifier turned refusals into NOTIFY";
    case Cause::kToldOtherwise:
      return "the runtime was told another profile than the file holds";
  }
  return "";
}

std::vector<CauseFound> FindCauses(Workspace& workspace, Diagram loaded,
                                   const Comparison& comparison, const CauseInput& input) {
  return Finder(workspace, loaded, comparison, input).Find();
}

}  // namespace seccompd::bpf
