// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/cube.h"

#include <algorithm>
#include <limits>

namespace seccompd::seccomp {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kHighHalf = ~kLowHalf;

// [low, high] of 32-bit values as aligned blocks, each the bits above a block's size.
void AddBlocks(std::uint64_t low, std::uint64_t high, ArgBits frame, std::vector<ArgBits>& out) {
  while (low <= high) {
    std::uint64_t size = 1;
    while ((low & (2 * size - 1)) == 0 && low + 2 * size - 1 <= high && 2 * size <= kHighSet) {
      size *= 2;
    }
    const std::uint64_t mask = kLowHalf & ~(size - 1);
    out.push_back({.mask = frame.mask | mask, .value = frame.value | (low & mask)});
    low += size;
  }
}

// [low, high] of 64-bit values; false: beyond what the low half and kHighSet can tell.
bool AddRange(std::uint64_t low, std::uint64_t high, bool narrow, std::vector<ArgBits>& out) {
  if (narrow) {
    if (low <= kLowHalf) AddBlocks(low, std::min(high, kLowHalf), {}, out);
    return true;
  }
  if (low == 0 && high == kMax) {
    out.push_back({});
    return true;
  }
  if (low <= kLowHalf) {
    AddBlocks(low, std::min(high, kLowHalf), {.mask = kHighSet, .value = 0}, out);
  }
  if (high <= kLowHalf) return true;
  if (high != kMax || low > kHighSet) return false;
  out.push_back({.mask = kHighSet, .value = kHighSet});
  return true;
}

bool AddMasked(std::uint64_t mask, std::uint64_t value, bool narrow, std::vector<ArgBits>& out) {
  value &= mask;
  ArgBits bits{.mask = mask & kLowHalf, .value = value & kLowHalf};
  if (narrow) {
    if ((value & kHighHalf) == 0) out.push_back(bits);
    return true;
  }
  if ((mask & kHighHalf) != 0) {
    if ((mask & kHighHalf) != kHighHalf || (value & kHighHalf) != 0) return false;
    bits.mask |= kHighSet;
  }
  out.push_back(bits);
  return true;
}

bool AddCondition(const ArgCondition& c, bool narrow, std::vector<ArgBits>& out) {
  switch (c.op) {
    case CompareOp::kEq:
      return AddRange(c.value, c.value, narrow, out);
    case CompareOp::kLt:
      return c.value == 0 || AddRange(0, c.value - 1, narrow, out);
    case CompareOp::kLe:
      return AddRange(0, c.value, narrow, out);
    case CompareOp::kGe:
      return AddRange(c.value, kMax, narrow, out);
    case CompareOp::kGt:
      return c.value == kMax || AddRange(c.value + 1, kMax, narrow, out);
    case CompareOp::kNe:
      return (c.value == 0 || AddRange(0, c.value - 1, narrow, out)) &&
             (c.value == kMax || AddRange(c.value + 1, kMax, narrow, out));
    case CompareOp::kMaskedEq:
      break;
  }
  return AddMasked(c.value, c.value_two, narrow, out);
}

}  // namespace

bool Disjoint(const Cube& a, const Cube& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (((a[i].value ^ b[i].value) & a[i].mask & b[i].mask) != 0) return true;
  }
  return false;
}

std::optional<std::vector<Cube>> Shared(std::span<const Cube> a, std::span<const Cube> b,
                                        std::size_t limit) {
  std::vector<Cube> out;
  for (const Cube& x : a) {
    for (const Cube& y : b) {
      if (Disjoint(x, y)) continue;
      if (out.size() == limit) return std::nullopt;
      Cube& both = out.emplace_back(x);
      for (std::size_t i = 0; i < both.size(); ++i) {
        both[i].mask |= y[i].mask;
        both[i].value |= y[i].value;
      }
    }
  }
  return out;
}

std::vector<Cube> Without(const Cube& from, const Cube& taken) {
  if (Disjoint(from, taken)) return {from};
  std::vector<Cube> out;
  Cube rest = from;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    // The high half first, so that no cube says "high half set" and something of the low one.
    for (std::uint64_t bit = kHighSet; bit != 0; bit >>= 1) {
      if ((taken[i].mask & bit) == 0 || (rest[i].mask & bit) != 0) continue;
      Cube piece = rest;
      piece[i].mask |= bit;
      piece[i].value |= bit & ~taken[i].value;
      out.push_back(piece);
      rest[i].mask |= bit;
      rest[i].value |= bit & taken[i].value;
    }
  }
  return out;
}

std::optional<std::vector<Cube>> Without(std::vector<Cube> from, std::span<const Cube> taken,
                                         std::size_t limit) {
  for (const Cube& cube : taken) {
    std::vector<Cube> left;
    for (const Cube& piece : from) {
      const std::vector<Cube> parts = Without(piece, cube);
      left.insert(left.end(), parts.begin(), parts.end());
      if (left.size() > limit) return std::nullopt;
    }
    from = std::move(left);
  }
  return from;
}

std::optional<std::vector<Cube>> Disjointed(std::span<const Cube> cubes, std::size_t limit) {
  std::vector<Cube> out;
  for (const Cube& cube : cubes) {
    auto fresh = Without({cube}, out, limit);
    if (!fresh || fresh->size() + out.size() > limit) return std::nullopt;
    out.insert(out.end(), fresh->begin(), fresh->end());
  }
  return out;
}

std::optional<std::vector<Cube>> CubesOf(const Conjunction& conjunction, std::uint32_t narrow) {
  constexpr std::size_t kMost = 4096;
  std::vector<Cube> cubes(1);
  for (const ArgCondition& condition : conjunction) {
    std::vector<ArgBits> values;
    const bool is_narrow = (narrow >> condition.index & 1U) != 0;
    if (!AddCondition(condition, is_narrow, values)) return std::nullopt;
    if (cubes.size() * values.size() > kMost) return std::nullopt;
    std::vector<Cube> product;
    for (const Cube& cube : cubes) {
      for (const ArgBits& bits : values) {
        product.push_back(cube);
        product.back().at(condition.index) = bits;
      }
    }
    cubes = std::move(product);
  }
  return cubes;
}

std::optional<Conjunction> ConditionsOf(const Cube& cube) {
  Conjunction out;
  for (std::uint32_t i = 0; i < cube.size(); ++i) {
    const ArgBits& bits = cube.at(i);
    const std::uint64_t low = bits.mask & kLowHalf;
    if (bits.mask == 0) continue;
    if ((bits.mask & kHighSet) == 0) {
      out.push_back(
          {.index = i, .op = CompareOp::kMaskedEq, .value = low, .value_two = bits.value});
    } else if ((bits.value & kHighSet) != 0) {
      if (low != 0) return std::nullopt;
      out.push_back({.index = i, .op = CompareOp::kGt, .value = kLowHalf, .value_two = 0});
    } else if (low == kLowHalf) {
      out.push_back({.index = i, .op = CompareOp::kEq, .value = bits.value, .value_two = 0});
    } else {
      out.push_back({.index = i,
                     .op = CompareOp::kMaskedEq,
                     .value = kHighHalf | low,
                     .value_two = bits.value});
    }
  }
  return out;
}

}  // namespace seccompd::seccomp
