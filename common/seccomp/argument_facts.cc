// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/argument_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/strings.h"

namespace seccompd::seccomp {
namespace {

using std::string_view;

// include/linux/socket.h
constexpr auto kFamilies = std::to_array<Symbol>({
    {"AF_UNSPEC", 0},    {"AF_UNIX", 1},    {"AF_INET", 2}, {"AF_AX25", 3},   {"AF_IPX", 4},
    {"AF_APPLETALK", 5}, {"AF_NETROM", 6},  {"AF_X25", 9},  {"AF_INET6", 10}, {"AF_KEY", 15},
    {"AF_NETLINK", 16},  {"AF_PACKET", 17}, {"AF_RDS", 21}, {"AF_PPPOX", 24}, {"AF_LLC", 26},
    {"AF_IB", 27},       {"AF_MPLS", 28},   {"AF_CAN", 29}, {"AF_TIPC", 30},  {"AF_BLUETOOTH", 31},
    {"AF_RXRPC", 33},    {"AF_ALG", 38},    {"AF_NFC", 39}, {"AF_VSOCK", 40}, {"AF_KCM", 41},
    {"AF_QIPCRTR", 42},  {"AF_SMC", 43},    {"AF_XDP", 44}, {"AF_MCTP", 45},
});

// include/uapi/linux/sched.h
constexpr auto kCloneFlags = std::to_array<Symbol>({
    {"CLONE_NEWTIME", 0x80},
    {"CLONE_VM", 0x100},
    {"CLONE_FS", 0x200},
    {"CLONE_FILES", 0x400},
    {"CLONE_SIGHAND", 0x800},
    {"CLONE_PIDFD", 0x1000},
    {"CLONE_PTRACE", 0x2000},
    {"CLONE_VFORK", 0x4000},
    {"CLONE_PARENT", 0x8000},
    {"CLONE_THREAD", 0x10000},
    {"CLONE_NEWNS", 0x20000},
    {"CLONE_SYSVSEM", 0x40000},
    {"CLONE_SETTLS", 0x80000},
    {"CLONE_PARENT_SETTID", 0x100000},
    {"CLONE_CHILD_CLEARTID", 0x200000},
    {"CLONE_UNTRACED", 0x800000},
    {"CLONE_CHILD_SETTID", 0x1000000},
    {"CLONE_NEWCGROUP", 0x2000000},
    {"CLONE_NEWUTS", 0x4000000},
    {"CLONE_NEWIPC", 0x8000000},
    {"CLONE_NEWUSER", 0x10000000},
    {"CLONE_NEWPID", 0x20000000},
    {"CLONE_NEWNET", 0x40000000},
    {"CLONE_IO", 0x80000000},
});

// include/uapi/linux/personality.h
constexpr auto kPersonalities = std::to_array<Symbol>({
    {"PER_LINUX", 0},
    {"PER_LINUX32", 8},
    {"UNAME26", 0x20000},
    {"UNAME26|PER_LINUX32", 0x20008},
    {"ADDR_NO_RANDOMIZE", 0x40000},
    {"READ_IMPLIES_EXEC", 0x400000},
});

// include/uapi/linux/prctl.h
constexpr auto kPrctl = std::to_array<Symbol>({
    {"PR_SET_PDEATHSIG", 1},
    {"PR_GET_DUMPABLE", 3},
    {"PR_SET_DUMPABLE", 4},
    {"PR_SET_KEEPCAPS", 8},
    {"PR_SET_NAME", 15},
    {"PR_GET_NAME", 16},
    {"PR_GET_SECCOMP", 21},
    {"PR_SET_SECCOMP", 22},
    {"PR_CAPBSET_READ", 23},
    {"PR_CAPBSET_DROP", 24},
    {"PR_SET_SECUREBITS", 28},
    {"PR_SET_TIMERSLACK", 29},
    {"PR_SET_MM", 35},
    {"PR_SET_CHILD_SUBREAPER", 36},
    {"PR_SET_NO_NEW_PRIVS", 38},
    {"PR_GET_NO_NEW_PRIVS", 39},
    {"PR_SET_THP_DISABLE", 41},
    {"PR_CAP_AMBIENT", 47},
    {"PR_SET_SPECULATION_CTRL", 53},
    {"PR_SET_VMA", 0x53564d41},
    {"PR_SET_PTRACER", 0x59616d61},
});

// include/uapi/asm-generic/ioctls.h, include/uapi/linux/tiocl.h
constexpr auto kIoctls = std::to_array<Symbol>({
    {"TCGETS", 0x5401},
    {"TCSETS", 0x5402},
    {"TIOCSTI", 0x5412},
    {"TIOCGWINSZ", 0x5413},
    {"TIOCLINUX", 0x541c},
    {"FIONREAD", 0x541b},
    {"TIOCCONS", 0x541d},
    {"TIOCSETD", 0x5423},
    {"FIONBIO", 0x5421},
});

// include/uapi/linux/bpf.h
constexpr auto kBpfCommands = std::to_array<Symbol>({
    {"BPF_MAP_CREATE", 0},
    {"BPF_MAP_LOOKUP_ELEM", 1},
    {"BPF_MAP_UPDATE_ELEM", 2},
    {"BPF_PROG_LOAD", 5},
    {"BPF_OBJ_PIN", 6},
    {"BPF_OBJ_GET", 7},
    {"BPF_PROG_ATTACH", 8},
    {"BPF_BTF_LOAD", 18},
    {"BPF_LINK_CREATE", 28},
    {"BPF_ITER_CREATE", 33},
});

// include/uapi/linux/keyctl.h
constexpr auto kKeyctl = std::to_array<Symbol>({
    {"KEYCTL_GET_KEYRING_ID", 0},
    {"KEYCTL_JOIN_SESSION_KEYRING", 1},
    {"KEYCTL_UPDATE", 2},
    {"KEYCTL_REVOKE", 3},
    {"KEYCTL_SETPERM", 5},
    {"KEYCTL_LINK", 8},
    {"KEYCTL_SEARCH", 10},
    {"KEYCTL_READ", 11},
});

// include/uapi/linux/ptrace.h
constexpr auto kPtrace = std::to_array<Symbol>({
    {"PTRACE_TRACEME", 0},
    {"PTRACE_PEEKTEXT", 1},
    {"PTRACE_PEEKDATA", 2},
    {"PTRACE_POKETEXT", 4},
    {"PTRACE_POKEDATA", 5},
    {"PTRACE_CONT", 7},
    {"PTRACE_ATTACH", 16},
    {"PTRACE_DETACH", 17},
    {"PTRACE_SEIZE", 0x4206},
});

// include/uapi/linux/seccomp.h
constexpr auto kSeccomp = std::to_array<Symbol>({
    {"SECCOMP_SET_MODE_STRICT", 0},
    {"SECCOMP_SET_MODE_FILTER", 1},
    {"SECCOMP_GET_ACTION_AVAIL", 2},
    {"SECCOMP_GET_NOTIF_SIZES", 3},
});

// include/uapi/linux/net.h
constexpr auto kSocketCalls = std::to_array<Symbol>({
    {"SYS_SOCKET", 1},
    {"SYS_BIND", 2},
    {"SYS_CONNECT", 3},
    {"SYS_LISTEN", 4},
    {"SYS_ACCEPT", 5},
    {"SYS_SOCKETPAIR", 8},
});

// include/uapi/asm-generic/mman-common.h
constexpr auto kProtections =
    std::to_array<Symbol>({{"PROT_READ", 1}, {"PROT_WRITE", 2}, {"PROT_EXEC", 4}});

struct Argument {
  string_view syscall;
  std::uint32_t index;
  string_view name;
  SymbolKind kind = SymbolKind::kNone;
  std::span<const Symbol> symbols = {};
};
constexpr auto kFlags = SymbolKind::kFlags;
constexpr auto kEnumeration = SymbolKind::kEnumeration;
constexpr auto kArguments = std::to_array<Argument>({
    {"socket", 0, "domain", kEnumeration, kFamilies},
    {"socket", 1, "type"},
    {"socket", 2, "protocol"},
    {"socketpair", 0, "domain", kEnumeration, kFamilies},
    {"socketpair", 1, "type"},
    {"socketcall", 0, "call", kEnumeration, kSocketCalls},
    {"clone", 0, "flags", kFlags, kCloneFlags},
    {"unshare", 0, "flags", kFlags, kCloneFlags},
    {"setns", 0, "fd"},
    {"setns", 1, "nstype", kFlags, kCloneFlags},
    {"personality", 0, "persona", kEnumeration, kPersonalities},
    {"prctl", 0, "option", kEnumeration, kPrctl},
    {"ioctl", 0, "fd"},
    {"ioctl", 1, "request", kEnumeration, kIoctls},
    {"bpf", 0, "cmd", kEnumeration, kBpfCommands},
    {"keyctl", 0, "operation", kEnumeration, kKeyctl},
    {"ptrace", 0, "request", kEnumeration, kPtrace},
    {"ptrace", 1, "pid"},
    {"seccomp", 0, "operation", kEnumeration, kSeccomp},
    {"seccomp", 1, "flags"},
    {"mmap", 2, "prot", kFlags, kProtections},
    {"mprotect", 2, "prot", kFlags, kProtections},
    {"pkey_mprotect", 2, "prot", kFlags, kProtections},
    {"kill", 0, "pid"},
    {"kill", 1, "sig"},
    {"tgkill", 0, "tgid"},
    {"prlimit64", 0, "pid"},
    {"mount", 3, "flags"},
});

// clone(2) takes the stack first on s390 (CONFIG_CLONE_BACKWARDS2).
std::uint32_t GenericIndex(string_view syscall, Arch arch, std::uint32_t index) {
  const bool swapped = arch == Arch::kS390 || arch == Arch::kS390x;
  return syscall == "clone" && swapped && index < 2 ? 1 - index : index;
}

std::string Number(std::uint64_t value) {
  constexpr std::uint64_t kLargestDecimal = 4095;
  return value <= kLargestDecimal ? fmt::format("{}", value) : fmt::format("{:#x}", value);
}

// "CLONE_NEW{NS,USER}" of several names that begin alike, else joined by '|'.
std::string Joined(const std::vector<string_view>& names, FlagStyle style) {
  if (names.size() == 1) return std::string(names.front());
  string_view prefix = names.front();
  for (const string_view name : names) {
    const auto end = std::mismatch(prefix.begin(), prefix.end(), name.begin(), name.end()).first;
    prefix = prefix.substr(0, static_cast<std::size_t>(end - prefix.begin()));
  }
  constexpr std::size_t kUsefulPrefix = 5;
  const bool shared = style == FlagStyle::kBraces && prefix.size() >= kUsefulPrefix;
  std::string text = shared ? std::string(prefix) + "{" : std::string();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += shared ? "," : "|";
    text += shared ? names[i].substr(prefix.size()) : names[i];
  }
  return shared ? text + "}" : text;
}

std::optional<std::uint64_t> ParseNumber(string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    return base::ParseInt<std::uint64_t>(text.substr(2), 16);
  }
  return base::ParseInt<std::uint64_t>(text);
}

}  // namespace

