// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/decide.h"
#include "common/bpf/program.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/node_facts.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

using CompileFunction = std::function<base::Result<Program>(const seccomp::Profile&)>;

// The part of a profile in which text and filter can disagree: the calls with conditions. Their
// rules in file order, all of them; libseccomp decides each call by itself.
[[nodiscard]] seccomp::Profile ConditionalPart(const seccomp::Profile& profile);

// What the text says, for all inputs: the first rule that matches, else the default, on every
// architecture that is listed; conditions as written, all of them at once. A filter that kills
// other architectures is no difference here (it has a warning of its own).
[[nodiscard]] base::Result<Diagram> PlainMeaning(Workspace& workspace,
                                                 const seccomp::Profile& profile,
                                                 seccomp::Arch native,
                                                 const seccomp::SyscallTable& table);

// A warning for every call that the compiled filter decides otherwise than the text reads, found by
// comparing the two for all inputs, with a witness; calls that Diagnose already explains are left
// out. Nothing if the comparison is undecided or libseccomp refuses the profile.
[[nodiscard]] std::vector<seccomp::Diagnostic> TextDifferences(Workspace& workspace,
                                                               const seccomp::Profile& profile,
                                                               const seccomp::SyscallTable& table,
                                                               const seccomp::NodeFacts& node,
                                                               const CompileFunction& compile);

}  // namespace seccompd::bpf
