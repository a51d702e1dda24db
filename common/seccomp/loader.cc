// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "common/base/strings.h"
#include "common/seccomp/known_default.h"

namespace seccompd::seccomp {
namespace {

using base::ErrorCode;
using base::Fail;

// From here on system calls have one number on all architectures (the kernel's syscall tables).
constexpr std::int32_t kFirstCommonNumber = 424;

struct CallAge {
  std::int32_t last;  // the highest number of that kernel
  std::uint32_t major, minor;
};
// Which kernel brought which numbers, in their order (arch/x86/entry/syscalls of each release).
constexpr auto kKernels = std::to_array<CallAge>(
    {{427, 5, 1},  {433, 5, 2},  {435, 5, 3},  {436, 5, 9},  // close_range, reserved earlier
     {438, 5, 6},  {439, 5, 8},  {440, 5, 10}, {441, 5, 11}, {442, 5, 12}, {446, 5, 13},
     {447, 5, 14}, {448, 5, 15}, {449, 5, 16}, {450, 5, 17}, {451, 6, 5},  {453, 6, 6},
     {456, 6, 7},  {461, 6, 8},  {462, 6, 10}, {466, 6, 13}});

struct TableAge {
  Release release;
  std::int32_t last;  // the highest number that its table holds (src/syscalls.csv)
};
constexpr auto kTables = std::to_array<TableAge>({{{2, 5, 3}, 448},
                                                  {{2, 5, 4}, 450},
                                                  {{2, 5, 5}, 456},
                                                  {{2, 5, 6}, 466},
                                                  {{2, 6, 0}, 466},
                                                  {{2, 6, 1}, 471}});

std::optional<Release> ParseRelease(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  std::array<std::uint32_t, 3> parts{};
  std::size_t count = 0;
  while (count < parts.size()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = base::ParseInt<std::uint32_t>(text.substr(0, digits));
    if (!number) return std::nullopt;
    parts.at(count++) = *number;
    text.remove_prefix(digits);
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  const bool suffix = text.empty() || text[0] == '-' || text[0] == '+' || text[0] == '~';
  if (count < 2 || !suffix) return std::nullopt;
  return Release{parts[0], parts[1], parts[2]};
}

std::string Text(const Release& release) {
  return fmt::format("{}.{}.{}", release.major, release.minor, release.patch);
}

bool KernelBefore(const NodeFacts& node, std::uint32_t major, std::uint32_t minor) {
  return node.kernel_major != 0 && !node.KernelAtLeast(major, minor);
}

class Judge {
 public:
  Judge(const Profile& profile, const SyscallTable& table, const NodeFacts& node,
        const LoaderFacts& loader)
      : profile_(profile), table_(table), node_(node), loader_(loader) {}

  std::vector<Diagnostic> Run() && {
    JudgeFlags();
    JudgeActions();
    JudgeUpperBounds();
    JudgeNames();
    NoteEnosys();
    return std::move(found_);
  }

 private:
  void Say(std::string_view code, std::string pointer, std::string message) {
    Severity severity = Severity::kWarning;
    if (code.starts_with('N')) severity = Severity::kNote;
    found_.push_back({.code = code,
                      .severity = severity,
                      .pointer = std::move(pointer),
                      .message = std::move(message)});
  }
  void Refused(std::string pointer, std::string_view who, std::string_view what) {
    Say(codes::kRuntimeRefuses, std::move(pointer),
        fmt::format("{} {}: containers with this profile do not start there", who, what));
  }
  [[nodiscard]] std::string Kernel() const {
    return fmt::format("Linux {}.{}", node_.kernel_major, node_.kernel_minor);
  }

  void JudgeFlags() {
    if (!profile_.flags || profile_.flags->empty()) return;
    if (loader_.runc && *loader_.runc < Release{1, 2, 0}) {
      Refused("/flags", "runc " + Text(*loader_.runc), "takes no filter flag (since 1.2.0)");
      return;
    }
    for (std::size_t i = 0; i < profile_.flags->size(); ++i) {
      const FilterFlag flag = (*profile_.flags)[i];
      const std::string at = fmt::format("/flags/{}", i);
      if (flag == FilterFlag::kWaitKillableRecv) {
        if (loader_.runc && *loader_.runc < Release{1, 5, 0}) {
          Refused(at, "runc " + Text(*loader_.runc), "does not know this flag (since 1.5.0)");
        }
        if (KernelBefore(node_, 5, 19)) Refused(at, Kernel(), "does not know it (since 5.19)");
      }
      if (flag == FilterFlag::kLog && KernelBefore(node_, 4, 14)) {
        Refused(at, Kernel(), "does not know it (since 4.14)");
      }
    }
  }

  void JudgeActions() {
    JudgeAction(profile_.default_action, "/defaultAction");
    std::set<ActionKind> said{profile_.default_action};
    for (std::size_t i = 0; i < profile_.syscalls.size(); ++i) {
      const ActionKind kind = profile_.syscalls[i].action;
      if (said.insert(kind).second) JudgeAction(kind, fmt::format("/syscalls/{}/action", i));
    }
  }
  void JudgeAction(ActionKind kind, std::string pointer) {
    const bool young = kind == ActionKind::kLog || kind == ActionKind::kKillProcess;
    if (young && KernelBefore(node_, 4, 14)) {
      Refused(std::move(pointer), Kernel(), fmt::format("has no {} (since 4.14)", OciName(kind)));
    } else if (kind == ActionKind::kNotify && KernelBefore(node_, 5, 0)) {
      Refused(std::move(pointer), Kernel(), fmt::format("has no {} (since 5.0)", OciName(kind)));
    }
  }

  // GHSA-4q85-33p6-j5g6: rules with LT or LE on one argument, different actions, values with the
  // same high word.
  void JudgeUpperBounds() {
    if (!loader_.libseccomp || *loader_.libseccomp >= Release{2, 6, 1}) return;
    struct Bound {
      std::size_t rule;
      ArgCondition arg;
    };
    std::map<std::string_view, std::vector<Bound>> bounds;
    std::set<std::string_view> said;
    for (std::size_t i = 0; i < profile_.syscalls.size(); ++i) {
      const SyscallRule& rule = profile_.syscalls[i];
      for (const ArgCondition& arg : rule.args) {
        if (arg.op != CompareOp::kLt && arg.op != CompareOp::kLe) continue;
        for (const std::string& name : rule.names) {
          for (const Bound& other : bounds[name]) {
            const SyscallRule& first = profile_.syscalls[other.rule];
            const bool differs = EffectiveAction(first.action, first.errno_ret) !=
                                 EffectiveAction(rule.action, rule.errno_ret);
            const bool meet =
                other.arg.index == arg.index && other.arg.value >> 32 == arg.value >> 32;
            if (differs && meet && said.insert(name).second) SayMerged(name, other.rule, i);
          }
          bounds[name].push_back({i, arg});
        }
      }
    }
  }
  void SayMerged(std::string_view name, std::size_t first, std::size_t second) {
    Say(codes::kLibseccompFault, fmt::format("/syscalls/{}/args", second),
        fmt::format("libseccomp {} may give {} the wrong one of two actions, this or that of "
                    "/syscalls/{}: their upper bounds are merged wrongly before 2.6.1 "
                    "(GHSA-4q85-33p6-j5g6); bound one of them from below, too",
                    Text(*loader_.libseccomp), base::Printable(name), first));
  }

  // The number of a call that all architectures have in common; nullopt of older ones.
  [[nodiscard]] std::optional<std::int32_t> CommonNumber(std::string_view name) const {
    const auto number = table_.Number(node_.arch, name);
    if (!number || *number < kFirstCommonNumber || *number > 0xffff) return std::nullopt;
    return number;
  }
  template <class Newer>
  [[nodiscard]] std::vector<std::string> NamesWhere(const Newer& newer) const {
    std::set<std::string> names;
    for (const SyscallRule& rule : profile_.syscalls) {
      for (const std::string& name : rule.names) {
        const auto number = CommonNumber(name);
        if (number && newer(*number)) names.insert(base::Printable(name));
      }
    }
    return {names.begin(), names.end()};
  }
  void SayNames(const std::vector<std::string>& names, std::string_view who,
                std::string_view effect) {
    if (names.empty()) return;
    constexpr std::size_t kMost = 12;
    const std::vector<std::string> shown(
        names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMost)));
    const std::string more =
        names.size() > kMost ? fmt::format(" and {} more", names.size() - kMost) : std::string();
    Say(codes::kNewerThanTarget, "/syscalls",
        fmt::format("{} does not know {}{}: {}", who, base::Join(shown, ", "), more, effect));
  }

