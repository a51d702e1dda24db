// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/bpf/node_store.h"

namespace seccompd::bpf {

// Two diagrams looked at side by side.
struct NodePair {
  NodeId a = kFalseNode;
  NodeId b = kFalseNode;

  bool operator==(const NodePair&) const = default;
  [[nodiscard]] std::uint64_t Key() const { return (std::uint64_t{a} << kWordBits) | b; }
};

// What is left of a diagram once the word has this value; it must not look at an earlier word.
NodeId CofactorWord(const NodeStore& store, NodeId root, Word word, std::uint32_t value);

// All values of the word in ascending order, as the longest ranges with one pair of remaining
// diagrams; `visit` returns false to stop. Ranges where both are the same diagram are left out if
// `skip_equal`. Spends operations and stops when none are left; neither diagram may look at an
// earlier word.
using RangeVisitor =
    std::function<bool(std::uint32_t first, std::uint32_t last, const NodePair& rest)>;
void WalkWord(NodeStore& store, Word word, const NodePair& roots, bool skip_equal,
              const RangeVisitor& visit);

// The pairs of terminals that some input reaches, those that are equal left out if `skip_equal`;
// in order of discovery, at most `limit`.
std::vector<NodePair> TerminalPairs(NodeStore& store, const NodePair& roots, bool skip_equal,
                                    std::size_t limit);

// The inputs that reach exactly this pair of nodes, both of them at or below `variable`.
NodeId RegionReaching(NodeStore& store, const NodePair& roots, const NodePair& goal,
                      std::uint32_t variable = kTerminalVariable);

// The different pairs of remaining nodes at or below `variable`, in order of discovery.
std::vector<NodePair> PairsBelow(NodeStore& store, const NodePair& roots, std::uint32_t variable,
                                 bool skip_equal, std::size_t limit);

}  // namespace seccompd::bpf
