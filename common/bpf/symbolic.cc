// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/symbolic.h"

#include <utility>

#include "common/bpf/evaluate.h"
#include "common/bpf/return_value.h"

namespace seccompd::bpf {
namespace {

constexpr std::uint32_t kNoState = 0xffffffff;
constexpr std::uint32_t kEndsWithZero = 0xfffffffe;
constexpr NodeId kByWord = 0xffffffff;

constexpr std::uint32_t kLiveA = 1U << kMemoryWords;
constexpr std::uint32_t kLiveX = 1U << (kMemoryWords + 1);

std::uint32_t CellOf(const Instruction& at) { return 1U << (at.k % kMemoryWords); }

// Registers and memory words that are read after or by the instruction, given those after it.
std::uint32_t LiveBefore(const Instruction& at, std::uint32_t after) {
  switch (at.code) {
    case kRetK:
      return 0;
    case kRetA:
      return kLiveA;
    case kLdAbs:
    case kLdLen:
    case kLdImm:
      return after & ~kLiveA;
    case kLdMem:
      return (after & ~kLiveA) | ((after & kLiveA) != 0 ? CellOf(at) : 0);
    case kLdxLen:
    case kLdxImm:
      return after & ~kLiveX;
    case kLdxMem:
      return (after & ~kLiveX) | ((after & kLiveX) != 0 ? CellOf(at) : 0);
    case kSt:
      return (after & ~CellOf(at)) | ((after & CellOf(at)) != 0 ? kLiveA : 0);
    case kStx:
      return (after & ~CellOf(at)) | ((after & CellOf(at)) != 0 ? kLiveX : 0);
    case kTax:
      return (after & ~kLiveX) | ((after & kLiveX) != 0 ? kLiveA : 0);
    case kTxa:
      return (after & ~kLiveA) | ((after & kLiveA) != 0 ? kLiveX : 0);
    case kJa:
      return after;
    case kDivX:  // looks at X even if nobody wants the quotient
      return after | kLiveX;
    default:
      break;
  }
  const std::uint32_t operands = kLiveA | ((at.code & kSourceX) != 0 ? kLiveX : 0);
  if (IsConditionalJump(at.code)) return after | operands;
  return (after & kLiveA) != 0 ? after | operands : after;
}

BitVector CalculateBits(NodeStore& store, const Instruction& at, const BitVector& a,
                        const BitVector& operand) {
  const auto known_a = ConstantOf(a);
  const auto known_operand = ConstantOf(operand);
  if (known_a && known_operand) {
    return ConstantBits(Calculate(OperationOf(at.code), *known_a, *known_operand).value_or(0));
  }
  switch (OperationOf(at.code)) {
    case kAdd:
      return Add(store, a, operand);
    case kSub:
      return Subtract(store, a, operand);
    case kMul:
      return Multiply(store, a, operand);
    case kDiv:
      return Divide(store, a, operand);
    case kOr:
      return BitOr(store, a, operand);
    case kAnd:
      return BitAnd(store, a, operand);
    case kLsh:
      return ShiftLeft(store, a, operand);
    case kRsh:
      return ShiftRight(store, a, operand);
    case kXor:
      return BitXor(store, a, operand);
    default:  // NEG
      return Subtract(store, ConstantBits(0), a);
  }
}

}  // namespace

void ValueStore::Reset(NodeStore& store) {
  bits_.Reset();
  shapes_.clear();
  words_.fill(std::nullopt);
  OfConstant(store, 0);  // kZeroValue
}

ValueId ValueStore::Of(NodeStore& store, const BitVector& bits) {
  const auto [id, added] = bits_.Intern(store, bits);
  if (added) shapes_.push_back(Shape{.word = std::nullopt, .constant = ConstantOf(bits)});
  return id;
}

ValueId ValueStore::OfWord(NodeStore& store, Word word) {
  if (!words_[word]) {
    const ValueId id = Of(store, WordBitsOf(store, word));
    if (store.Exhausted()) return kZeroValue;
    shapes_[id].word = word;
    words_[word] = id;
  }
  return *words_[word];
}

NodeId SymbolicRun::Run(NodeStore& store, const Program& program, Normalizer normalize) {
  store_ = &store;
  normalize_ = normalize;
  heads_.assign(program.size(), kNoState);
  states_.clear();
  places_.Reset();
  memories_.Reset();
  memories_.Intern(store, {});
  values_.Reset(store);
  FindLiveness(program);
  Enter(0, {});
  Explore(program);
  FindChains(program);
  for (std::size_t pc = program.size(); pc-- > 0;) {
    for (StateId id = heads_[pc]; id != kNoState && !store.Exhausted(); id = states_[id].next) {
      if (!states_[id].in_chain) states_[id].result = ResultOf(program, pc, id);
    }
  }
  store_ = nullptr;
  return states_.empty() ? kFalseNode : states_.front().result;
}

void SymbolicRun::FindLiveness(const Program& program) {
  live_.assign(program.size() + 1, 0);
  for (std::size_t pc = program.size(); pc-- > 0;) {
    const Instruction& at = program[pc];
    std::uint32_t after = live_[pc + 1];
    if (at.code == kJa) {
      after = live_[pc + 1 + at.k];
    } else if (IsConditionalJump(at.code)) {
      after = live_[pc + 1 + at.jt] | live_[pc + 1 + at.jf];
    }
    live_[pc] = LiveBefore(at, after);
  }
}

SymbolicRun::StateId SymbolicRun::Enter(std::size_t pc, Registers registers) {
  const std::uint32_t live = live_[pc];
  if ((live & kLiveA) == 0) registers.a = kZeroValue;
  if ((live & kLiveX) == 0) registers.x = kZeroValue;
  if (registers.memory != 0) {
    auto memory = memories_[registers.memory];
    for (std::uint32_t cell = 0; cell < kMemoryWords; ++cell) {
      if (((live >> cell) & 1) == 0) memory[cell] = kZeroValue;
    }
    registers.memory = memories_.Intern(*store_, memory).first;
  }
  const auto [id, added] = places_.Intern(
      *store_, {static_cast<std::uint32_t>(pc), registers.a, registers.x, registers.memory});
  if (added) {
    State state;
    state.registers = registers;
    state.next = heads_[pc];
    states_.push_back(state);
    heads_[pc] = id;
  }
  if (id < states_.size()) ++states_[id].references;
  return id;
}

void SymbolicRun::Explore(const Program& program) {
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const Instruction& at = program[pc];
    if (at.code == kRetK || at.code == kRetA) continue;
    for (StateId id = heads_[pc]; id != kNoState && !store_->Exhausted(); id = states_[id].next) {
      if (at.code == kJa) {
        states_[id].condition = kTrueNode;
        const StateId then = Enter(pc + 1 + at.k, states_[id].registers);
        states_[id].then = then;
      } else if (IsConditionalJump(at.code)) {
        Branch(at, pc, id);
      } else if ((at.code & kClassMask) == kAluClass) {
        Compute(at, pc, id);
      } else {
        states_[id].condition = kTrueNode;
        const StateId then = Enter(pc + 1, Move(at, states_[id].registers));
        states_[id].then = then;
      }
    }
  }
}

