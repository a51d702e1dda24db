// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/seccomp/syscall_table.h"

namespace seccompd::seccomp {

// The table of the libseccomp that this binary is linked with
// (seccomp_syscall_resolve_num_arch(3)), for the native architecture and its compat ones, or for
// every architecture. Its own target: the rest of seccomp/ does not link libseccomp.
SyscallTable LoadLibseccompTable(bool all_archs = false);

}  // namespace seccompd::seccomp
