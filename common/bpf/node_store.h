// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/bpf/layout.h"

namespace seccompd::bpf {

using NodeId = std::uint32_t;
inline constexpr NodeId kFalseNode = 0;
inline constexpr NodeId kTrueNode = 1;
// Terminals lie below every variable.
inline constexpr std::uint32_t kTerminalVariable = kVariableCount;

// A decision on one input bit, or a terminal: `variable` is kTerminalVariable and `low` its value.
struct Node {
  std::uint32_t variable = kTerminalVariable;
  NodeId low = kFalseNode;
  NodeId high = kFalseNode;

  bool operator==(const Node&) const = default;
};

// One value of a word and what to do there.
struct WordCase {
  std::uint32_t value = 0;
  NodeId then = kFalseNode;
};

// Hash-consed nodes: no two are equal and none has equal children, so a function of the input bits
// has exactly one id (Bryant's reduced ordered diagrams with more than two terminals). False and
// true are terminals of their own, apart from the return values. Bounded by nodes and by granted
// operations: beyond either, `exhausted` is set and results are meaningless until it is clear
// again.
class NodeStore {
 public:
  explicit NodeStore(std::size_t max_nodes);

  // Forgets all nodes, keeps the memory.
  void Reset();

  // Allows so many further operations. A full store stays exhausted as soon as it needs a node.
  void Grant(std::uint64_t operations);
  // Takes operations from the grant.
  void Spend(std::uint64_t operations) {
    if (operations >= operations_left_) {
      operations_left_ = 0;
      exhausted_ = true;
    } else {
      operations_left_ -= operations;
    }
  }
  [[nodiscard]] bool Exhausted() const { return exhausted_; }
  [[nodiscard]] std::uint64_t OperationsLeft() const { return operations_left_; }

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] const Node& operator[](NodeId id) const { return nodes_[id]; }
  [[nodiscard]] bool IsTerminal(NodeId id) const {
    return nodes_[id].variable == kTerminalVariable;
  }
  // Memory held, in bytes.
  [[nodiscard]] std::size_t Footprint() const;

  // A return value, of Normalize or of NormalizeInStack.
  NodeId Terminal(std::uint32_t value);
  // Was any made since Reset that only NormalizeInStack yields?
  [[nodiscard]] bool HasUnknownAction() const { return has_unknown_action_; }
  NodeId Literal(std::uint32_t variable) { return Make(variable, kFalseNode, kTrueNode); }
  // `low` and `high` must not look at `variable` or one before it.
  NodeId Make(std::uint32_t variable, NodeId low, NodeId high);

  NodeId And(NodeId a, NodeId b);
  NodeId Or(NodeId a, NodeId b);
  NodeId Xor(NodeId a, NodeId b);
  NodeId Not(NodeId a);
  // `condition` is false or true everywhere; the others are both that, or both return values.
  NodeId IfThenElse(NodeId condition, NodeId then, NodeId otherwise);

  // `then` where the word equals (is greater than) `k`, else `otherwise`. One walk down the word's
  // bits if neither looks at an earlier word.
  NodeId IfWordEqual(Word word, std::uint32_t k, NodeId then, NodeId otherwise);
  NodeId IfWordGreater(Word word, std::uint32_t k, NodeId then, NodeId otherwise);

  // A chain of IfWordEqual in one walk: the first case of a value counts.
  NodeId IfWordAmong(Word word, std::vector<WordCase> cases, NodeId otherwise);

  // Return values of two filters as the kernel combines them (Precedence, ties to the newer one).
  NodeId Combine(NodeId newer, NodeId older);

  // The diagram with every terminal replaced; `value_of` gets the value of a return value terminal.
  NodeId MapTerminals(NodeId root, const std::function<NodeId(std::uint32_t)>& value_of);

 private:
  enum class Operation : std::uint32_t { kAnd, kOr, kXor, kCombine };
  static constexpr NodeId kNone = 0xffffffff;
  struct CacheEntry {
    NodeId a = kNone;
    NodeId b = kNone;
    NodeId c = kNone;
    NodeId result = kNone;
  };

  NodeId Intern(const Node& node);
  NodeId BuildCases(std::uint32_t variable, std::span<const WordCase> cases, NodeId otherwise);
  void GrowTable();
  void GrowCache();
  [[nodiscard]] NodeId SettledCombine(NodeId newer, NodeId older) const;
  template <Operation kOperation>
  [[nodiscard]] NodeId Settled(NodeId a, NodeId b) const;
  template <Operation kOperation>
  NodeId Apply(NodeId a, NodeId b);
  CacheEntry& CacheSlot(NodeId a, NodeId b, NodeId c);
  [[nodiscard]] NodeId LowAt(NodeId id, std::uint32_t variable) const {
    return nodes_[id].variable == variable ? nodes_[id].low : id;
  }
  [[nodiscard]] NodeId HighAt(NodeId id, std::uint32_t variable) const {
    return nodes_[id].variable == variable ? nodes_[id].high : id;
  }

  std::size_t max_nodes_;
  std::uint64_t operations_left_ = 0;
  bool exhausted_ = false;
  bool has_unknown_action_ = false;
  std::vector<Node> nodes_;
  std::vector<NodeId> table_;      // open addressing, a power of two, kNone is free
  std::vector<CacheEntry> cache_;  // a power of two; an entry in the way is overwritten
};

}  // namespace seccompd::bpf
