// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/bpf/bit_vector.h"
#include "common/bpf/interner.h"
#include "common/bpf/node_store.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/program.h"

namespace seccompd::bpf {

using ValueId = std::uint32_t;
inline constexpr ValueId kZeroValue = 0;

// Symbolic values of registers and memory words: equal functions of the input have equal ids.
class ValueStore {
 public:
  // What a value is, beyond its bits: exactly one word of the input, or a constant.
  struct Shape {
    std::optional<Word> word;
    std::optional<std::uint32_t> constant;
  };

  void Reset(NodeStore& store);
  ValueId Of(NodeStore& store, const BitVector& bits);
  ValueId OfConstant(NodeStore& store, std::uint32_t value) {
    return Of(store, ConstantBits(value));
  }
  ValueId OfWord(NodeStore& store, Word word);

  [[nodiscard]] std::size_t Footprint() const {
    return bits_.Footprint() + shapes_.capacity() * sizeof(Shape);
  }
  [[nodiscard]] const BitVector& Bits(ValueId id) const { return bits_[id]; }
  [[nodiscard]] const Shape& ShapeOf(ValueId id) const { return shapes_[id]; }

 private:
  Interner<kWordBits> bits_;
  std::vector<Shape> shapes_;
  std::array<std::optional<ValueId>, kWordCount> words_;
};

// Normalize or NormalizeInStack: what return values are reduced to.
using Normalizer = std::uint32_t (*)(std::uint32_t);

// Symbolic execution of one program for all inputs at once. Filters have no loops, so the states
// that can occur (instruction, A, X, memory; dead registers forgotten) are found going forward and
// their decisions built going backward, without recursion. Chains of comparisons of one word with
// constants, of which filters mostly consist, are built in one step. Keeps its memory between runs.
class SymbolicRun {
 public:
  // The diagram of a verified program. Meaningless if the store is exhausted afterwards.
  NodeId Run(NodeStore& store, const Program& program, Normalizer normalize);
  // Memory held, in bytes.
  [[nodiscard]] std::size_t Footprint() const {
    return states_.capacity() * sizeof(State) + places_.Footprint() + memories_.Footprint() +
           values_.Footprint();
  }

 private:
  using MemoryId = std::uint32_t;
  using StateId = std::uint32_t;

  struct Registers {
    ValueId a = kZeroValue;
    ValueId x = kZeroValue;
    MemoryId memory = 0;
  };
  struct State {
    Registers registers;
    StateId next = 0;  // another one of the same instruction
    StateId then = 0;
    StateId otherwise = 0;
    NodeId condition = 0;  // which of the two; kByWord if the result is built from the word itself
    NodeId result = 0;
    std::uint32_t references = 0;  // jumps to it
    bool in_chain = false;         // its result is part of its only predecessor's
  };

  void FindLiveness(const Program& program);
  void Explore(const Program& program);
  StateId Enter(std::size_t pc, Registers registers);
  Registers Move(const Instruction& at, Registers registers);
  void Compute(const Instruction& at, std::size_t pc, StateId id);
  void Branch(const Instruction& at, std::size_t pc, StateId id);
  void FindChains(const Program& program);
  [[nodiscard]] bool ComparesWord(const Program& program, StateId id) const;
  [[nodiscard]] StateId NextInChain(const Program& program, StateId id) const;
  [[nodiscard]] NodeId ChainResult(const Program& program, StateId id);
  [[nodiscard]] NodeId ResultAt(StateId id);
  [[nodiscard]] NodeId ConditionOf(const Instruction& at, const Registers& registers);
  [[nodiscard]] NodeId ResultOf(const Program& program, std::size_t pc, StateId id);

  Normalizer normalize_ = nullptr;
  NodeStore* store_ = nullptr;       // only during Run
  std::vector<std::uint32_t> live_;  // per instruction: bits 0..15 memory, then A and X
  std::vector<StateId> heads_;       // per instruction: the first of its states
  std::vector<State> states_;
  Interner<4> places_;  // instruction, A, X, memory
  Interner<kMemoryWords> memories_;
  ValueStore values_;
};

// What a filter decides that returns this value.
NodeId ReturnDiagram(NodeStore& store, const BitVector& bits, Normalizer normalize);

}  // namespace seccompd::bpf
