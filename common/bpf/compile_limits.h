// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/result.h"
#include "common/seccomp/profile.h"

namespace seccompd::bpf {

// Refuses what libseccomp 2.5 would take seconds to hours for, or corrupt its heap over: its
// generator is exponential in the conditions of one call (64 rules with two arguments run for
// minutes, unless they form a tree: then 500 take a tenth of a second), and up to 2.6.0 filters
// that do not fit are not handled safely (release notes of 2.6.1). Real profiles stay far below:
// containerd's default has five conditions on one call.
[[nodiscard]] base::Result<> CheckComplexity(const seccomp::Profile& profile);

}  // namespace seccompd::bpf
