// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/bpf/compare.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::audit {

// The one difference that says most, for people, and how many others there are:
// "permits socket(low32(arg0) == 38) on x86_64: ALLOW instead of ERRNO(97); 3 more". Weaker before
// others, the native architecture before others, a call that is always decided differently before
// one that sometimes is, a known name before a number. "" without a difference.
std::string DifferenceWords(const bpf::Comparison& comparison, const seccomp::SyscallTable& table,
                            seccomp::Arch native);

}  // namespace seccompd::audit
