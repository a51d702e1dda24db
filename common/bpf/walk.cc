// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/walk.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace seccompd::bpf {
namespace {

// An entry of a standard hash table, in operations of the store.
constexpr std::uint64_t kHashCost = 4;

std::uint32_t TopOf(const NodeStore& store, const NodePair& pair) {
  return std::min(store[pair.a].variable, store[pair.b].variable);
}

NodeId Child(const NodeStore& store, NodeId id, std::uint32_t variable, bool high) {
  const Node& node = store[id];
  if (node.variable != variable) return id;
  return high ? node.high : node.low;
}

NodePair ChildPair(const NodeStore& store, const NodePair& pair, std::uint32_t variable,
                   bool high) {
  return {Child(store, pair.a, variable, high), Child(store, pair.b, variable, high)};
}

class WordWalker {
 public:
  WordWalker(NodeStore& store, Word word, bool skip_equal, const RangeVisitor& visit)
      : store_(store), base_(word * kWordBits), skip_equal_(skip_equal), visit_(visit) {}

  void Walk(const NodePair& pair, std::uint32_t depth, std::uint32_t value) {
    if (stopped_) return;
    store_.Spend(1);
    if (store_.Exhausted()) {
      stopped_ = true;
      return;
    }
    if (skip_equal_ && pair.a == pair.b) return;
    if (depth == kWordBits || TopOf(store_, pair) >= base_ + kWordBits) {
      const std::uint32_t span = depth == 0 ? ~0U : (1U << (kWordBits - depth)) - 1;
      Append(value, value + span, pair);
      return;
    }
    const std::uint32_t variable = base_ + depth;
    Walk(ChildPair(store_, pair, variable, false), depth + 1, value);
    Walk(ChildPair(store_, pair, variable, true), depth + 1,
         value | (1U << (kWordBits - 1 - depth)));
  }

  void Finish() {
    if (!stopped_ && pending_) visit_(pending_->first, pending_->last, pending_->rest);
  }

 private:
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
    NodePair rest;
  };

  void Append(std::uint32_t first, std::uint32_t last, const NodePair& rest) {
    if (pending_ && pending_->rest == rest && pending_->last + 1 == first) {
      pending_->last = last;
      return;
    }
    if (pending_ && !visit_(pending_->first, pending_->last, pending_->rest)) stopped_ = true;
    pending_ = Range{first, last, rest};
  }

  NodeStore& store_;
  std::uint32_t base_;
  bool skip_equal_;
  const RangeVisitor& visit_;
  std::optional<Range> pending_;
  bool stopped_ = false;
};

class PairCollector {
 public:
  PairCollector(NodeStore& store, std::uint32_t variable, bool skip_equal, std::size_t limit)
      : store_(store), variable_(variable), skip_equal_(skip_equal), limit_(limit) {}

  void Collect(const NodePair& pair) {
    if (found.size() >= limit_ || store_.Exhausted()) return;
    if (skip_equal_ && pair.a == pair.b) return;
    if (!seen_.insert(pair.Key()).second) return;
    store_.Spend(kHashCost);
    const std::uint32_t top = TopOf(store_, pair);
    if (top >= variable_) {
      found.push_back(pair);
      return;
    }
    Collect(ChildPair(store_, pair, top, false));
    Collect(ChildPair(store_, pair, top, true));
  }
  std::vector<NodePair> found;

 private:
  NodeStore& store_;
  std::uint32_t variable_;
  bool skip_equal_;
  std::size_t limit_;
  std::unordered_set<std::uint64_t> seen_;
};

class ReachBuilder {
 public:
  ReachBuilder(NodeStore& store, const NodePair& goal, std::uint32_t variable)
      : store_(store), goal_(goal), variable_(variable) {}

  NodeId Build(const NodePair& pair) {
    const std::uint32_t top = TopOf(store_, pair);
    if (top >= variable_) return pair == goal_ ? kTrueNode : kFalseNode;
    if (const auto found = done_.find(pair.Key()); found != done_.end()) return found->second;
    store_.Spend(kHashCost);
    if (store_.Exhausted()) return kFalseNode;
    const NodeId low = Build(ChildPair(store_, pair, top, false));
    const NodeId high = Build(ChildPair(store_, pair, top, true));
    const NodeId result = store_.Make(top, low, high);
    done_.emplace(pair.Key(), result);
    return result;
  }

 private:
  NodeStore& store_;
  NodePair goal_;
  std::uint32_t variable_;
  std::unordered_map<std::uint64_t, NodeId> done_;
};

}  // namespace

NodeId CofactorWord(const NodeStore& store, NodeId root, Word word, std::uint32_t value) {
  for (std::uint32_t depth = 0; depth < kWordBits; ++depth) {
    const bool high = ((value >> (kWordBits - 1 - depth)) & 1) != 0;
    root = Child(store, root, word * kWordBits + depth, high);
  }
  return root;
}

void WalkWord(NodeStore& store, Word word, const NodePair& roots, bool skip_equal,
              const RangeVisitor& visit) {
  WordWalker walker(store, word, skip_equal, visit);
  walker.Walk(roots, 0, 0);
  walker.Finish();
}

std::vector<NodePair> TerminalPairs(NodeStore& store, const NodePair& roots, bool skip_equal,
                                    std::size_t limit) {
  return PairsBelow(store, roots, kTerminalVariable, skip_equal, limit);
}

NodeId RegionReaching(NodeStore& store, const NodePair& roots, const NodePair& goal,
                      std::uint32_t variable) {
  return ReachBuilder(store, goal, variable).Build(roots);
}

std::vector<NodePair> PairsBelow(NodeStore& store, const NodePair& roots, std::uint32_t variable,
                                 bool skip_equal, std::size_t limit) {
  PairCollector collector(store, variable, skip_equal, limit);
  collector.Collect(roots);
  return std::move(collector.found);
}

}  // namespace seccompd::bpf
