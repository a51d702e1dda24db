// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "common/bpf/decide.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/profile.h"

namespace seccompd::bpf {

// Words of a profile as sets of inputs, read from the text and not from a compiled filter.

// This system call on this architecture, with any arguments.
[[nodiscard]] base::Result<Region> CallRegion(Workspace& workspace, seccomp::Arch arch,
                                              std::uint32_t number);

// One condition: of the low half of the argument alone if `narrow` (a value with more bits is then
// never reached), else of all 64 bits.
[[nodiscard]] base::Result<Region> ConditionRegion(Workspace& workspace,
                                                   const seccomp::ArgCondition& condition,
                                                   bool narrow);

}  // namespace seccompd::bpf