SymbolicRun::Registers SymbolicRun::Move(const Instruction& at, Registers registers) {
  const auto store_word = [&](ValueId value) {
    auto memory = memories_[registers.memory];
    memory[at.k % kMemoryWords] = value;
    return memories_.Intern(*store_, memory).first;
  };
  const auto load_word = [&] { return memories_[registers.memory][at.k % kMemoryWords]; };
  switch (at.code) {
    case kLdAbs:
      registers.a = values_.OfWord(*store_, WordOfOffset(at.k));
      break;
    case kLdLen:
      registers.a = values_.OfConstant(*store_, kDataBytes);
      break;
    case kLdImm:
      registers.a = values_.OfConstant(*store_, at.k);
      break;
    case kLdMem:
      registers.a = load_word();
      break;
    case kLdxLen:
      registers.x = values_.OfConstant(*store_, kDataBytes);
      break;
    case kLdxImm:
      registers.x = values_.OfConstant(*store_, at.k);
      break;
    case kLdxMem:
      registers.x = load_word();
      break;
    case kSt:
      registers.memory = store_word(registers.a);
      break;
    case kStx:
      registers.memory = store_word(registers.x);
      break;
    case kTax:
      registers.x = registers.a;
      break;
    default:  // TXA
      registers.a = registers.x;
  }
  return registers;
}

void SymbolicRun::Compute(const Instruction& at, std::size_t pc, StateId id) {
  Registers registers = states_[id].registers;
  const BitVector a = values_.Bits(registers.a);
  const BitVector operand =
      (at.code & kSourceX) != 0 ? values_.Bits(registers.x) : ConstantBits(at.k);
  NodeId runs_on = kTrueNode;
  if (at.code == kDivX) runs_on = store_->Not(IsEqual(*store_, operand, ConstantBits(0)));
  states_[id].condition = runs_on;
  states_[id].otherwise = kEndsWithZero;
  if (runs_on == kFalseNode) return;
  // An unwanted result is not computed: it may be the one thing that exceeds the limits.
  registers.a = (live_[pc + 1] & kLiveA) != 0
                    ? values_.Of(*store_, CalculateBits(*store_, at, a, operand))
                    : kZeroValue;
  const StateId then = Enter(pc + 1, registers);
  states_[id].then = then;
}

