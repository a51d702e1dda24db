// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/bpf/bit_vector.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::bpf {
namespace {

constexpr std::uint32_t kAllArguments = 0x3f;

// Calls that socketcall(2) (net/socket.c) or ipc(2) (ipc/syscall.c) also make, by their number
// there.
struct SubCall {
  std::string_view name;
  std::uint32_t number;
};
constexpr auto kSocketCalls = std::to_array<SubCall>({
    {"socket", 1},    {"bind", 2},        {"connect", 3},     {"listen", 4},
    {"accept", 5},    {"getsockname", 6}, {"getpeername", 7}, {"socketpair", 8},
    {"send", 9},      {"recv", 10},       {"sendto", 11},     {"recvfrom", 12},
    {"shutdown", 13}, {"setsockopt", 14}, {"getsockopt", 15}, {"sendmsg", 16},
    {"recvmsg", 17},  {"accept4", 18},    {"recvmmsg", 19},   {"sendmmsg", 20},
});
constexpr auto kIpcCalls = std::to_array<SubCall>({
    {"semop", 1},
    {"semget", 2},
    {"semctl", 3},
    {"semtimedop", 4},
    {"msgsnd", 11},
    {"msgrcv", 12},
    {"msgget", 13},
    {"msgctl", 14},
    {"shmat", 21},
    {"shmdt", 22},
    {"shmget", 23},
    {"shmctl", 24},
});
constexpr std::uint32_t kIpcCallMask = 0xffff;  // the version stands above

// Calls for which io_uring has an operation (enum io_uring_op, io_uring/opdef.c).
constexpr auto kIoUring = std::to_array<std::string_view>({
    "accept",     "accept4",   "bind",       "close",       "connect",    "epoll_ctl",
    "epoll_wait", "fadvise64", "fallocate",  "fdatasync",   "fgetxattr",  "fsetxattr",
    "fsync",      "ftruncate", "futex_wait", "futex_waitv", "futex_wake", "getxattr",
    "linkat",     "listen",    "madvise",    "mkdirat",     "openat",     "openat2",
    "pipe2",      "pread64",   "preadv",     "preadv2",     "pwrite64",   "pwritev",
    "pwritev2",   "read",      "readv",      "recv",        "recvfrom",   "recvmsg",
    "renameat",   "renameat2", "send",       "sendmsg",     "sendto",     "setxattr",
    "shutdown",   "socket",    "splice",     "statx",       "symlinkat",  "sync_file_range",
    "tee",        "unlinkat",  "waitid",     "write",       "writev",
});

template <std::size_t kSize>
const SubCall* Find(const std::array<SubCall, kSize>& calls, std::string_view name) {
  const auto found = std::find_if(calls.begin(), calls.end(),
                                  [name](const SubCall& call) { return call.name == name; });
  return found == calls.end() ? nullptr : &*found;
}

// Looks at one way after the other.
class Checker {
 public:
  Checker(Workspace& workspace, Diagram diagram, const seccomp::SyscallTable& table,
          std::span<const seccomp::Arch> archs)
      : workspace_(workspace), store_(workspace.Store()), table_(table), archs_(archs) {
    permitted_ = store_.MapTerminals(diagram.root, [](std::uint32_t value) {
      return PermissionOf(value) == Permission::kRefused ? kFalseNode : kTrueNode;
    });
    diagram_ = diagram;
  }

  void CheckDirect(const CallPattern& pattern) {
    for (const seccomp::Arch arch : archs_) {
      const auto number = NumberOn(arch, pattern.syscall);
      if (!number) continue;
      known_ = true;
      native_ = native_ || arch == archs_.front();
      const std::uint32_t narrow = seccomp::Is64Bit(arch) || arch == seccomp::Arch::kX32
                                       ? seccomp::NarrowArguments(pattern.syscall)
                                       : kAllArguments;
      NodeId call = store_.And(On(arch, *number), Matches(pattern, narrow));
      if (arch != archs_.front()) {
        Try(arch == seccomp::Arch::kX32 ? Way::kX32 : Way::kCompat, arch, call);
        continue;
      }
      const NodeId clean = Clean(pattern, narrow);
      Try(Way::kDirect, arch, store_.And(call, clean));
      Try(Way::kHighBits, arch, store_.And(call, store_.Not(clean)));
    }
  }