  void JudgeNames() {
    if (node_.kernel_major != 0) {
      const auto newer = [&](std::int32_t number) {
        const auto age = std::find_if(kKernels.begin(), kKernels.end(),
                                      [&](const CallAge& one) { return number <= one.last; });
        return age != kKernels.end() && KernelBefore(node_, age->major, age->minor);
      };
      SayNames(NamesWhere(newer), Kernel(),
               "such a call gets ENOSYS there, whatever the rules say");
    }
    if (!loader_.libseccomp) return;
    const std::int32_t last = LastInTable();
    SayNames(NamesWhere([last](std::int32_t number) { return number > last; }),
             "libseccomp " + Text(*loader_.libseccomp),
             "rules for them are dropped, and the default action decides");
  }

  // The highest number that the target's libseccomp knows; no limit where that is not known.
  [[nodiscard]] std::int32_t LastInTable() const {
    constexpr std::int32_t kNoLimit = 0x7fffffff;
    if (!loader_.libseccomp || *loader_.libseccomp > kTables.back().release) return kNoLimit;
    std::int32_t last = kTables.front().last;
    for (const TableAge& one : kTables) {
      if (*loader_.libseccomp >= one.release) last = one.last;
    }
    return last;
  }

  void NoteEnosys() {
    if (!loader_.runc) return;
    const ActionKind kind = profile_.default_action;
    const bool stub = kind != ActionKind::kAllow && kind != ActionKind::kLog &&
                      kind != ActionKind::kTrace && *loader_.runc >= Release{1, 0, 0};
    constexpr std::uint16_t kEnosys = 38;
    const Action action = EffectiveAction(kind, profile_.default_errno_ret);
    if (!stub || action == Action{ActionKind::kErrno, kEnosys}) return;
    std::string_view highest;
    std::int32_t last = -1;
    for (const SyscallRule& rule : profile_.syscalls) {
      for (const std::string& name : rule.names) {
        const auto number = table_.Number(node_.arch, name);
        if (!number || *number <= last || *number > LastInTable()) continue;
        last = *number;
        highest = name;
      }
    }
    if (last < 0) return;
    Say(codes::kEnosysAbove, "/defaultAction",
        fmt::format("runc answers ENOSYS instead of {} to every call above {} ({}), the last that "
                    "this profile names",
                    DisplayName(action), base::Printable(highest), last));
  }

