// SPDX-License-Identifier: Apache-2.0
#include "agent/confinement/confinement.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/bpf/compile.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Result;

// Newer than Debian 12's linux/landlock.h; values are ABI.
constexpr std::uint64_t kAccessTruncate = std::uint64_t{1} << 14;  // ABI 3, Linux 6.2
constexpr std::uint64_t kAccessIoctlDev = std::uint64_t{1} << 15;  // ABI 5, Linux 6.10
constexpr std::uint64_t kAccessBindTcp = 1;                        // ABI 4, Linux 6.7
constexpr std::uint64_t kScopeAll = 3;  // ABI 6, Linux 6.12: abstract unix sockets, signals
struct RulesetAttributes {
  std::uint64_t access_fs = 0;
  std::uint64_t access_net = 0;
  std::uint64_t scoped = 0;
};
static_assert(CAP_BPF < 64 && CAP_PERFMON < 64);

constexpr std::uint64_t Bit(int capability) { return std::uint64_t{1} << capability; }

base::Error Refused(std::string_view what) {
  const int error = errno;
  base::Error out = base::ErrnoError(error, what);
  out.code = ErrorCode::kUnavailable;
  return out;
}

// Everything that changes a file system or runs a program; reading stays.
std::uint64_t DeniedAccess(int abi) {
  std::uint64_t access =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
      LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
      LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
      LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (abi >= 2) access |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) access |= kAccessTruncate;
  if (abi >= 5) access |= kAccessIoctlDev;
  return access;
}

int LandlockAbi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 1 ? 0 : static_cast<int>(abi);  // not built in, not enabled, or refused by a profile
}

// Each kernel takes the attributes it knows (landlock_create_ruleset(2)).
Result<base::UniqueFd> MakeRuleset(int abi) {
  RulesetAttributes attributes{.access_fs = DeniedAccess(abi)};
  std::size_t size = sizeof(std::uint64_t);
  if (abi >= 4) {
    attributes.access_net = kAccessBindTcp;  // the listeners are open
    size = 2 * sizeof(std::uint64_t);
  }
  if (abi >= 6) {
    attributes.scoped = kScopeAll;
    size = sizeof(attributes);
  }
  base::UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return base::Fail(Refused("landlock_create_ruleset"));
  return ruleset;
}

Result<> RestrictFiles(std::span<const int> writable, Confinement* out) {
  const int abi = LandlockAbi();
  if (abi == 0) return {};
  TRY_ASSIGN(const base::UniqueFd ruleset, MakeRuleset(abi));
  for (const int directory : writable) {
    // Programs, devices and their ioctls are for nobody.
    landlock_path_beneath_attr rule{};
    rule.allowed_access = DeniedAccess(abi) & ~kAccessIoctlDev &
                          ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                         LANDLOCK_ACCESS_FS_MAKE_BLOCK};
    rule.parent_fd = directory;
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) !=
        0) {
      return base::Fail(Refused("landlock_add_rule"));
    }
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return base::Fail(Refused("landlock_restrict_self"));
  }
  out->landlock_abi = abi;
  out->signals_scoped = abi >= 6;
  return {};
}

Result<> SetCapabilities(std::uint64_t keep) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    // Needs CAP_SETPCAP, which the chart does not give; without execve the set grants nothing.
    if ((keep & Bit(capability)) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // needs Linux 4.3
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return base::Fail(Refused("capget"));
  sets[0].permitted &= static_cast<std::uint32_t>(keep);
  sets[1].permitted &= static_cast<std::uint32_t>(keep >> 32);
  for (__user_cap_data_struct& half : sets) {
    half.effective = half.permitted;
    half.inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return base::Fail(Refused("capset"));
  return {};
}

Confinement ReadBack(Confinement out) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) == 0) {
    out.capabilities = sets[0].permitted | std::uint64_t{sets[1].permitted} << 32;
  }
  for (int capability = 0; capability < 64; ++capability) {
    const int present = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (present < 0) break;
    if (present == 1) out.bounding |= Bit(capability);
  }
  return out;
}