  void CheckMultiplexed(std::string_view syscall) {
    for (const seccomp::Arch arch : archs_) {
      if (!seccomp::Multiplexes(arch)) continue;
      if (const SubCall* call = Find(kSocketCalls, syscall)) {
        TryMultiplexed(arch, "socketcall", ~0U, call->number);
      }
      if (const SubCall* call = Find(kIpcCalls, syscall)) {
        TryMultiplexed(arch, "ipc", kIpcCallMask, call->number);
      }
    }
  }

  void CheckIoUring(std::string_view syscall) {
    if (std::find(kIoUring.begin(), kIoUring.end(), syscall) == kIoUring.end()) return;
    for (const seccomp::Arch arch : archs_) {
      const auto number = NumberOn(arch, "io_uring_setup");
      if (number) Try(Way::kIoUring, arch, On(arch, *number));
    }
  }

  CheckOutcome Outcome(std::string_view syscall) && {
    CheckOutcome outcome;
    if (!known_) {
      outcome.reason = fmt::format("no system call {} in the table of this node", syscall);
      return outcome;
    }
    if (store_.Exhausted()) {
      outcome.reason = "undecided within the limits";
      return outcome;
    }
    const bool direct = std::any_of(open_.begin(), open_.end(), [&](const OpenWay& way) {
      return way.way == Way::kDirect || (!native_ && way.way != Way::kIoUring);
    });
    outcome.result = open_.empty() ? CheckResult::kBlocked
                     : direct      ? CheckResult::kPermitted
                                   : CheckResult::kBypassable;
    outcome.open = std::move(open_);
    return outcome;
  }

 private:
  // Numbers below 0 are libseccomp's names for calls that the architecture does not have.
  [[nodiscard]] std::optional<std::uint32_t> NumberOn(seccomp::Arch arch,
                                                      std::string_view name) const {
    const auto number = table_.Number(arch, name);
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
  }

  NodeId On(seccomp::Arch arch, std::uint32_t number) {
    return store_.IfWordEqual(kArchWord, seccomp::AuditArch(arch),
                              store_.IfWordEqual(kNrWord, number, kTrueNode, kFalseNode),
                              kFalseNode);
  }

  NodeId WordIs(Word word, std::uint32_t mask, std::uint32_t value) {
    return IsEqual(store_, BitAnd(store_, WordBitsOf(store_, word), ConstantBits(mask)),
                   ConstantBits(value & mask));
  }

  NodeId Matches(const CallPattern& pattern, std::uint32_t narrow) {
    NodeId all = kTrueNode;
    for (const PatternArg& arg : pattern.args) {
      NodeId one = WordIs(ArgLowWord(arg.index), static_cast<std::uint32_t>(arg.mask),
                          static_cast<std::uint32_t>(arg.value));
      if (((narrow >> arg.index) & 1) == 0) {
        one = store_.And(
            one, WordIs(ArgHighWord(arg.index), static_cast<std::uint32_t>(arg.mask >> kWordBits),
                        static_cast<std::uint32_t>(arg.value >> kWordBits)));
      }
      all = store_.And(all, arg.negate ? store_.Not(one) : one);
    }
    return all;
  }

  // The high halves of the int arguments that the pattern looks at are 0.
  NodeId Clean(const CallPattern& pattern, std::uint32_t narrow) {
    NodeId all = kTrueNode;
    for (const PatternArg& arg : pattern.args) {
      if (((narrow >> arg.index) & 1) == 0) continue;
      all = store_.And(all, store_.IfWordEqual(ArgHighWord(arg.index), 0, kTrueNode, kFalseNode));
    }
    return all;
  }