  const Profile& profile_;
  const SyscallTable& table_;
  const NodeFacts& node_;
  const LoaderFacts& loader_;
  std::vector<Diagnostic> found_;
};

base::Result<void> Take(std::string_view text, std::string_view version,
                        std::optional<Release>* to) {
  const auto release = ParseRelease(version);
  if (!release) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}': give a release such as 1.2 or 1.2.3", base::Printable(text)));
  }
  if (*to) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is the second release of it", base::Printable(text)));
  }
  *to = release;
  return {};
}

}  // namespace

base::Result<void> AddLoader(std::string_view text, LoaderFacts* loader) {
  const std::size_t dash = text.find('-');
  const std::string_view kind = text.substr(0, dash);
  const std::string_view version =
      dash == std::string_view::npos ? std::string_view() : text.substr(dash + 1);
  if (kind == "runc") return Take(text, version, &loader->runc);
  if (kind == "crun") return Take(text, version, &loader->crun);
  if (kind == "libseccomp") return Take(text, version, &loader->libseccomp);
  if (!KnownDefaultOf(text)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no runtime that is known: give runc-1.1.12, crun-1.8, "
                            "libseccomp-2.5.4, or one of {}",
                            base::Printable(text), KnownDefaultNames()));
  }
  if (!loader->container_runtime.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is the second container runtime", base::Printable(text)));
  }
  loader->container_runtime = text;
  return {};
}

std::vector<Diagnostic> DiagnoseLoader(const Profile& profile, const SyscallTable& table,
                                       const NodeFacts& node, const LoaderFacts& loader) {
  return Judge(profile, table, node, loader).Run();
}

}  // namespace seccompd::seccomp
