// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/result.h"
#include "common/bpf/program.h"

namespace seccompd::bpf {

// Would the kernel load this filter? The rules of bpf_check_classic, check_load_and_stores
// (net/core/filter.c) and seccomp_check_filter (kernel/seccomp.c), which answer EINVAL; memory and
// stack limits (ENOMEM) are not judged. kInvalidArgument names the first instruction at fault.
[[nodiscard]] base::Result<void> Verify(const Program& program);

}  // namespace seccompd::bpf
