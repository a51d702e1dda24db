// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/bit_vector.h"

namespace seccompd::bpf {
namespace {

constexpr std::uint32_t kShiftStages = 5;
// Of a walk over 32 bits, in operations of the store: most bits are constants and cost nothing
// more.
constexpr std::uint64_t kWalkCost = 16;

NodeId Truth(bool value) { return value ? kTrueNode : kFalseNode; }

// a + b + carry; the carry out is dropped unless asked for.
BitVector AddWithCarry(NodeStore& store, const BitVector& a, const BitVector& b, NodeId carry,
                       NodeId* carry_out = nullptr) {
  store.Spend(kWalkCost);
  BitVector sum{};
  for (std::uint32_t i = 0; i < kWordBits && !store.Exhausted(); ++i) {
    const NodeId half = store.Xor(a[i], b[i]);
    sum[i] = store.Xor(half, carry);
    carry = store.IfThenElse(half, carry, a[i]);
  }
  if (carry_out != nullptr) *carry_out = carry;
  return sum;
}

BitVector Complement(NodeStore& store, const BitVector& a) {
  BitVector result{};
  for (std::uint32_t i = 0; i < kWordBits; ++i) result[i] = store.Not(a[i]);
  return result;
}

BitVector Choose(NodeStore& store, NodeId condition, const BitVector& then,
                 const BitVector& otherwise) {
  store.Spend(kWalkCost);
  BitVector result{};
  for (std::uint32_t i = 0; i < kWordBits; ++i) {
    result[i] = store.IfThenElse(condition, then[i], otherwise[i]);
  }
  return result;
}

BitVector ShiftedBy(const BitVector& a, std::uint32_t count, bool left) {
  BitVector result{};
  for (std::uint32_t i = 0; i + count < kWordBits; ++i) {
    if (left) {
      result[i + count] = a[i];
    } else {
      result[i] = a[i + count];
    }
  }
  return result;
}

BitVector Shift(NodeStore& store, BitVector a, const BitVector& count, bool left) {
  for (std::uint32_t stage = 0; stage < kShiftStages && !store.Exhausted(); ++stage) {
    a = Choose(store, count[stage], ShiftedBy(a, 1U << stage, left), a);
  }
  return a;
}

}  // namespace

BitVector ConstantBits(std::uint32_t value) {
  BitVector bits{};
  for (std::uint32_t i = 0; i < kWordBits; ++i) bits[i] = Truth(((value >> i) & 1) != 0);
  return bits;
}

BitVector WordBitsOf(NodeStore& store, Word word) {
  BitVector bits{};
  for (std::uint32_t i = 0; i < kWordBits; ++i) {
    bits[i] = store.Literal(word * kWordBits + kWordBits - 1 - i);
  }
  return bits;
}

std::optional<std::uint32_t> ConstantOf(const BitVector& bits) {
  std::uint32_t value = 0;
  for (std::uint32_t i = 0; i < kWordBits; ++i) {
    if (bits[i] > kTrueNode) return std::nullopt;
    value |= bits[i] << i;
  }
  return value;
}

BitVector Add(NodeStore& store, const BitVector& a, const BitVector& b) {
  return AddWithCarry(store, a, b, kFalseNode);
}

BitVector Subtract(NodeStore& store, const BitVector& a, const BitVector& b) {
  return AddWithCarry(store, a, Complement(store, b), kTrueNode);
}

BitVector Multiply(NodeStore& store, const BitVector& a, const BitVector& b) {
  BitVector product = ConstantBits(0);
  for (std::uint32_t i = 0; i < kWordBits && !store.Exhausted(); ++i) {
    if (b[i] == kFalseNode) continue;
    BitVector addend = ShiftedBy(a, i, true);
    for (NodeId& bit : addend) bit = store.And(bit, b[i]);
    product = Add(store, product, addend);
  }
  return product;
}

BitVector Divide(NodeStore& store, const BitVector& a, const BitVector& b) {
  const BitVector minus_b = Complement(store, b);
  BitVector quotient{};
  BitVector rest = ConstantBits(0);
  for (std::uint32_t i = kWordBits; i-- > 0 && !store.Exhausted();) {
    // The doubled rest has 33 bits; if the topmost is set, it exceeds every divisor.
    const NodeId overflow = rest[kWordBits - 1];
    rest = ShiftedBy(rest, 1, true);
    rest[0] = a[i];
    NodeId no_borrow = kFalseNode;
    const BitVector reduced = AddWithCarry(store, rest, minus_b, kTrueNode, &no_borrow);
    quotient[i] = store.Or(overflow, no_borrow);
    rest = Choose(store, quotient[i], reduced, rest);
  }
  return quotient;
}

BitVector BitAnd(NodeStore& store, const BitVector& a, const BitVector& b) {
  BitVector result{};
  for (std::uint32_t i = 0; i < kWordBits; ++i) result[i] = store.And(a[i], b[i]);
  return result;
}

BitVector BitOr(NodeStore& store, const BitVector& a, const BitVector& b) {
  BitVector result{};
  for (std::uint32_t i = 0; i < kWordBits; ++i) result[i] = store.Or(a[i], b[i]);
  return result;
}

BitVector BitXor(NodeStore& store, const BitVector& a, const BitVector& b) {
  BitVector result{};
  for (std::uint32_t i = 0; i < kWordBits; ++i) result[i] = store.Xor(a[i], b[i]);
  return result;
}

BitVector ShiftLeft(NodeStore& store, const BitVector& a, const BitVector& count) {
  return Shift(store, a, count, true);
}

BitVector ShiftRight(NodeStore& store, const BitVector& a, const BitVector& count) {
  return Shift(store, a, count, false);
}

// From the least significant bit, which diagrams look at last: each step then builds on what is
// below.
NodeId IsEqual(NodeStore& store, const BitVector& a, const BitVector& b) {
  store.Spend(kWalkCost);
  NodeId equal = kTrueNode;
  for (std::uint32_t i = 0; i < kWordBits && !store.Exhausted(); ++i) {
    equal = store.IfThenElse(store.Xor(a[i], b[i]), kFalseNode, equal);
  }
  return equal;
}

NodeId IsGreater(NodeStore& store, const BitVector& a, const BitVector& b) {
  store.Spend(kWalkCost);
  NodeId greater = kFalseNode;
  for (std::uint32_t i = 0; i < kWordBits && !store.Exhausted(); ++i) {
    greater = store.IfThenElse(store.Xor(a[i], b[i]), a[i], greater);
  }
  return greater;
}

NodeId SharesBit(NodeStore& store, const BitVector& a, const BitVector& b) {
  store.Spend(kWalkCost);
  NodeId any = kFalseNode;
  for (std::uint32_t i = 0; i < kWordBits && !store.Exhausted(); ++i) {
    any = store.Or(store.And(a[i], b[i]), any);
  }
  return any;
}

}  // namespace seccompd::bpf
