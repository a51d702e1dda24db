// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "common/seccomp/diagnostic.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::seccomp {

// Facts of the node that will load the profile, as a value.
struct NodeFacts {
  Arch arch = NativeArch();
  std::uint32_t kernel_major = 0;  // 0: unknown, every kernel condition is taken as true
  std::uint32_t kernel_minor = 0;
};

// Findings about the meaning of a well-formed profile that need no compiled filter (design section 6).
[[nodiscard]] std::vector<Diagnostic> Diagnose(const Profile& profile, const SyscallTable& table,
                                               const NodeFacts& node);

}  // namespace seccompd::seccomp