void SymbolicRun::Branch(const Instruction& at, std::size_t pc, StateId id) {
  const Registers registers = states_[id].registers;
  const NodeId condition = at.jt == at.jf ? kTrueNode : ConditionOf(at, registers);
  states_[id].condition = condition;
  if (condition != kFalseNode) {
    const StateId then = Enter(pc + 1 + at.jt, registers);
    states_[id].then = then;
  }
  if (condition != kTrueNode) {
    const StateId otherwise = Enter(pc + 1 + at.jf, registers);
    states_[id].otherwise = otherwise;
  }
}

NodeId SymbolicRun::ConditionOf(const Instruction& at, const Registers& registers) {
  const bool with_x = (at.code & kSourceX) != 0;
  const bool by_word = values_.ShapeOf(registers.a).word.has_value();
  if (by_word && (at.code == kJeqK || at.code == kJgtK)) return kByWord;
  if (by_word && at.code == kJgeK) return at.k == 0 ? kTrueNode : kByWord;
  const BitVector a = values_.Bits(registers.a);
  const BitVector operand = with_x ? values_.Bits(registers.x) : ConstantBits(at.k);
  switch (OperationOf(at.code)) {
    case kEqual:
      return IsEqual(*store_, a, operand);
    case kGreater:
      return IsGreater(*store_, a, operand);
    case kGreaterEqual:
      return store_->Not(IsGreater(*store_, operand, a));
    default:  // JSET
      return SharesBit(*store_, a, operand);
  }
}

bool SymbolicRun::ComparesWord(const Program& program, StateId id) const {
  return id < states_.size() && states_[id].condition == kByWord &&
         program[places_[id][0]].code == kJeqK;
}

// The state that compares the same word if this one finds no match, if nothing else leads there.
SymbolicRun::StateId SymbolicRun::NextInChain(const Program& program, StateId id) const {
  StateId next = states_[id].otherwise;
  const auto only_here = [&] { return next < states_.size() && states_[next].references == 1; };
  while (only_here() && program[places_[next][0]].code == kJa) next = states_[next].then;
  const bool same_word = only_here() && ComparesWord(program, next) &&
                         states_[next].registers.a == states_[id].registers.a;
  return same_word ? next : kNoState;
}

void SymbolicRun::FindChains(const Program& program) {
  for (StateId id = 0; id < states_.size(); ++id) {
    if (!ComparesWord(program, id)) continue;
    const StateId next = NextInChain(program, id);
    if (next != kNoState) states_[next].in_chain = true;
  }
}

NodeId SymbolicRun::ResultAt(StateId id) {
  return id == kEndsWithZero ? store_->Terminal(kRetKillThread) : states_[id].result;
}

NodeId SymbolicRun::ChainResult(const Program& program, StateId id) {
  const Word word = values_.ShapeOf(states_[id].registers.a).word.value_or(kArchWord);
  std::vector<WordCase> cases;
  for (StateId next = id; next != kNoState; next = NextInChain(program, id)) {
    id = next;
    cases.push_back({.value = program[places_[id][0]].k, .then = ResultAt(states_[id].then)});
  }
  return store_->IfWordAmong(word, std::move(cases), ResultAt(states_[id].otherwise));
}

NodeId SymbolicRun::ResultOf(const Program& program, std::size_t pc, StateId id) {
  const Instruction& at = program[pc];
  const State& state = states_[id];
  if (at.code == kRetK) return store_->Terminal(normalize_(at.k));
  if (at.code == kRetA) {
    return ReturnDiagram(*store_, values_.Bits(state.registers.a), normalize_);
  }
  if (state.condition == kTrueNode) return ResultAt(state.then);
  if (state.condition == kFalseNode) return ResultAt(state.otherwise);
  if (ComparesWord(program, id)) return ChainResult(program, id);
  const NodeId then = ResultAt(state.then);
  const NodeId otherwise = ResultAt(state.otherwise);
  if (state.condition != kByWord) return store_->IfThenElse(state.condition, then, otherwise);
  const Word word = values_.ShapeOf(state.registers.a).word.value_or(kArchWord);
  return store_->IfWordGreater(word, at.code == kJgeK ? at.k - 1 : at.k, then, otherwise);
}

}  // namespace seccompd::bpf
