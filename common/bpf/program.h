// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace seccompd::bpf {

// One classic BPF instruction, laid out like struct sock_filter (include/uapi/linux/filter.h).
struct Instruction {
  std::uint16_t code = 0;
  std::uint8_t jt = 0;
  std::uint8_t jf = 0;
  std::uint32_t k = 0;

  bool operator==(const Instruction&) const = default;
};
static_assert(sizeof(Instruction) == 8);

// A seccomp filter as loaded; 1..4096 instructions once verified (BPF_MAXINSNS).
using Program = std::vector<Instruction>;
inline constexpr std::size_t kMaxInstructions = 4096;

// Filters of one task, oldest first. All run; the kernel takes the most restrictive action, and
// among equal actions the newest filter's data (kernel/seccomp.c seccomp_run_filters).
using Stack = std::vector<Program>;

// struct seccomp_data (include/uapi/linux/seccomp.h): what one filter run looks at, 64 bytes.
struct SeccompData {
  std::uint32_t nr = 0;
  std::uint32_t arch = 0;
  std::uint64_t instruction_pointer = 0;
  std::uint64_t args[6] = {};

  bool operator==(const SeccompData&) const = default;
};
static_assert(sizeof(SeccompData) == 64);

}  // namespace seccompd::bpf