ArgumentFacts FactsOfArgument(string_view syscall, Arch arch, std::uint32_t index) {
  const std::uint32_t generic = GenericIndex(syscall, arch, index);
  for (const Argument& argument : kArguments) {
    if (argument.syscall == syscall && argument.index == generic) {
      return {.name = argument.name, .kind = argument.kind, .symbols = argument.symbols};
    }
  }
  return {};
}

std::optional<std::uint32_t> ArgumentIndex(string_view syscall, Arch arch, string_view name) {
  for (std::uint32_t index = 0; index < kArgumentCount; ++index) {
    if (name == fmt::format("arg{}", index)) return index;
  }
  for (const Argument& argument : kArguments) {
    if (argument.syscall == syscall && argument.name == name) {
      return GenericIndex(syscall, arch, argument.index);
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ParseArgumentValue(const ArgumentFacts& facts, string_view text) {
  std::uint64_t value = 0;
  for (const string_view piece : base::Split(text, '|')) {
    const string_view word = base::TrimSpace(piece);
    const auto symbol = std::find_if(facts.symbols.begin(), facts.symbols.end(),
                                     [word](const Symbol& known) { return known.name == word; });
    const auto number =
        symbol != facts.symbols.end() ? std::optional(symbol->value) : ParseNumber(word);
    if (!number) return std::nullopt;
    value |= *number;
  }
  return value;
}

std::string ArgumentValueText(const ArgumentFacts& facts, std::uint64_t value, FlagStyle style) {
  if (facts.kind == SymbolKind::kEnumeration) {
    const auto symbol = std::find_if(facts.symbols.begin(), facts.symbols.end(),
                                     [value](const Symbol& known) { return known.value == value; });
    return symbol != facts.symbols.end() ? std::string(symbol->name) : Number(value);
  }
  if (facts.kind == SymbolKind::kNone || value == 0) return Number(value);
  std::vector<string_view> names;
  std::uint64_t rest = value;
  for (const Symbol& flag : facts.symbols) {
    if ((rest & flag.value) != flag.value) continue;
    names.push_back(flag.name);
    rest &= ~flag.value;
  }
  if (names.empty()) return Number(value);
  std::string text = Joined(names, style);
  if (rest != 0) text += "|" + Number(rest);
  return text;
}

}  // namespace seccompd::seccomp
