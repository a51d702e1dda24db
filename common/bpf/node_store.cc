// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/node_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/bpf/return_value.h"

namespace seccompd::bpf {
namespace {

constexpr std::size_t kFirstTableSize = std::size_t{1} << 13;
// The cache grows with the nodes: most profiles need few, and pages never touched cost nothing.
constexpr std::size_t kFirstCacheSize = std::size_t{1} << 11;
constexpr std::size_t kLastCacheSize = std::size_t{1} << 15;
constexpr std::uint64_t kCaseCost = 4;  // to sort it and to walk its continuation
// `high` of the two truth values, so that they differ from the return values 0 and 1.
constexpr NodeId kTruthMark = 0xfffffffe;

std::uint64_t Mix(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  std::uint64_t hash = a * 0x9e3779b97f4a7c15 + b * 0xc2b2ae3d27d4eb4f + c * 0x165667b19e3779f9;
  hash ^= hash >> 29;
  hash *= 0xbf58476d1ce4e5b9;
  return hash ^ (hash >> 32);
}

}  // namespace

NodeStore::NodeStore(std::size_t max_nodes) : max_nodes_(max_nodes) { Reset(); }

void NodeStore::Reset() {
  nodes_.clear();
  // Their first sizes again: what is spent, and so what is decided, depends on nothing earlier.
  table_.assign(kFirstTableSize, kNone);
  cache_.assign(kFirstCacheSize, CacheEntry{});
  nodes_.push_back(Node{kTerminalVariable, 0, kTruthMark});
  nodes_.push_back(Node{kTerminalVariable, 1, kTruthMark});
  exhausted_ = false;
  has_unknown_action_ = false;
  operations_left_ = 0;
}

void NodeStore::Grant(std::uint64_t operations) {
  operations_left_ = operations;
  exhausted_ = operations == 0;
}

std::size_t NodeStore::Footprint() const {
  return nodes_.capacity() * sizeof(Node) + table_.capacity() * sizeof(NodeId) +
         cache_.capacity() * sizeof(CacheEntry);
}

void NodeStore::GrowTable() {
  table_.assign(table_.size() * (table_.size() == kFirstTableSize ? 4 : 2), kNone);
  const std::size_t mask = table_.size() - 1;
  for (NodeId id = 2; id < nodes_.size(); ++id) {
    const Node& node = nodes_[id];
    std::size_t slot = Mix(node.variable, node.low, node.high) & mask;
    while (table_[slot] != kNone) slot = (slot + 1) & mask;
    table_[slot] = id;
  }
}

void NodeStore::GrowCache() {
  std::vector<CacheEntry> old(cache_.size() * 4);
  old.swap(cache_);
  for (const CacheEntry& entry : old) {
    if (entry.a != kNone) CacheSlot(entry.a, entry.b, entry.c) = entry;
  }
}

// Every probe is paid for, so a program whose nodes collide in the table gives up, it does not
// stall.
NodeId NodeStore::Intern(const Node& node) {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = Mix(node.variable, node.low, node.high) & mask;
  std::uint64_t probes = 1;
  while (table_[slot] != kNone) {
    if (nodes_[table_[slot]] == node) {
      Spend(probes);
      return table_[slot];
    }
    slot = (slot + 1) & mask;
    ++probes;
  }
  Spend(probes);
  if (exhausted_ || nodes_.size() >= max_nodes_) {
    exhausted_ = true;
    return kFalseNode;
  }
  const auto id = static_cast<NodeId>(nodes_.size());
  nodes_.push_back(node);
  table_[slot] = id;
  if (nodes_.size() * 4 > table_.size() * 3) GrowTable();
  if (nodes_.size() > cache_.size() && cache_.size() < kLastCacheSize) GrowCache();
  return id;
}

NodeId NodeStore::Terminal(std::uint32_t value) {
  if (Normalize(value) != value) has_unknown_action_ = true;
  return Intern(Node{kTerminalVariable, value, 0});
}

NodeId NodeStore::Make(std::uint32_t variable, NodeId low, NodeId high) {
  if (low == high) return low;
  return Intern(Node{variable, low, high});
}

NodeStore::CacheEntry& NodeStore::CacheSlot(NodeId a, NodeId b, NodeId c) {
  return cache_[Mix(a, b, c) & (cache_.size() - 1)];
}

NodeId NodeStore::SettledCombine(NodeId newer, NodeId older) const {
  if (newer == older) return newer;
  if (IsTerminal(older) && nodes_[older].low == kRetAllow) return newer;
  if (!IsTerminal(newer)) return kNone;
  const std::uint32_t value = nodes_[newer].low;
  if (value == kRetKillProcess) return newer;
  if (value == kRetAllow) return older;
  if (!IsTerminal(older)) return kNone;
  return Precedence(nodes_[older].low) < Precedence(value) ? older : newer;
}

// The result where one operand settles it; else kNone. `a` is the lower id if the order is free.
template <NodeStore::Operation kOperation>
NodeId NodeStore::Settled(NodeId a, NodeId b) const {
  if constexpr (kOperation == Operation::kCombine) {
    return SettledCombine(a, b);
  } else {
    if (a == b) return kOperation == Operation::kXor ? kFalseNode : a;
    if (a == kFalseNode) return kOperation == Operation::kAnd ? kFalseNode : b;
    if (a == kTrueNode && kOperation == Operation::kAnd) return b;
    if (a == kTrueNode && kOperation == Operation::kOr) return kTrueNode;
    return kNone;
  }
}

template <NodeStore::Operation kOperation>
NodeId NodeStore::Apply(NodeId a, NodeId b) {
  // Commutative ones in one order; the truth values have the lowest ids.
  if (kOperation != Operation::kCombine && a > b) std::swap(a, b);
  if (const NodeId settled = Settled<kOperation>(a, b); settled != kNone) return settled;
  constexpr NodeId kTag = 0xfffffff0 + static_cast<NodeId>(kOperation);
  {
    const CacheEntry& entry = CacheSlot(a, b, kTag);
    if (entry.a == a && entry.b == b && entry.c == kTag) return entry.result;
  }
  Spend(1);
  if (exhausted_) return kFalseNode;
  const std::uint32_t variable = std::min(nodes_[a].variable, nodes_[b].variable);
  const NodeId low = Apply<kOperation>(LowAt(a, variable), LowAt(b, variable));
  const NodeId high = Apply<kOperation>(HighAt(a, variable), HighAt(b, variable));
  const NodeId result = Make(variable, low, high);
  if (!exhausted_) CacheSlot(a, b, kTag) = CacheEntry{a, b, kTag, result};
  return result;
}

NodeId NodeStore::And(NodeId a, NodeId b) { return Apply<Operation::kAnd>(a, b); }
NodeId NodeStore::Or(NodeId a, NodeId b) { return Apply<Operation::kOr>(a, b); }
NodeId NodeStore::Xor(NodeId a, NodeId b) { return Apply<Operation::kXor>(a, b); }
NodeId NodeStore::Not(NodeId a) { return IfThenElse(a, kFalseNode, kTrueNode); }
NodeId NodeStore::Combine(NodeId newer, NodeId older) {
  return Apply<Operation::kCombine>(newer, older);
}

NodeId NodeStore::IfThenElse(NodeId condition, NodeId then, NodeId otherwise) {
  if (condition == kTrueNode) return then;
  if (condition == kFalseNode) return otherwise;
  if (then == condition) then = kTrueNode;
  if (otherwise == condition) otherwise = kFalseNode;
  if (then == otherwise) return then;
  if (then == kTrueNode && otherwise == kFalseNode) return condition;
  {
    const CacheEntry& entry = CacheSlot(condition, then, otherwise);
    if (entry.a == condition && entry.b == then && entry.c == otherwise) return entry.result;
  }
  Spend(1);
  if (exhausted_) return kFalseNode;
  const std::uint32_t variable =
      std::min({nodes_[condition].variable, nodes_[then].variable, nodes_[otherwise].variable});
  const NodeId low =
      IfThenElse(LowAt(condition, variable), LowAt(then, variable), LowAt(otherwise, variable));
  const NodeId high =
      IfThenElse(HighAt(condition, variable), HighAt(then, variable), HighAt(otherwise, variable));
  const NodeId result = Make(variable, low, high);
  if (!exhausted_) {
    CacheSlot(condition, then, otherwise) = CacheEntry{condition, then, otherwise, result};
  }
  return result;
}

NodeId NodeStore::IfWordEqual(Word word, std::uint32_t k, NodeId then, NodeId otherwise) {
  const std::uint32_t base = word * kWordBits;
  if (nodes_[then].variable < base || nodes_[otherwise].variable < base) {
    return IfThenElse(IfWordEqual(word, k, kTrueNode, kFalseNode), then, otherwise);
  }
  std::array<NodeId, kWordBits> siblings{};
  std::uint32_t depth = 0;
  for (; depth < kWordBits && then != otherwise; ++depth) {
    const std::uint32_t variable = base + depth;
    const bool bit = ((k >> (kWordBits - 1 - depth)) & 1) != 0;
    siblings[depth] = bit ? LowAt(otherwise, variable) : HighAt(otherwise, variable);
    otherwise = bit ? HighAt(otherwise, variable) : LowAt(otherwise, variable);
    then = bit ? HighAt(then, variable) : LowAt(then, variable);
  }
  NodeId result = then;
  while (depth-- > 0) {
    const bool bit = ((k >> (kWordBits - 1 - depth)) & 1) != 0;
    result = bit ? Make(base + depth, siblings[depth], result)
                 : Make(base + depth, result, siblings[depth]);
  }
  return result;
}

NodeId NodeStore::IfWordGreater(Word word, std::uint32_t k, NodeId then, NodeId otherwise) {
  const std::uint32_t base = word * kWordBits;
  if (nodes_[then].variable < base || nodes_[otherwise].variable < base) {
    return IfThenElse(IfWordGreater(word, k, kTrueNode, kFalseNode), then, otherwise);
  }
  std::array<NodeId, kWordBits> siblings{};
  std::uint32_t depth = 0;
  for (; depth < kWordBits && then != otherwise; ++depth) {
    const std::uint32_t variable = base + depth;
    const bool bit = ((k >> (kWordBits - 1 - depth)) & 1) != 0;
    // Off the path: a 0 where k has a 1 is less, a 1 where k has a 0 is greater.
    siblings[depth] = bit ? LowAt(otherwise, variable) : HighAt(then, variable);
    otherwise = bit ? HighAt(otherwise, variable) : LowAt(otherwise, variable);
    then = bit ? HighAt(then, variable) : LowAt(then, variable);
  }
  NodeId result = otherwise;  // equal is not greater
  while (depth-- > 0) {
    const bool bit = ((k >> (kWordBits - 1 - depth)) & 1) != 0;
    result = bit ? Make(base + depth, siblings[depth], result)
                 : Make(base + depth, result, siblings[depth]);
  }
  return result;
}

NodeId NodeStore::IfWordAmong(Word word, std::vector<WordCase> cases, NodeId otherwise) {
  Spend(cases.size() * kCaseCost);
  const std::uint32_t base = word * kWordBits;
  const bool looks_earlier = nodes_[otherwise].variable < base ||
                             std::any_of(cases.begin(), cases.end(), [&](const WordCase& one) {
                               return nodes_[one.then].variable < base;
                             });
  if (looks_earlier) {
    for (auto one = cases.rbegin(); one != cases.rend(); ++one) {
      otherwise = IfWordEqual(word, one->value, one->then, otherwise);
    }
    return otherwise;
  }
  for (WordCase& one : cases) {
    for (std::uint32_t depth = 0; nodes_[one.then].variable < base + kWordBits; ++depth) {
      const bool bit = ((one.value >> (kWordBits - 1 - depth)) & 1) != 0;
      one.then = bit ? HighAt(one.then, base + depth) : LowAt(one.then, base + depth);
    }
  }
  const auto by_value = [](const WordCase& a, const WordCase& b) { return a.value < b.value; };
  const auto same_value = [](const WordCase& a, const WordCase& b) { return a.value == b.value; };
  std::stable_sort(cases.begin(), cases.end(), by_value);
  cases.erase(std::unique(cases.begin(), cases.end(), same_value), cases.end());
  return BuildCases(base, cases, otherwise);
}

// `cases` agree in all bits of the word before `variable`, ascend, and look only behind the word.
NodeId NodeStore::BuildCases(std::uint32_t variable, std::span<const WordCase> cases,
                             NodeId otherwise) {
  if (cases.empty()) return otherwise;
  Spend(1);
  if (exhausted_) return kFalseNode;
  const std::uint32_t depth = variable % kWordBits;
  const auto high_half = std::partition_point(
      cases.begin(), cases.end(),
      [depth](const WordCase& one) { return ((one.value >> (kWordBits - 1 - depth)) & 1) == 0; });
  const auto lows = static_cast<std::size_t>(high_half - cases.begin());
  const auto half = [&](std::span<const WordCase> part, NodeId rest) {
    if (depth + 1 < kWordBits) return BuildCases(variable + 1, part, rest);
    return part.empty() ? rest : part.front().then;
  };
  const NodeId low = half(cases.first(lows), LowAt(otherwise, variable));
  const NodeId high = half(cases.subspan(lows), HighAt(otherwise, variable));
  return Make(variable, low, high);
}

namespace {

// Post-order over the nodes below `root`; depth is at most kVariableCount.
class TerminalMapper {
 public:
  TerminalMapper(NodeStore& store, const std::function<NodeId(std::uint32_t)>& value_of)
      : store_(store), value_of_(value_of), done_(store.size(), kUnseen) {}

  NodeId Map(NodeId id) {
    if (done_[id] != kUnseen) return done_[id];
    store_.Spend(1);
    if (store_.Exhausted()) return kFalseNode;
    const Node node = store_[id];
    if (node.variable == kTerminalVariable) {
      done_[id] = value_of_(node.low);
    } else {
      const NodeId low = Map(node.low);
      const NodeId high = Map(node.high);
      done_[id] = store_.Make(node.variable, low, high);
    }
    return done_[id];
  }

 private:
  static constexpr NodeId kUnseen = 0xffffffff;
  NodeStore& store_;
  const std::function<NodeId(std::uint32_t)>& value_of_;
  std::vector<NodeId> done_;
};

}  // namespace

NodeId NodeStore::MapTerminals(NodeId root, const std::function<NodeId(std::uint32_t)>& value_of) {
  return TerminalMapper(*this, value_of).Map(root);
}

}  // namespace seccompd::bpf
