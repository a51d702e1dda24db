// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace seccompd::seccomp {

// SECCOMP_RET_* without data, in the kernel's order of precedence, most restrictive first
// (seccomp(2); include/uapi/linux/seccomp.h).
enum class ActionKind : std::uint8_t {
  kKillProcess,
  kKillThread,
  kTrap,
  kErrno,
  kNotify,
  kTrace,
  kLog,
  kAllow,
};

// What a rule or a default decides. `data` is the errno of kErrno, the message of kTrace, else 0.
struct Action {
  ActionKind kind = ActionKind::kKillProcess;
  std::uint16_t data = 0;

  bool operator==(const Action&) const = default;
};

// "SCMP_ACT_ERRNO" and so on (OCI runtime-spec, config-linux.md "Seccomp"). SCMP_ACT_KILL is an
// alias of SCMP_ACT_KILL_THREAD; the canonical spelling is the longer one.
std::optional<ActionKind> ActionFromOci(std::string_view name);
std::string_view OciName(ActionKind kind);

// "ERRNO(1)", "ALLOW": as our tables print it.
std::string DisplayName(Action action);

// The 32-bit return value of a BPF program and back; the way back applies the kernel's rules: ERRNO
// is capped at 4095, unknown actions are KILL_PROCESS, data of the others is dropped
// (kernel/seccomp.c).
std::uint32_t ToReturnValue(Action action);
Action FromReturnValue(std::uint32_t value);

// Does this kind carry data (ERRNO and TRACE only)?
constexpr bool HasData(ActionKind kind) {
  return kind == ActionKind::kErrno || kind == ActionKind::kTrace;
}

}  // namespace seccompd::seccomp
