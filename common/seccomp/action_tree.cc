// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/action_tree.h"

#include <utility>

namespace seccompd::seccomp {
namespace {

constexpr std::uint32_t kInner = 0x80000000;
constexpr std::uint32_t kBits = 33;  // of an argument: kHighSet and the low half
constexpr std::uint32_t kNoVariable = ~std::uint32_t{0};
constexpr std::size_t kMaxSteps = std::size_t{1} << 18;   // of all Sets; some tenths of a second
constexpr std::size_t kMaxVisits = std::size_t{1} << 14;  // of Leaves, those of action 0 included

constexpr std::uint64_t BitOf(std::uint32_t variable) { return kHighSet >> variable % kBits; }

}  // namespace

// One Set in progress: the cube as literals in the order of variables, and what is done already.
struct ActionTree::Overlay {
  std::vector<Literal> literals;
  ActionId action = 0;
  std::map<std::pair<std::size_t, NodeId>, NodeId> done;
};

struct ActionTree::Walk {
  std::size_t limit = 0;
  std::size_t visits = 0;
  std::size_t counted = 0;
  Cube cube{};
  std::vector<Leaf> leaves{};
};

bool ActionTree::Inner(NodeId id) { return (id & kInner) != 0; }

const ActionTree::Node& ActionTree::At(NodeId id) const { return nodes_[id & ~kInner]; }

std::uint32_t ActionTree::VariableOf(NodeId id) const {
  return Inner(id) ? At(id).variable : kNoVariable;
}

ActionTree::NodeId ActionTree::Make(const Node& node) {
  if (node.zero == node.one) return node.zero;
  const auto next = static_cast<NodeId>(nodes_.size()) | kInner;
  const auto [entry, added] = known_.try_emplace({node.variable, node.zero, node.one}, next);
  if (!added) return entry->second;
  nodes_.push_back(node);
  return next;
}

ActionTree::NodeId ActionTree::Apply(Overlay& overlay, std::size_t position, NodeId below) {
  if (overgrown_) return below;  // of no meaning any more
  if (position == overlay.literals.size()) return overlay.action;
  const auto [entry, added] = overlay.done.try_emplace({position, below}, 0);
  if (!added) return entry->second;
  overgrown_ = ++steps_ > kMaxSteps;
  const Literal literal = overlay.literals[position];
  const std::uint32_t variable = VariableOf(below);
  const Node both = Inner(below) ? At(below) : Node{};
  NodeId made = 0;
  if (variable < literal.variable) {
    const NodeId zero = Apply(overlay, position, both.zero);
    const NodeId one = Apply(overlay, position, both.one);
    made = Make({.variable = variable, .zero = zero, .one = one});
  } else {
    const bool here = variable == literal.variable;
    NodeId zero = here ? both.zero : below;
    NodeId one = here ? both.one : below;
    (literal.one ? one : zero) = Apply(overlay, position + 1, literal.one ? one : zero);
    made = Make({.variable = literal.variable, .zero = zero, .one = one});
  }
  entry->second = made;
  return made;
}

void ActionTree::Set(const Cube& cube, ActionId action) {
  Overlay overlay{.literals = {}, .action = action, .done = {}};
  for (std::uint32_t variable = 0; variable < cube.size() * kBits; ++variable) {
    const ArgBits& bits = cube.at(variable / kBits);
    const std::uint64_t bit = BitOf(variable);
    if ((bits.mask & bit) == 0) continue;
    overlay.literals.push_back({.variable = variable, .one = (bits.value & bit) != 0});
  }
  root_ = Apply(overlay, 0, root_);
}

bool ActionTree::Collect(Walk& walk, NodeId id) const {
  if (++walk.visits > kMaxVisits) return false;
  if (!Inner(id)) {
    if (id != 0 && ++walk.counted > walk.limit) return false;
    walk.leaves.push_back({.cube = walk.cube, .action = id});
    return true;
  }
  const Node& node = At(id);
  ArgBits& bits = walk.cube.at(node.variable / kBits);
  const ArgBits before = bits;
  const std::uint64_t bit = BitOf(node.variable);
  bits.mask |= bit;
  if (!Collect(walk, node.zero)) return false;
  bits.value |= bit;
  if (!Collect(walk, node.one)) return false;
  bits = before;
  return true;
}

std::optional<std::vector<ActionTree::Leaf>> ActionTree::Leaves(std::size_t limit) const {
  Walk walk{.limit = limit};
  if (overgrown_ || !Collect(walk, root_)) return std::nullopt;
  return std::move(walk.leaves);
}

}  // namespace seccompd::seccomp
