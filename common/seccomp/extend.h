// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
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

// What the base's filter gives a system call with these arguments; nullopt if it cannot be told.
using BaseDecision = std::function<std::optional<Action>(std::string_view syscall,
                                                         const std::array<std::uint64_t, 6>& args)>;

// The base with the rules of `extension` in force over it: for every system call that it names, the
// base's rules are rewritten into pairwise disjoint conditions that leave out what the extension
// decides; a tree of them, where they look at several arguments. Arguments that the kernel takes as
// int are compared by their low 32 bits, in both. Where rules of the base overlap, libseccomp has
// chosen one: `decides` is asked which. What rules cannot express is an error. The result still has
// to be proven (bpf/prove_extension.h).
[[nodiscard]] ParsedProfile Extend(const Profile& base, const Profile& extension,
                                   const BaseDecision& decides = {});

// "errnoRet: 38 (ENOSYS)": an error that is not this action, as a rule would name it.
[[nodiscard]] std::string_view OtherError(Action action);

}  // namespace seccompd::seccomp
