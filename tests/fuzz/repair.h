// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/bpf/opcodes.h"
#include "common/bpf/program.h"
#include "common/bpf/verify.h"

namespace seccompd::bpf::fuzz {

inline constexpr auto kOpcodes = std::to_array<std::uint16_t>(
    {kLdAbs, kLdLen, kLdImm, kLdMem, kLdxLen, kLdxImm, kLdxMem, kSt,   kStx,  kAddK, kAddX,
     kSubK,  kSubX,  kMulK,  kMulX,  kDivK,   kDivX,   kOrK,    kOrX,  kAndK, kAndX, kLshK,
     kLshX,  kRshK,  kRshX,  kNeg,   kXorK,   kXorX,   kJa,     kJeqK, kJeqX, kJgtK, kJgtX,
     kJgeK,  kJgeX,  kJsetK, kJsetX, kRetK,   kRetA,   kTax,    kTxa});

// One instruction with `left` others behind it.
inline void Repair(Instruction& at, std::size_t left) {
  if (std::find(kOpcodes.begin(), kOpcodes.end(), at.code) == kOpcodes.end()) {
    at.code = kOpcodes[at.code % kOpcodes.size()];
  }
  if (left == 0 && at.code != kRetA) at.code = kRetK;
  const auto memory = {kLdMem, kLdxMem, kSt, kStx};
  if (at.code == kLdAbs && (at.k >= kDataBytes || at.k % 4 != 0)) at.k = at.k % 16 * 4;
  if (std::find(memory.begin(), memory.end(), at.code) != memory.end()) at.k %= kMemoryWords;
  if (at.code == kDivK && at.k == 0) at.k = 1;
  if (at.code == kLshK || at.code == kRshK) at.k %= 32;
  if (at.code == kJa) at.k %= static_cast<std::uint32_t>(std::max<std::size_t>(left, 1));
  if (IsConditionalJump(at.code)) {
    if (at.jt >= left) at.jt = static_cast<std::uint8_t>(at.jt % left);
    if (at.jf >= left) at.jf = static_cast<std::uint8_t>(at.jf % left);
  }
}

// Any instructions as a program that the kernel would load; one that it loads anyway is not
// touched. So that a search is spent on meanings and not on what Verify refuses.
inline Program Repaired(Program program) {
  if (program.empty()) program.push_back({.code = kRetK});
  for (std::size_t i = 0; i < program.size(); ++i) Repair(program[i], program.size() - 1 - i);
  if (Verify(program)) return program;
  for (Instruction& at : program) {  // memory that is read before it is written
    if (at.code == kLdMem) at.code = kLdImm;
    if (at.code == kLdxMem) at.code = kLdxImm;
  }
  return program;
}

}  // namespace seccompd::bpf::fuzz
