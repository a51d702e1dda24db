// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/seccomp/arch.h"

namespace seccompd::seccomp {

// "EPERM" -> 1, with the numbers of include/uapi/asm-generic/errno*.h; nullopt for an unknown name
// and, beyond the first 34, on the architectures that number theirs otherwise (mips, parisc).
std::optional<std::uint32_t> ErrnoFromName(std::string_view name, Arch arch);

}  // namespace seccompd::seccomp
