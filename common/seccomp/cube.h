// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/seccomp/condition.h"

namespace seccompd::seccomp {

// Sets of argument values as libseccomp can compare them, for rewriting rules. An argument is seen
// as its 32 low bits and one more, bit 32: "some bit of the high half is set", which is never
// looked at where the kernel takes the argument as an int. Internal to seccomp/.
inline constexpr std::uint64_t kLowHalf = 0xffffffff;
inline constexpr std::uint64_t kHighSet = std::uint64_t{1} << 32;

// Inputs whose argument i has `value` in the bits of `mask`.
struct ArgBits {
  std::uint64_t mask = 0;
  std::uint64_t value = 0;

  bool operator==(const ArgBits&) const = default;
};
using Cube = std::array<ArgBits, 6>;

[[nodiscard]] bool Disjoint(const Cube& a, const Cube& b);

// The inputs that are both in one of `a` and in one of `b`; nullopt if they are more than `limit`
// cubes.
[[nodiscard]] std::optional<std::vector<Cube>> Shared(std::span<const Cube> a,
                                                      std::span<const Cube> b, std::size_t limit);

// What is left of `from` without `taken`, as pairwise disjoint cubes.
[[nodiscard]] std::vector<Cube> Without(const Cube& from, const Cube& taken);
// The same for sets; nullopt if more than `limit` cubes are needed on the way.
[[nodiscard]] std::optional<std::vector<Cube>> Without(std::vector<Cube> from,
                                                       std::span<const Cube> taken,
                                                       std::size_t limit);
// The union as pairwise disjoint cubes, under the same limit.
[[nodiscard]] std::optional<std::vector<Cube>> Disjointed(std::span<const Cube> cubes,
                                                          std::size_t limit);

// The values that meet the conditions, as cubes; bit i of `narrow`: argument i is an int, so that
// its high half is taken as zero. nullopt if they cannot be told by the low half and kHighSet.
[[nodiscard]] std::optional<std::vector<Cube>> CubesOf(const Conjunction& conjunction,
                                                       std::uint32_t narrow);

// The cube as conditions, at most one per argument; nullopt if one argument needs two.
[[nodiscard]] std::optional<Conjunction> ConditionsOf(const Cube& cube);

}  // namespace seccompd::seccomp
