// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/bpf/program.h"

namespace seccompd::bpf::testing {

// A small reproducible generator (SplitMix64): the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next();
  std::uint32_t Word() { return static_cast<std::uint32_t>(Next()); }
  std::uint32_t Below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((Next() >> 32) % bound);
  }
  bool OneIn(std::uint32_t n) { return Below(n) == 0; }

 private:
  std::uint64_t state_;
};

enum class Flavor : std::uint8_t {
  kFilter,      // what libseccomp emits: loads, masks, comparisons with constants
  kArithmetic,  // every opcode, with memory and X
};

// A program that Verify accepts, of 1 to `max_length` instructions.
Program RandomProgram(Random& random, Flavor flavor, std::size_t max_length);

// A 32-bit number that is likely to sit on a boundary.
std::uint32_t BoundaryWord(Random& random);

// Inputs near the program's constants: each word is one of them, a neighbour, a boundary or random.
SeccompData RandomInput(Random& random, const Program& program);

// 1, or the number in SECCOMPD_TEST_FACTOR: how many times longer the random tests run.
std::size_t TestFactor();

}  // namespace seccompd::bpf::testing
