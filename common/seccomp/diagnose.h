// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "common/seccomp/diagnostic.h"
#include "common/seccomp/node_facts.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::seccomp {

// ParseProfile and Diagnose in one go, with every diagnostic's line and column: what a caller wants
// for a text of a user. Docker's fields are resolved for the node. The profile is present exactly
// when no diagnostic is an error.
[[nodiscard]] ParsedProfile CheckProfile(std::string_view text, const SyscallTable& table,
                                         const NodeFacts& node, const ProfileLimits& limits = {});
[[nodiscard]] ParsedProfile CheckProfile(const document::Node& document, const SyscallTable& table,
                                         const NodeFacts& node, const ProfileLimits& limits = {});

// Findings about the meaning of a well-formed profile that need no compiled filter; conflicting
// rules are the only error among them. `table` says which names exist on the node; it should hold
// every architecture, so that a misspelt name can be told from a foreign one. Lines are unknown
// here.
[[nodiscard]] std::vector<Diagnostic> Diagnose(const Profile& profile, const SyscallTable& table,
                                               const NodeFacts& node);

}  // namespace seccompd::seccomp
