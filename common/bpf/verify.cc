// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/verify.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "common/bpf/opcodes.h"

namespace seccompd::bpf {
namespace {

constexpr std::uint32_t kShiftLimit = 32;

base::Result<void> Refuse(std::size_t index, std::string_view why) {
  return base::Fail(base::ErrorCode::kInvalidArgument,
                    fmt::format("instruction {}: {}", index, why));
}

bool IsAllowed(std::uint16_t code) {
  switch (code) {
    case kLdAbs:
    case kLdLen:
    case kLdImm:
    case kLdMem:
    case kLdxLen:
    case kLdxImm:
    case kLdxMem:
    case kSt:
    case kStx:
    case kAddK:
    case kAddX:
    case kSubK:
    case kSubX:
    case kMulK:
    case kMulX:
    case kDivK:
    case kDivX:
    case kOrK:
    case kOrX:
    case kAndK:
    case kAndX:
    case kLshK:
    case kLshX:
    case kRshK:
    case kRshX:
    case kNeg:
    case kXorK:
    case kXorX:
    case kJa:
    case kJeqK:
    case kJeqX:
    case kJgtK:
    case kJgtX:
    case kJgeK:
    case kJgeX:
    case kJsetK:
    case kJsetX:
    case kRetK:
    case kRetA:
    case kTax:
    case kTxa:
      return true;
    default:
      return false;
  }
}

base::Result<void> VerifyOperands(const Program& program, std::size_t index) {
  const Instruction& at = program[index];
  const std::size_t left = program.size() - index - 1;
  switch (at.code) {
    case kLdAbs:
      if (at.k >= kDataBytes || at.k % 4 != 0) {
        return Refuse(index, fmt::format("load from offset {} of the 64-byte seccomp_data", at.k));
      }
      break;
    case kLdMem:
    case kLdxMem:
    case kSt:
    case kStx:
      if (at.k >= kMemoryWords) {
        return Refuse(index, fmt::format("memory word {}, there are {}", at.k, kMemoryWords));
      }
      break;
    case kDivK:
      if (at.k == 0) return Refuse(index, "division by constant 0");
      break;
    case kLshK:
    case kRshK:
      if (at.k >= kShiftLimit) return Refuse(index, fmt::format("shift by {} bits", at.k));
      break;
    case kJa:
      if (at.k >= left) return Refuse(index, fmt::format("jump of {} leaves the program", at.k));
      break;
    default:
      if (IsConditionalJump(at.code) && (at.jt >= left || at.jf >= left)) {
        return Refuse(index, fmt::format("jump of {} or {} leaves the program", at.jt, at.jf));
      }
  }
  return {};
}

// The kernel's check_load_and_stores: which memory words are surely written at each instruction.
// Like the kernel, code after a RET inherits what was written before it, and code after a jump
// counts as having everything until a jump to it says otherwise.
base::Result<void> VerifyMemory(const Program& program) {
  constexpr std::uint16_t kAll = 0xffff;
  std::vector<std::uint16_t> reached(program.size(), kAll);
  std::uint16_t written = 0;
  for (std::size_t index = 0; index < program.size(); ++index) {
    const Instruction& at = program[index];
    written &= reached[index];
    const auto word = static_cast<std::uint16_t>(1U << (at.k % kMemoryWords));
    if (at.code == kSt || at.code == kStx) {
      written |= word;
    } else if (at.code == kLdMem || at.code == kLdxMem) {
      if ((written & word) == 0) {
        return Refuse(index, fmt::format("memory word {} is read but not always written", at.k));
      }
    } else if (at.code == kJa) {
      reached[index + 1 + at.k] &= written;
      written = kAll;
    } else if (IsConditionalJump(at.code)) {
      reached[index + 1 + at.jt] &= written;
      reached[index + 1 + at.jf] &= written;
      written = kAll;
    }
  }
  return {};
}

}  // namespace

base::Result<void> Verify(const Program& program) {
  if (program.empty() || program.size() > kMaxInstructions) {
    return base::Fail(
        base::ErrorCode::kInvalidArgument,
        fmt::format("{} instructions; the kernel loads 1 to {}", program.size(), kMaxInstructions));
  }
  for (std::size_t index = 0; index < program.size(); ++index) {
    if (!IsAllowed(program[index].code)) {
      return Refuse(index, fmt::format("opcode {:#06x} is not allowed", program[index].code));
    }
    TRY(VerifyOperands(program, index));
  }
  const std::uint16_t last = program.back().code;
  if (last != kRetK && last != kRetA) {
    return Refuse(program.size() - 1, "the last instruction does not return");
  }
  return VerifyMemory(program);
}

}  // namespace seccompd::bpf
