// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace seccompd::bpf {

// The classic BPF opcodes that seccomp allows (kernel/seccomp.c seccomp_check_filter), spelled out
// so that a switch over them is complete. K: the constant of the instruction, X: the index
// register.
enum Opcode : std::uint16_t {
  kLdAbs = 0x20,
  kLdLen = 0x80,
  kLdImm = 0x00,
  kLdMem = 0x60,
  kLdxLen = 0x81,
  kLdxImm = 0x01,
  kLdxMem = 0x61,
  kSt = 0x02,
  kStx = 0x03,
  kAddK = 0x04,
  kAddX = 0x0c,
  kSubK = 0x14,
  kSubX = 0x1c,
  kMulK = 0x24,
  kMulX = 0x2c,
  kDivK = 0x34,
  kDivX = 0x3c,
  kOrK = 0x44,
  kOrX = 0x4c,
  kAndK = 0x54,
  kAndX = 0x5c,
  kLshK = 0x64,
  kLshX = 0x6c,
  kRshK = 0x74,
  kRshX = 0x7c,
  kNeg = 0x84,
  kXorK = 0xa4,
  kXorX = 0xac,
  kJa = 0x05,
  kJeqK = 0x15,
  kJeqX = 0x1d,
  kJgtK = 0x25,
  kJgtX = 0x2d,
  kJgeK = 0x35,
  kJgeX = 0x3d,
  kJsetK = 0x45,
  kJsetX = 0x4d,
  kRetK = 0x06,
  kRetA = 0x16,
  kTax = 0x07,
  kTxa = 0x87,
};

inline constexpr std::uint16_t kClassMask = 0x07;
inline constexpr std::uint16_t kAluClass = 0x04;
inline constexpr std::uint16_t kJumpClass = 0x05;
inline constexpr std::uint16_t kOperationMask = 0xf0;

// The operation alone, of whatever source.
enum AluOperation : std::uint16_t {
  kAdd = 0x00,
  kSub = 0x10,
  kMul = 0x20,
  kDiv = 0x30,
  kOr = 0x40,
  kAnd = 0x50,
  kLsh = 0x60,
  kRsh = 0x70,
  kNegate = 0x80,
  kXor = 0xa0,
};
enum JumpTest : std::uint16_t { kEqual = 0x10, kGreater = 0x20, kGreaterEqual = 0x30, kSet = 0x40 };

constexpr std::uint16_t OperationOf(std::uint16_t code) {
  return static_cast<std::uint16_t>(code & kOperationMask);
}

inline constexpr std::uint16_t kSourceX = 0x08;

inline constexpr std::uint32_t kMemoryWords = 16;  // BPF_MEMWORDS
inline constexpr std::uint32_t kDataBytes = 64;    // sizeof(struct seccomp_data), what LEN loads

constexpr bool IsConditionalJump(std::uint16_t code) {
  return (code & kClassMask) == kJumpClass && code != kJa;
}

}  // namespace seccompd::bpf
