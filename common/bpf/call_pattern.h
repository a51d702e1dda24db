// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/bpf/check.h"
#include "common/seccomp/arch.h"

namespace seccompd::bpf {

inline constexpr std::size_t kMaxPatternText = 512;  // bytes
inline constexpr std::size_t kMaxPatternArgs = 12;   // conditions

// One call as people write it, the condition that a check or a policy names:
//
//   mount                            any call
//   socket(AF_ALG)                   the first argument is AF_ALG
//   ioctl(*, TIOCSTI)                the second is; "*" or nothing: any
//   clone(flags has CLONE_NEWNS)     all of these bits are set
//   clone(flags has any CLONE_NEWNS|CLONE_NEWUSER)
//   mmap(prot lacks PROT_EXEC)       none of these bits is set
//   socket(domain != AF_UNIX, type & 0xf == 3)
//
// An argument is meant by its place, by "arg0" to "arg5" or by the name it has in
// seccomp/argument_facts.h; values are numbers or symbols of that argument, joined by '|'. All
// conditions must hold. `native` says where clone's flags are. The pattern's name is its canonical
// text. kInvalidArgument says what is not understood.
[[nodiscard]] base::Result<CallPattern> ParseCallPattern(std::string_view text,
                                                         seccomp::Arch native);

// Canonical: parsing it gives the same pattern (but for the name).
std::string ToText(const CallPattern& pattern, seccomp::Arch native);

}  // namespace seccompd::bpf
