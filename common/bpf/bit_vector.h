// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/bpf/node_store.h"

namespace seccompd::bpf {

// A 32-bit value as 32 truth functions of the input; element 0 is the least significant bit. The
// functions below are the BPF ALU and jump operations as circuits, unsigned, modulo 2^32. They keep
// within the store's limits: check Exhausted() afterwards.
using BitVector = std::array<NodeId, kWordBits>;

BitVector ConstantBits(std::uint32_t value);
BitVector WordBitsOf(NodeStore& store, Word word);
std::optional<std::uint32_t> ConstantOf(const BitVector& bits);

BitVector Add(NodeStore& store, const BitVector& a, const BitVector& b);
BitVector Subtract(NodeStore& store, const BitVector& a, const BitVector& b);
BitVector Multiply(NodeStore& store, const BitVector& a, const BitVector& b);
// Where b is 0 the quotient is arbitrary: the filter has ended before.
BitVector Divide(NodeStore& store, const BitVector& a, const BitVector& b);
BitVector BitAnd(NodeStore& store, const BitVector& a, const BitVector& b);
BitVector BitOr(NodeStore& store, const BitVector& a, const BitVector& b);
BitVector BitXor(NodeStore& store, const BitVector& a, const BitVector& b);
// By the low five bits of `count`, as the kernel's interpreter and JITs do.
BitVector ShiftLeft(NodeStore& store, const BitVector& a, const BitVector& count);
BitVector ShiftRight(NodeStore& store, const BitVector& a, const BitVector& count);

NodeId IsEqual(NodeStore& store, const BitVector& a, const BitVector& b);
NodeId IsGreater(NodeStore& store, const BitVector& a, const BitVector& b);
NodeId SharesBit(NodeStore& store, const BitVector& a, const BitVector& b);

}  // namespace seccompd::bpf
