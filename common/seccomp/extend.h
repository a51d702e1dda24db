// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "common/seccomp/diagnose.h"

namespace seccompd::seccomp {

// A profile that extends `base` (the annotation seccompd.io/base), read as CheckProfile does, but
// what it does not say is the base's: default action, architectures, flags, listener. It may only
// repeat the first two, since they decide inputs that its rules do not name. Findings about its
// rules alone; what the result permits is the base's matter.
[[nodiscard]] ParsedProfile CheckExtension(const document::Node& document, const Profile& base,
                                           const SyscallTable& table, const NodeFacts& node,
                                           const ProfileLimits& limits = {});
[[nodiscard]] ParsedProfile CheckExtension(std::string_view text, const Profile& base,
                                           const SyscallTable& table, const NodeFacts& node,
                                           const ProfileLimits& limits = {});

// The base with the rules of `extension` in force over it: for every system call that it names, the
// base's rules are rewritten into pairwise disjoint conditions that leave out what the extension
// decides. Arguments that the kernel takes as int are compared by their low 32 bits, in both. What
// rules cannot express is an error. The result still has to be proven (bpf/prove_extension.h).
[[nodiscard]] ParsedProfile Extend(const Profile& base, const Profile& extension);

}  // namespace seccompd::seccomp
