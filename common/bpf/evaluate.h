// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "common/bpf/program.h"

namespace seccompd::bpf {

// What one verified filter returns, exactly as the kernel's interpreter and JIT compute it. The
// program must have passed Verify; of another one the result is KILL_PROCESS or arbitrary, but the
// call is safe and ends.
std::uint32_t Evaluate(const Program& program, const SeccompData& data);

// What the kernel makes of all filters of a task, oldest first: the lowest Precedence wins, the
// newest filter among equals. The raw value; Normalize it before comparing. No filter means ALLOW.
std::uint32_t EvaluateStack(const Stack& stack, const SeccompData& data);

// One ALU operation (an opcode's upper four bits, NEG ignores `operand`); nullopt where the kernel
// ends the filter with 0: division by an X of 0.
std::optional<std::uint32_t> Calculate(std::uint16_t operation, std::uint32_t a,
                                       std::uint32_t operand);

}  // namespace seccompd::bpf
