// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace seccompd::bpf {

// SECCOMP_RET_* (include/uapi/linux/seccomp.h): the action in the upper 16 bits of what a filter
// returns, its data in the lower 16.
inline constexpr std::uint32_t kRetKillProcess = 0x80000000;
inline constexpr std::uint32_t kRetKillThread = 0x00000000;
inline constexpr std::uint32_t kRetTrap = 0x00030000;
inline constexpr std::uint32_t kRetErrno = 0x00050000;
inline constexpr std::uint32_t kRetUserNotif = 0x7fc00000;
inline constexpr std::uint32_t kRetTrace = 0x7ff00000;
inline constexpr std::uint32_t kRetLog = 0x7ffc0000;
inline constexpr std::uint32_t kRetAllow = 0x7fff0000;
inline constexpr std::uint32_t kRetActionMask = 0xffff0000;
inline constexpr std::uint32_t kRetDataMask = 0x0000ffff;
inline constexpr std::uint32_t kMaxErrno = 4095;
inline constexpr std::uint32_t kEnosys = 38;

// The order in which the kernel chooses among stacked filters: the lowest wins (ACTION_ONLY in
// kernel/seccomp.c, a signed comparison).
constexpr std::int32_t Precedence(std::uint32_t value) {
  return static_cast<std::int32_t>(value & kRetActionMask);
}

// The value that stands for everything the kernel treats like `value`: data only for ERRNO (at most
// 4095) and TRACE, an unknown action is KILL_PROCESS (__seccomp_filter in kernel/seccomp.c). TRAP's
// data reaches the signal handler as si_errno but refuses all the same, so it is dropped.
std::uint32_t Normalize(std::uint32_t value);

// Like Normalize, but an unknown action keeps its place in the order of precedence: what one filter
// of a stack must be reduced to before it is combined with the others.
std::uint32_t NormalizeInStack(std::uint32_t value);

// How far a return value lets the call go. A supervisor outside the container decides NOTIFY; a
// tracer decides TRACE, and that may be the workload itself; ERRNO(0) pretends success but runs
// nothing.
enum class Permission : std::uint8_t { kRefused, kSupervised, kTraced, kPermitted };
Permission PermissionOf(std::uint32_t value);

}  // namespace seccompd::bpf
