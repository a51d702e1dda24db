// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/crio_default.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "common/base/strings.h"
#include "common/seccomp/crio_default_names.h"

namespace seccompd::seccomp {
namespace {

using std::string_view;

constexpr std::uint32_t kEperm = 1;
constexpr std::uint32_t kEinval = 22;
constexpr std::uint32_t kEnosys = 38;
constexpr std::uint64_t kAfNetlink = 16;
constexpr std::uint64_t kAfVsock = 40;
constexpr std::uint64_t kNetlinkAudit = 9;
// Flags of clone(2) that make namespaces: mount, UTS, IPC, user, PID, network, cgroup.
constexpr std::array<std::uint64_t, 7> kNamespaces = {
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x02000000};
constexpr std::uint64_t kAllNamespaces = 0x7E020000;

constexpr std::array<CrioDefault, 3> kAll = {CrioDefault::k1_26, CrioDefault::k1_32,
                                             CrioDefault::k1_36};

constexpr std::array<string_view, 9> kCapabilities = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_KILL"};

using Names = std::initializer_list<string_view>;

ArgCondition Is(std::uint32_t index, CompareOp op, std::uint64_t value) {
  return {.index = index, .op = op, .value = value, .value_two = 0};
}

// Collects rules in CRI-O's order; what its includes and excludes leave out is not added.
class Builder {
 public:
  Builder(CrioDefault version, Arch arch, std::span<const string_view> held)
      : version_(version), arch_(arch), held_(held) {}

  std::vector<SyscallRule> Build() && {
    AddLists();
    for (const std::uint64_t persona : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU}) {
      Allow({"personality"}, {Is(0, CompareOp::kEq, persona)});
    }
    AddArchRules();
    AddCapabilityRules();
    AddSocketRules();
    AddTracingRules();
    AddNamespaceRules();
    return std::move(rules_);
  }

 private:
  [[nodiscard]] bool Holds(string_view capability) const {
    return std::find(held_.begin(), held_.end(), capability) != held_.end();
  }
  [[nodiscard]] bool Since132() const { return version_ >= CrioDefault::k1_32; }
  [[nodiscard]] bool Since136() const { return version_ >= CrioDefault::k1_36; }

  void Add(ActionKind action, Names names, std::vector<ArgCondition> args,
           std::optional<std::uint32_t> errno_ret) {
    SyscallRule rule{
        .names = {}, .action = action, .errno_ret = errno_ret, .args = std::move(args)};
    rule.names.assign(names.begin(), names.end());
    rules_.push_back(std::move(rule));
  }
  void Allow(Names names, std::vector<ArgCondition> args = {}) {
    Add(ActionKind::kAllow, names, std::move(args), std::nullopt);
  }
  void Refuse(Names names, std::vector<ArgCondition> args = {}, std::uint32_t error = kEperm) {
    Add(ActionKind::kErrno, names, std::move(args), error);
  }
  // Allowed with the capability, EPERM without: named, so that it is not the default's ENOSYS.
  void Gate(string_view capability, Names names) {
    if (Holds(capability)) {
      Allow(names);
    } else {
      Refuse(names);
    }
  }

  void AddLists() {
    namespace lists = crio_default_names;
    SyscallRule refused{.action = ActionKind::kErrno, .errno_ret = kEperm};
    SyscallRule allowed{.action = ActionKind::kAllow};
    const auto append = [](SyscallRule& rule, const auto& names) {
      rule.names.insert(rule.names.end(), names.begin(), names.end());
    };
    append(refused, lists::kRefused);
    append(allowed, lists::kAlways);
    if (!Since132()) {
      append(refused, std::array<string_view, 1>{"swapcontext"});
      append(allowed, lists::kOnlyFirst);
      append(allowed, std::array<string_view, 2>{"clone", "clone3"});
    } else {
      append(refused, lists::kRefusedSince132);
      append(allowed, lists::kSince132);
    }
    if (version_ == CrioDefault::k1_32) {
      append(refused, std::array<string_view, 4>{"futex_requeue", "futex_wait", "futex_waitv",
                                                 "futex_wake"});
    }
    if (Since136()) append(allowed, lists::kSince136);
    rules_.push_back(std::move(refused));
    rules_.push_back(std::move(allowed));
  }

