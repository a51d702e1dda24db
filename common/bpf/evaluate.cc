// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/evaluate.h"

#include <array>
#include <optional>

#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"

namespace seccompd::bpf {
namespace {

constexpr std::uint32_t kShiftMask = 31;  // eBPF's 32-bit shifts, interpreter and JITs alike

struct Machine {
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  std::array<std::uint32_t, kMemoryWords> memory{};
};

// The ALU result, or nullopt where the kernel ends the filter (division by an X of 0).
std::optional<std::uint32_t> Compute(std::uint16_t operation, std::uint32_t a,
                                     std::uint32_t operand) {
  switch (operation) {
    case kAddK& kOperationMask:
      return a + operand;
    case kSubK& kOperationMask:
      return a - operand;
    case kMulK& kOperationMask:
      return a * operand;
    case kDivK& kOperationMask:
      if (operand == 0) return std::nullopt;
      return a / operand;
    case kOrK& kOperationMask:
      return a | operand;
    case kAndK& kOperationMask:
      return a & operand;
    case kLshK& kOperationMask:
      return a << (operand & kShiftMask);
    case kRshK& kOperationMask:
      return a >> (operand & kShiftMask);
    case kXorK& kOperationMask:
      return a ^ operand;
    default:  // NEG
      return 0U - a;
  }
}

bool Holds(std::uint16_t operation, std::uint32_t a, std::uint32_t operand) {
  switch (operation) {
    case kJeqK& kOperationMask:
      return a == operand;
    case kJgtK& kOperationMask:
      return a > operand;
    case kJgeK& kOperationMask:
      return a >= operand;
    default:  // JSET
      return (a & operand) != 0;
  }
}

// Loads, stores and moves; false for any other opcode.
bool Move(const Instruction& at, const SeccompData& data, Machine& machine) {
  std::uint32_t& word = machine.memory[at.k % kMemoryWords];
  switch (at.code) {
    case kLdAbs:
      machine.a = ReadWord(data, WordOfOffset(at.k % kDataBytes));
      return true;
    case kLdLen:
      machine.a = kDataBytes;
      return true;
    case kLdImm:
      machine.a = at.k;
      return true;
    case kLdMem:
      machine.a = word;
      return true;
    case kLdxLen:
      machine.x = kDataBytes;
      return true;
    case kLdxImm:
      machine.x = at.k;
      return true;
    case kLdxMem:
      machine.x = word;
      return true;
    case kSt:
      word = machine.a;
      return true;
    case kStx:
      word = machine.x;
      return true;
    case kTax:
      machine.x = machine.a;
      return true;
    case kTxa:
      machine.a = machine.x;
      return true;
    default:
      return false;
  }
}

}  // namespace

std::uint32_t Evaluate(const Program& program, const SeccompData& data) {
  Machine machine;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const Instruction& at = program[pc];
    if (at.code == kRetK) return at.k;
    if (at.code == kRetA) return machine.a;
    if (Move(at, data, machine)) continue;
    const std::uint32_t operand = (at.code & kSourceX) != 0 ? machine.x : at.k;
    const auto operation = static_cast<std::uint16_t>(at.code & kOperationMask);
    if (at.code == kJa) {
      pc += at.k;
    } else if ((at.code & kClassMask) == kJumpClass) {
      pc += Holds(operation, machine.a, operand) ? at.jt : at.jf;
    } else {
      const auto result = Compute(operation, machine.a, operand);
      if (!result) return 0;
      machine.a = *result;
    }
  }
  return kRetKillProcess;  // not verified: it ran off its end
}

std::uint32_t EvaluateStack(const Stack& stack, const SeccompData& data) {
  std::uint32_t result = kRetAllow;
  for (auto filter = stack.rbegin(); filter != stack.rend(); ++filter) {
    const std::uint32_t value = Evaluate(*filter, data);
    if (Precedence(value) < Precedence(result)) result = value;
  }
  return result;
}

}  // namespace seccompd::bpf