// Landlock and the capability sets are a thread's own: another one would keep what it has.
Result<> RequireOneThread() {
  std::error_code error;
  std::size_t threads = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/task", error), end;
       !error && entry != end; entry.increment(error)) {
    ++threads;
  }
  if (threads <= 1) return {};  // 0: no /proc of our own to look at
  return base::Fail(ErrorCode::kInternal,
                    fmt::format("{} threads run already, only one can be confined", threads));
}

Result<> LoadFilter(const bpf::Program& program) {
  static_assert(sizeof(bpf::Instruction) == sizeof(sock_filter));
  std::vector<sock_filter> instructions(program.size());
  for (std::size_t i = 0; i < program.size(); ++i) {
    instructions[i] = std::bit_cast<sock_filter>(program[i]);
  }
  const sock_fprog filter{.len = static_cast<unsigned short>(instructions.size()),
                          .filter = instructions.data()};
  const long failed =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (failed > 0) {
    return base::Fail(ErrorCode::kUnavailable,
                      fmt::format("seccomp: thread {} cannot take the filter", failed));
  }
  if (failed != 0) return base::Fail(Refused("seccomp"));
  return {};
}

}  // namespace

Result<Confinement> Confine(const ConfinementPlan& plan) {
  if (plan.mode == ConfinementMode::kOff) return ReadBack({});
  TRY(RequireOneThread());
  // Compiled first: libseccomp asks the kernel things that the filter would refuse, once.
  const seccomp::Profile profile = OwnProfile(
      {.role = plan.role, .pid = ::getpid(), .kill = plan.mode == ConfinementMode::kKill});
  TRY_ASSIGN(const bpf::Program program, bpf::Compile(profile, seccomp::NativeArch()));

  Confinement out;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return base::Fail(Refused("prctl(PR_SET_NO_NEW_PRIVS)"));
  }
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return base::Fail(Refused("prctl(PR_SET_DUMPABLE)"));
  }
  TRY(RestrictFiles(plan.writable, &out));
  TRY(SetCapabilities(plan.keep_bpf ? Bit(CAP_BPF) | Bit(CAP_PERFMON) : 0));
  out = ReadBack(out);
  TRY(LoadFilter(program));
  out.filter = true;
  return out;
}

int KernelLandlockAbi() { return LandlockAbi(); }

std::string_view ConfinementModeName(ConfinementMode mode) {
  switch (mode) {
    case ConfinementMode::kOff:
      return "off";
    case ConfinementMode::kOn:
      return "on";
    case ConfinementMode::kKill:
      return "kill";
  }
  return "on";
}

std::string CapabilityNames(std::uint64_t set) {
  if (set == 0) return "none";
  std::vector<std::string> names;
  for (int capability = 0; capability < 64; ++capability) {
    if ((set & Bit(capability)) == 0) continue;
    names.push_back(capability == CAP_BPF       ? "CAP_BPF"
                    : capability == CAP_PERFMON ? "CAP_PERFMON"
                                                : std::to_string(capability));
  }
  return base::Join(names, ",");
}

std::string Describe(const Confinement& confinement) {
  std::string out = "caps " + CapabilityNames(confinement.capabilities);
  out += confinement.filter ? ", own filter" : ", no filter of its own";
  if (confinement.landlock_abi == 0) {
    out += ", no Landlock";
  } else {
    out += fmt::format(", Landlock {}{}", confinement.landlock_abi,
                       confinement.signals_scoped ? " with signals" : "");
  }
  return out;
}

Result<ConfinementMode> ParseConfinementMode(std::string_view value) {
  if (value == "on") return ConfinementMode::kOn;
  if (value == "off") return ConfinementMode::kOff;
  if (value == "kill") return ConfinementMode::kKill;
  return base::Fail(ErrorCode::kInvalidArgument,
                    fmt::format("--confinement '{}': use on, off or kill", base::Printable(value)));
}

}  // namespace seccompd::agent
