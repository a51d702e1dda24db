// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/runtime_default.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "common/base/strings.h"
#include "common/seccomp/runtime_default_names.h"

namespace seccompd::seccomp {
namespace {

using std::string_view;

// Flags of clone(2) that make namespaces; containerd allows the call where none is set.
constexpr std::uint64_t kCloneNamespaces = 0x7E020000;
constexpr std::uint64_t kAfAlg = 38;
constexpr std::uint64_t kAfVsock = 40;
constexpr std::uint32_t kEnosys = 38;

struct VersionRange {
  ContainerdDefault which;
  int major, minor, first_patch, last_patch;
  string_view display;
};
constexpr int kAnyPatch = 1'000'000;
// In ascending order within a minor version, so that "1.7" finds its newest.
constexpr std::array<VersionRange, 11> kVersions = {{
    {ContainerdDefault::k1_6_28, 1, 6, 28, 39, "containerd 1.6.28-1.6.39"},
    {ContainerdDefault::k1_7_3, 1, 7, 3, 12, "containerd 1.7.3-1.7.12"},
    {ContainerdDefault::k1_7_13, 1, 7, 13, 31, "containerd 1.7.13-1.7.31"},
    {ContainerdDefault::k1_7_32, 1, 7, 32, 34, "containerd 1.7.32-1.7.34"},
    {ContainerdDefault::k2_0_0, 2, 0, 0, 8, "containerd 2.0.0-2.0.8, 2.1"},
    {ContainerdDefault::k2_0_9, 2, 0, 9, 11, "containerd 2.0.9-2.0.11"},
    {ContainerdDefault::k2_0_0, 2, 1, 0, 9, ""},
    {ContainerdDefault::k2_2_0, 2, 2, 0, 3, "containerd 2.2.0-2.2.3, 2.3.0"},
    {ContainerdDefault::k2_2_4, 2, 2, 4, kAnyPatch, "containerd 2.2.4+, 2.3.1+"},
    {ContainerdDefault::k2_2_0, 2, 3, 0, 0, ""},
    {ContainerdDefault::k2_2_4, 2, 3, 1, kAnyPatch, ""},
}};

constexpr std::array<ContainerdDefault, 8> kAll = {
    ContainerdDefault::k1_6_28, ContainerdDefault::k1_7_3, ContainerdDefault::k1_7_13,
    ContainerdDefault::k1_7_32, ContainerdDefault::k2_0_0, ContainerdDefault::k2_0_9,
    ContainerdDefault::k2_2_0,  ContainerdDefault::k2_2_4};

// Collects rules in containerd's order.
class Builder {
 public:
  void Allow(std::initializer_list<string_view> names, std::vector<ArgCondition> args = {}) {
    SyscallRule rule{
        .names = {}, .action = ActionKind::kAllow, .errno_ret = {}, .args = std::move(args)};
    rule.names.assign(names.begin(), names.end());
    rules_.push_back(std::move(rule));
  }
  void AllowIf(string_view name, CompareOp op, std::uint64_t value) {
    Allow({name}, {{.index = 0, .op = op, .value = value, .value_two = 0}});
  }
  void Add(SyscallRule rule) { rules_.push_back(std::move(rule)); }
  std::vector<SyscallRule> Take() { return std::move(rules_); }