  void TryMultiplexed(seccomp::Arch arch, std::string_view name, std::uint32_t mask,
                      std::uint32_t sub_call) {
    const auto number = NumberOn(arch, name);
    if (!number) return;
    known_ = true;
    Try(Way::kMultiplexed, arch,
        store_.And(On(arch, *number), WordIs(ArgLowWord(0), mask, sub_call)));
  }

  void Try(Way way, seccomp::Arch arch, NodeId calls) {
    const auto input = workspace_.AnyInput(Region{store_.And(calls, permitted_)});
    if (!input || store_.Exhausted()) return;
    open_.push_back({.way = way,
                     .arch = arch,
                     .witness = *input,
                     .value = workspace_.Evaluate(diagram_, *input)});
  }

  Workspace& workspace_;
  NodeStore& store_;
  Diagram diagram_;
  const seccomp::SyscallTable& table_;
  std::span<const seccomp::Arch> archs_;
  NodeId permitted_ = kFalseNode;
  bool known_ = false;
  bool native_ = false;  // the native architecture has the call
  std::vector<OpenWay> open_;
};

}  // namespace

std::string_view Name(CheckResult result) {
  switch (result) {
    case CheckResult::kBlocked:
      return "blocked";
    case CheckResult::kPermitted:
      return "permitted";
    case CheckResult::kBypassable:
      return "bypassable";
    case CheckResult::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view Name(Way way) {
  switch (way) {
    case Way::kDirect:
      return "direct";
    case Way::kHighBits:
      return "high-bits";
    case Way::kCompat:
      return "compat";
    case Way::kX32:
      return "x32";
    case Way::kMultiplexed:
      return "multiplexed";
    case Way::kIoUring:
      return "io_uring";
  }
  return "";
}

CheckOutcome Check(Workspace& workspace, Diagram diagram, const CallPattern& pattern,
                   const seccomp::SyscallTable& table, std::span<const seccomp::Arch> archs) {
  CheckOutcome outcome;
  const bool indexes_fit =
      std::all_of(pattern.args.begin(), pattern.args.end(),
                  [](const PatternArg& arg) { return arg.index < std::size(SeccompData{}.args); });
  if (archs.empty() || !indexes_fit) {
    outcome.reason = archs.empty() ? "no architecture given" : "argument index above 5";
    return outcome;
  }
  workspace.Begin();
  Checker checker(workspace, diagram, table, archs);
  checker.CheckDirect(pattern);
  checker.CheckMultiplexed(pattern.syscall);
  checker.CheckIoUring(pattern.syscall);
  return std::move(checker).Outcome(pattern.syscall);
}

std::optional<MultiplexedCall> MultiplexedAs(std::string_view syscall) {
  if (const SubCall* call = Find(kSocketCalls, syscall)) return {{"socketcall", call->number}};
  if (const SubCall* call = Find(kIpcCalls, syscall)) return {{"ipc", call->number}};
  return std::nullopt;
}

std::vector<seccomp::Arch> EnterableArchs(seccomp::Arch native) {
  std::vector<seccomp::Arch> archs = {native};
  const auto compat = seccomp::CompatArchs(native);
  archs.insert(archs.end(), compat.begin(), compat.end());
  return archs;
}

std::vector<CallPattern> CriticalCalls(seccomp::Arch native) {
  const bool stack_first = native == seccomp::Arch::kS390 || native == seccomp::Arch::kS390x;
  std::vector<CallPattern> patterns;
  for (const std::string_view syscall : seccomp::CriticalSyscalls()) {
    CallPattern pattern{.name = std::string(syscall), .syscall = std::string(syscall), .args = {}};
    if (syscall == "clone" || syscall == "unshare") {
      const std::uint32_t flags = syscall == "clone" && stack_first ? 1 : 0;
      pattern.name += "(namespaces)";
      pattern.args.push_back({.index = flags, .mask = seccomp::kNamespaceFlags, .negate = true});
    }
    patterns.push_back(std::move(pattern));
  }
  return patterns;
}

}  // namespace seccompd::bpf
