// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/seccomp/arch.h"

namespace seccompd::seccomp {

// Calls that container escapes and kernel exploits start with; the built-in checks name the same
// ones.
std::span<const std::string_view> CriticalSyscalls();

// CLONE_NEW*: what makes clone() and unshare() critical (include/uapi/linux/sched.h).
inline constexpr std::uint64_t kNamespaceFlags = 0x7e020000;

// What runc and crun call between loading the filter and execve() of the container's program, plus
// what every program ends with. With allowPrivilegeEscalation: false the filter is loaded last and
// the first list is enough; otherwise the second is needed too (measured with runc 1.1 and
// crun 1.8).
std::span<const std::string_view> StartupSyscalls();
std::span<const std::string_view> StartupSyscallsWithPrivileges();

// Bit i is set if the kernel takes argument i as a 32-bit value (int, unsigned, pid_t, uid_t, fd):
// SYSCALL_DEFINE in the kernel. 0 for calls that are not in the table.
std::uint32_t NarrowArguments(std::string_view syscall);

// Is this a call that 32-bit architectures also reach through socketcall(2) or ipc(2), where a
// filter cannot see its arguments?
bool IsMultiplexed(std::string_view syscall);
// An architecture with socketcall(2) or ipc(2).
bool Multiplexes(Arch arch);

// Does libseccomp compare all 64 bits of an argument on it?
bool Is64Bit(Arch arch);

}  // namespace seccompd::seccomp