 private:
  std::vector<SyscallRule> rules_;
};

template <std::size_t N>
void Append(std::vector<std::string>& names, const std::array<string_view, N>& more) {
  names.insert(names.end(), more.begin(), more.end());
}

bool Before20(ContainerdDefault version) { return version < ContainerdDefault::k2_0_0; }

SyscallRule BaseRule(ContainerdDefault version) {
  namespace lists = runtime_default_names;
  SyscallRule rule;
  Append(rule.names, lists::kAlways);
  if (version != ContainerdDefault::k1_7_3) Append(rule.names, lists::kNotIn173);
  if (version >= ContainerdDefault::k2_2_0) Append(rule.names, lists::kSince22);
  if (Before20(version)) Append(rule.names, lists::kIoUring);
  if (version == ContainerdDefault::k1_6_28) rule.names.emplace_back("socket");
  return rule;
}

void AddSocketRules(ContainerdDefault version, Builder& out) {
  switch (version) {
    case ContainerdDefault::k1_6_28:
      return;  // in the base list
    case ContainerdDefault::k1_7_3:
    case ContainerdDefault::k1_7_13:
    case ContainerdDefault::k2_0_0:
    case ContainerdDefault::k2_2_0:
      out.AllowIf("socket", CompareOp::kNe, kAfVsock);
      return;
    case ContainerdDefault::k1_7_32:
    case ContainerdDefault::k2_0_9:
    case ContainerdDefault::k2_2_4:
      out.AllowIf("socket", CompareOp::kLt, kAfAlg);
      out.AllowIf("socket", CompareOp::kEq, kAfAlg + 1);
      out.AllowIf("socket", CompareOp::kGt, kAfVsock);
      return;
  }
}

void AddArchRules(ContainerdDefault version, Arch arch, Builder& out) {
  switch (arch) {
    case Arch::kPpc64le:
      return out.Allow({"sync_file_range2", "swapcontext"});
    case Arch::kArm:
    case Arch::kAarch64:
      return out.Allow({"arm_fadvise64_64", "arm_sync_file_range", "sync_file_range2", "breakpoint",
                        "cacheflush", "set_tls"});
    case Arch::kX86_64:
      return out.Allow({"arch_prctl", "modify_ldt"});
    case Arch::kX86:
      return out.Allow({"modify_ldt"});
    case Arch::kS390:
    case Arch::kS390x:
      return out.Allow({"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"});
    case Arch::kRiscv64:
      if (version >= ContainerdDefault::k2_2_0) {
        return out.Allow({"riscv_flush_icache", "riscv_hwprobe"});
      }
      return out.Allow({"riscv_flush_icache"});
    default:
      return;
  }
}

void AddCapabilityRules(ContainerdDefault version, string_view cap, Builder& out) {
  if (cap == "CAP_DAC_READ_SEARCH") out.Allow({"open_by_handle_at"});
  if (cap == "CAP_SYS_ADMIN") {
    out.Allow({"bpf",           "clone",         "clone3",      "fanotify_init",   "fsconfig",
               "fsmount",       "fsopen",        "fspick",      "lookup_dcookie",  "mount",
               "mount_setattr", "move_mount",    "open_tree",   "perf_event_open", "quotactl",
               "quotactl_fd",   "setdomainname", "sethostname", "setns",           "syslog",
               "umount",        "umount2",       "unshare"});
  }
  if (cap == "CAP_SYS_BOOT") out.Allow({"reboot"});
  if (cap == "CAP_SYS_CHROOT") out.Allow({"chroot"});
  if (cap == "CAP_SYS_MODULE") out.Allow({"delete_module", "init_module", "finit_module"});
  if (cap == "CAP_SYS_PACCT") out.Allow({"acct"});
  if (cap == "CAP_SYS_PTRACE") {
    out.Allow({"kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev",
               "ptrace"});
  }
  if (cap == "CAP_SYS_RAWIO") out.Allow({"iopl", "ioperm"});
  if (cap == "CAP_SYS_TIME")
    out.Allow({"settimeofday", "stime", "clock_settime", "clock_settime64"});
  if (cap == "CAP_SYS_TTY_CONFIG") out.Allow({"vhangup"});
  if (cap == "CAP_SYS_NICE") {
    if (version == ContainerdDefault::k1_7_3) {
      out.Allow({"get_mempolicy", "mbind", "set_mempolicy"});
    } else {
      out.Allow({"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"});
    }
  }
  if (cap == "CAP_SYSLOG") out.Allow({"syslog"});
  if (cap == "CAP_BPF") out.Allow({"bpf"});
  if (cap == "CAP_PERFMON") out.Allow({"perf_event_open"});
}

// Without CAP_SYS_ADMIN: clone(2) only without namespaces, clone3(2) not at all, since its flags
// are behind a pointer.
void AddCloneRules(Arch arch, Builder& out) {
  const bool flags_second = arch == Arch::kS390 || arch == Arch::kS390x;
  out.Allow({"clone"}, {{.index = flags_second ? 1U : 0U,
                         .op = CompareOp::kMaskedEq,
                         .value = kCloneNamespaces,
                         .value_two = 0}});
  out.Add({.names = {"clone3"}, .action = ActionKind::kErrno, .errno_ret = kEnosys, .args = {}});
}

std::vector<Arch> Architectures(Arch arch) {
  switch (arch) {
    case Arch::kX86_64:
      return {Arch::kX86_64, Arch::kX86, Arch::kX32};
    case Arch::kAarch64:
      return {Arch::kArm, Arch::kAarch64};
    case Arch::kS390x:
      return {Arch::kS390, Arch::kS390x};
    case Arch::kRiscv64:
      return {Arch::kRiscv64};
    case Arch::kMips64:
      return {Arch::kMips, Arch::kMips64, Arch::kMips64N32};
    default:
      return {};
  }
}

void TakePrefix(string_view& text, string_view prefix) {
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
}

// The leading digits of `text`, which it loses.
std::optional<int> TakeNumber(string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = base::ParseInt<std::uint16_t>(text.substr(0, digits));
  text.remove_prefix(digits);
  if (!number) return std::nullopt;
  return *number;
}

}  // namespace

std::span<const ContainerdDefault> AllContainerdDefaults() { return kAll; }

string_view DisplayName(ContainerdDefault version) {
  for (const VersionRange& range : kVersions) {
    if (range.which == version && !range.display.empty()) return range.display;
  }
  return "";
}

std::optional<ContainerdDefault> ContainerdDefaultOf(string_view version) {
  TakePrefix(version, "containerd");
  TakePrefix(version, "://");
  TakePrefix(version, "-");
  TakePrefix(version, "v");
  const auto major = TakeNumber(version);
  if (!major || !version.starts_with('.')) return std::nullopt;
  version.remove_prefix(1);
  const auto minor = TakeNumber(version);
  if (!minor) return std::nullopt;
  std::optional<int> patch;
  if (version.starts_with('.')) {
    version.remove_prefix(1);
    patch = TakeNumber(version);
    if (!patch) return std::nullopt;
  } else if (!version.empty()) {
    return std::nullopt;
  }
  std::optional<ContainerdDefault> found;
  for (const VersionRange& range : kVersions) {
    if (range.major != *major || range.minor != *minor) continue;
    if (!patch || (*patch >= range.first_patch && *patch <= range.last_patch)) found = range.which;
  }
  return found;
}

Profile ContainerdDefaultProfile(ContainerdDefault version, const NodeFacts& node,
                                 std::span<const string_view> capabilities) {
  Builder rules;
  rules.Add(BaseRule(version));
  AddSocketRules(version, rules);
  for (const std::uint64_t persona : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU}) {
    rules.AllowIf("personality", CompareOp::kEq, persona);
  }
  if (node.KernelAtLeast(4, 8)) {
    if (version == ContainerdDefault::k1_6_28) {
      rules.Allow({"ptrace"});
    } else {
      rules.Allow({"process_vm_readv", "process_vm_writev", "ptrace"});
    }
  }
  AddArchRules(version, node.arch, rules);
  for (const string_view cap : capabilities) AddCapabilityRules(version, cap, rules);
  if (std::find(capabilities.begin(), capabilities.end(), "CAP_SYS_ADMIN") == capabilities.end()) {
    AddCloneRules(node.arch, rules);
  }
  Profile profile;
  profile.default_action = ActionKind::kErrno;
  profile.architectures = Architectures(node.arch);
  profile.syscalls = rules.Take();
  return profile;
}

}  // namespace seccompd::seccomp
