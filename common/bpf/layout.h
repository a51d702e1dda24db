// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "common/bpf/program.h"

namespace seccompd::bpf {

// The sixteen 32-bit words of struct seccomp_data in the order in which diagrams look at them:
// arch, nr, high and low half of each argument, high and low half of the instruction pointer.
// Variable 32*word + i is bit 31-i of that word. Fingerprints depend on this order: never change
// it.
using Word = std::uint32_t;
inline constexpr Word kWordCount = 16;
inline constexpr std::uint32_t kWordBits = 32;
inline constexpr std::uint32_t kVariableCount = kWordCount * kWordBits;

inline constexpr Word kArchWord = 0;
inline constexpr Word kNrWord = 1;
constexpr Word ArgHighWord(std::uint32_t index) { return 2 + 2 * index; }
constexpr Word ArgLowWord(std::uint32_t index) { return 3 + 2 * index; }
inline constexpr Word kIpHighWord = 14;
inline constexpr Word kIpLowWord = 15;

// AUDIT_ARCH_* (include/uapi/linux/audit.h).
inline constexpr std::uint32_t kAuditArchX86_64 = 0xc000003e;
inline constexpr std::uint32_t kAuditArchI386 = 0x40000003;

// The word that BPF_LD|BPF_W|BPF_ABS reads at a byte offset; halves lie as the machine stores them.
constexpr Word WordOfOffset(std::uint32_t offset) {
  const Word in_memory = offset / 4;
  if (in_memory == 0) return kNrWord;
  if (in_memory == 1) return kArchWord;
  constexpr Word kLowFirst = std::endian::native == std::endian::little ? 1 : 0;
  const Word half = (in_memory % 2) ^ kLowFirst;  // 0: high half
  const Word pair = in_memory / 2;                // 1: instruction pointer, 2..7: arguments
  return pair == 1 ? kIpHighWord + half : ArgHighWord(pair - 2) + half;
}

constexpr std::uint32_t ReadWord(const SeccompData& data, Word word) {
  if (word == kArchWord) return data.arch;
  if (word == kNrWord) return data.nr;
  const std::uint64_t whole =
      word >= kIpHighWord ? data.instruction_pointer : data.args[word / 2 - 1];
  return static_cast<std::uint32_t>(word % 2 == 0 ? whole >> kWordBits : whole);
}

constexpr void SetBit(SeccompData& data, std::uint32_t variable) {
  const Word word = variable / kWordBits;
  const std::uint32_t bit = kWordBits - 1 - variable % kWordBits;
  if (word == kArchWord) {
    data.arch |= std::uint32_t{1} << bit;
  } else if (word == kNrWord) {
    data.nr |= std::uint32_t{1} << bit;
  } else {
    std::uint64_t& whole = word >= kIpHighWord ? data.instruction_pointer : data.args[word / 2 - 1];
    whole |= std::uint64_t{1} << (word % 2 == 0 ? bit + kWordBits : bit);
  }
}

}  // namespace seccompd::bpf
