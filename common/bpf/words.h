// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/bpf/condition.h"
#include "common/bpf/explain.h"
#include "common/seccomp/arch.h"

namespace seccompd::bpf {

// Whose arguments are spoken of. An unknown syscall ("") gives "arg0" and numbers.
struct CallName {
  std::string_view syscall;
  seccomp::Arch arch = seccomp::Arch::kX86_64;
};

// "domain == AF_ALG", "flags has any of CLONE_NEW{NS,USER}", "low32(domain) in 0..37": as exact as
// ToText, with names of arguments and values. low32() says that the filter looks at the low half
// only; without it all 64 bits are compared.
std::string InWords(const ArgTest& test, const CallName& call);
std::string InWords(const Condition& condition, const CallName& call);

// "ERRNO(1)", "ALLOW".
std::string ActionText(std::uint32_t value);

// What happens in all cases, as a sentence: "ALLOW", "ALLOW unless flags has any of CLONE_NEWNS:
// ERRNO(1)", "ALLOW if persona == 0, else ERRNO(1)".
std::string InWords(std::span<const Outcome> outcomes, const CallName& call);

}  // namespace seccompd::bpf
