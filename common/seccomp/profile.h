// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/seccomp/action.h"
#include "common/seccomp/arch.h"

namespace seccompd::seccomp {

// Comparison of one argument; names as in OCI ("SCMP_CMP_EQ"), meaning as in seccomp_rule_add(3).
enum class CompareOp : std::uint8_t { kNe, kLt, kLe, kEq, kGe, kGt, kMaskedEq };

// SCMP_CMP_MASKED_EQ is (argument & value) == value_two; the others ignore value_two.
struct ArgCondition {
  std::uint32_t index = 0;  // 0..5
  CompareOp op = CompareOp::kEq;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;

  bool operator==(const ArgCondition&) const = default;
};

// One element of `syscalls`. Conditions on different indexes are ANDed; if any index is repeated,
// the runtimes OR *all* of them (runc libcontainer/seccomp, crun src/libcrun/seccomp.c).
struct SyscallRule {
  std::vector<std::string> names{};
  ActionKind action = ActionKind::kAllow;
  std::optional<std::uint32_t> errno_ret{};  // absent: EPERM
  std::vector<ArgCondition> args{};

  bool operator==(const SyscallRule&) const = default;
};

enum class FilterFlag : std::uint8_t { kTsync, kLog, kSpecAllow, kWaitKillableRecv };

// linux.seccomp of an OCI bundle, resolved: no condition is left to the runtime.
struct Profile {
  ActionKind default_action = ActionKind::kErrno;
  std::optional<std::uint32_t> default_errno_ret{};
  std::vector<Arch> architectures{};               // empty: only the native one
  std::optional<std::vector<FilterFlag>> flags{};  // absent: the runtime's default (SPEC_ALLOW)
  std::string listener_path{};
  std::string listener_metadata{};
  std::vector<SyscallRule> syscalls{};

  bool operator==(const Profile&) const = default;
};

// OCI spelling of operators and flags; nullopt for an unknown one.
std::optional<CompareOp> CompareOpFromOci(std::string_view name);
std::string_view OciName(CompareOp op);
std::optional<FilterFlag> FilterFlagFromOci(std::string_view name);
std::string_view OciName(FilterFlag flag);

// The action with its data as the runtimes load it: absent errnoRet is EPERM for ERRNO and TRACE.
Action EffectiveAction(ActionKind kind, std::optional<std::uint32_t> errno_ret);

}  // namespace seccompd::seccomp
