// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/evaluate.h"

#include <array>

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

bool Holds(std::uint16_t operation, std::uint32_t a, std::uint32_t operand) {
  switch (operation) {
    case kEqual:
      return a == operand;
    case kGreater:
      return a > operand;
    case kGreaterEqual:
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

std::optional<std::uint32_t> Calculate(std::uint16_t operation, std::uint32_t a,
                                       std::uint32_t operand) {
  switch (operation) {
    case kAdd:
      return a + operand;
    case kSub:
      return a - operand;
    case kMul:
      return a * operand;
    case kDiv:
      if (operand == 0) return std::nullopt;
      return a / operand;
    case kOr:
      return a | operand;
    case kAnd:
      return a & operand;
    case kLsh:
      return a << (operand & kShiftMask);
    case kRsh:
      return a >> (operand & kShiftMask);
    case kXor:
      return a ^ operand;
    default:  // NEG
      return 0U - a;
  }
}

std::uint32_t Evaluate(const Program& program, const SeccompData& data) {
  Machine machine;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const Instruction& at = program[pc];
    if (at.code == kRetK) return at.k;
    if (at.code == kRetA) return machine.a;
    if (Move(at, data, machine)) continue;
    const std::uint32_t operand = (at.code & kSourceX) != 0 ? machine.x : at.k;
    const std::uint16_t operation = OperationOf(at.code);
    if (at.code == kJa) {
      pc += at.k;
    } else if ((at.code & kClassMask) == kJumpClass) {
      pc += Holds(operation, machine.a, operand) ? at.jt : at.jf;
    } else {
      const auto result = Calculate(operation, machine.a, operand);
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