  void AddArchRules() {
    switch (arch_) {
      case Arch::kPpc64le:
        Allow({"sync_file_range2"});
        if (Since132()) Allow({"swapcontext"});
        return;
      case Arch::kArm:
      case Arch::kAarch64:
        return Allow({"arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush",
                      "set_tls", "sync_file_range2"});
      case Arch::kX86_64:
      case Arch::kX32:
        return Allow({"arch_prctl", "modify_ldt"});
      case Arch::kX86:
        return Allow({"modify_ldt"});
      case Arch::kS390:
      case Arch::kS390x:
        return Allow({"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"});
      case Arch::kRiscv64:
        if (Since132()) Allow({"riscv_flush_icache"});
        if (Since136()) Allow({"riscv_hwprobe"});
        return;
      default:
        return;
    }
  }

  void AddAdminRules() {
    const bool held = Holds("CAP_SYS_ADMIN");
    if (!Since132()) {
      return Gate("CAP_SYS_ADMIN", {"bpf", "fanotify_init", "lookup_dcookie", "perf_event_open",
                                    "quotactl", "setdomainname", "sethostname", "setns"});
    }
    Gate("CAP_SYS_ADMIN",
         {"lookup_dcookie", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns"});
    if (held) Allow({"bpf"});
    if (!Since136()) {
      Gate("CAP_SYS_ADMIN", {"fanotify_init"});
      if (!held) Refuse({"perf_event_open"});
    } else if (held) {
      Allow({"perf_event_open"});
    }
  }

  void AddCapabilityRules() {
    Gate("CAP_DAC_READ_SEARCH", {"open_by_handle_at"});
    AddAdminRules();
    Gate("CAP_SYS_CHROOT", {"chroot"});
    Gate("CAP_SYS_MODULE", {"delete_module", "finit_module", "init_module", "query_module"});
    Gate("CAP_SYS_PACCT", {"acct"});
    Gate("CAP_SYS_PTRACE", {"kcmp", "process_madvise"});
    Gate("CAP_SYS_RAWIO", {"ioperm", "iopl"});
    Gate("CAP_SYS_TIME", {"clock_settime", "clock_settime64", "settimeofday", "stime"});
    Gate("CAP_SYS_TTY_CONFIG", {"vhangup"});
  }

  void AddSocketRules() {
    const bool audit = Holds("CAP_AUDIT_WRITE");
    if (Since136()) Refuse({"socket"}, {Is(0, CompareOp::kEq, kAfVsock)});
    if (audit) {
      if (Since136()) return Allow({"socket"}, {Is(0, CompareOp::kNe, kAfVsock)});
      return Allow({"socket"});
    }
    Refuse({"socket"}, {Is(0, CompareOp::kEq, kAfNetlink), Is(2, CompareOp::kEq, kNetlinkAudit)},
           kEinval);
    if (Since136()) {
      Allow({"socket"}, {Is(0, CompareOp::kEq, kAfNetlink), Is(2, CompareOp::kNe, kNetlinkAudit)});
    } else {
      Allow({"socket"}, {Is(2, CompareOp::kNe, kNetlinkAudit)});
    }
    Allow({"socket"}, {Is(0, CompareOp::kNe, kAfNetlink)});
  }

  void AddTracingRules() {
    if (!Since132()) return;
    const bool admin = Holds("CAP_SYS_ADMIN");
    const bool bpf = Holds("CAP_BPF");
    const bool perfmon = Holds("CAP_PERFMON");
    if (!admin && !bpf) Refuse({"bpf"});
    if (bpf) Allow({"bpf"});
    // Before 1.36 it is CAP_BPF that spares this refusal.
    if (!admin && !(Since136() ? perfmon : bpf)) Refuse({"perf_event_open"});
    if (perfmon) Allow({"perf_event_open"});
  }

  void AddNamespaceRules() {
    const bool admin = Holds("CAP_SYS_ADMIN");
    if (!Since132()) {
      if (admin) Allow({"unshare"});
      return;
    }
    if (admin) Allow({"clone", "clone3", "unshare"});
    const std::uint32_t flags = arch_ == Arch::kS390 || arch_ == Arch::kS390x ? 1 : 0;
    Allow({"clone"}, {Is(flags, CompareOp::kMaskedEq, kAllNamespaces)});
    if (admin) return;
    std::vector<ArgCondition> any;  // one index again and again: any of them
    any.reserve(kNamespaces.size());
    for (const std::uint64_t flag : kNamespaces) {
      any.push_back({.index = flags, .op = CompareOp::kMaskedEq, .value = flag, .value_two = flag});
    }
    Refuse({"clone"}, std::move(any));
    Refuse({"clone3"}, {}, kEnosys);
  }

  CrioDefault version_;
  Arch arch_;
  std::span<const string_view> held_;
  std::vector<SyscallRule> rules_;
};

std::vector<Arch> Architectures(Arch arch) {
  switch (arch) {
    case Arch::kX86_64:
      return {Arch::kX86_64, Arch::kX86, Arch::kX32};
    case Arch::kAarch64:
      return {Arch::kAarch64, Arch::kArm};
    case Arch::kMips64:
      return {Arch::kMips64, Arch::kMips, Arch::kMips64N32};
    case Arch::kMips64N32:
      return {Arch::kMips64N32, Arch::kMips, Arch::kMips64};
    case Arch::kMipsel64:
      return {Arch::kMipsel64, Arch::kMipsel, Arch::kMipsel64N32};
    case Arch::kMipsel64N32:
      return {Arch::kMipsel64N32, Arch::kMipsel, Arch::kMipsel64};
    case Arch::kS390x:
      return {Arch::kS390x, Arch::kS390};
    default:
      return {};
  }
}

bool TakePrefix(string_view& text, string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "1.32.1" as 1 and 32.
std::optional<std::pair<int, int>> MajorAndMinor(string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == string_view::npos) return std::nullopt;
  const auto major = base::ParseInt<std::uint16_t>(text.substr(0, dot));
  text.remove_prefix(dot + 1);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto minor = base::ParseInt<std::uint16_t>(text.substr(0, digits));
  const string_view rest = text.substr(digits);
  if (!major || !minor || (!rest.empty() && rest[0] != '.')) return std::nullopt;
  return std::pair<int, int>(*major, *minor);
}

}  // namespace

std::span<const CrioDefault> AllCrioDefaults() { return kAll; }

string_view DisplayName(CrioDefault version) {
  switch (version) {
    case CrioDefault::k1_26:
      return "CRI-O 1.26-1.27";
    case CrioDefault::k1_32:
      return "CRI-O 1.32-1.34";
    case CrioDefault::k1_36:
      break;
  }
  return "CRI-O 1.36+";
}

bool NamesCrio(string_view version) {
  return version.starts_with("cri-o") || version.starts_with("crio");
}

std::optional<CrioDefault> CrioDefaultOf(string_view version) {
  if (!TakePrefix(version, "cri-o") && !TakePrefix(version, "crio")) return std::nullopt;
  if (!TakePrefix(version, "://") && !TakePrefix(version, "-")) return std::nullopt;
  TakePrefix(version, "v");
  const auto release = MajorAndMinor(version);
  if (!release || release->first != 1) return std::nullopt;
  const int minor = release->second;
  if (minor >= 26 && minor <= 27) return CrioDefault::k1_26;
  if (minor >= 32 && minor <= 34) return CrioDefault::k1_32;
  if (minor >= 36) return CrioDefault::k1_36;
  return std::nullopt;
}

std::span<const string_view> CrioCapabilities() { return kCapabilities; }

Profile CrioDefaultProfile(CrioDefault version, Arch arch,
                           std::span<const string_view> capabilities) {
  Profile profile;
  profile.default_action = ActionKind::kErrno;
  profile.default_errno_ret = kEnosys;
  profile.architectures = Architectures(arch);
  profile.syscalls = Builder(version, arch, capabilities).Build();
  return profile;
}

}  // namespace seccompd::seccomp
