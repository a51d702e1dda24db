// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "common/seccomp/cube.h"

namespace seccompd::seccomp {

// Which action the inputs of one system call get, as a reduced decision diagram over the bits of a
// Cube: argument by argument, its high half first, then from the highest bit down. What is read
// back is a tree of conditions (FormTree in condition.h), which libseccomp builds quickly however
// many arguments it looks at, and conditions of one argument are not multiplied by those of another
// that does not matter to them. Internal to seccomp/.
class ActionTree {
 public:
  using ActionId = std::uint32_t;  // small numbers of the caller's; 0 is what nobody set

  // The inputs of the cube get this action from now on.
  void Set(const Cube& cube, ActionId action);

  struct Leaf {
    Cube cube;
    ActionId action = 0;
  };
  // Pairwise disjoint cubes that cover everything, in ascending order of the arguments. nullopt if
  // more than `limit` have another action than 0, or if the diagram grew beyond its bound.
  [[nodiscard]] std::optional<std::vector<Leaf>> Leaves(std::size_t limit) const;

 private:
  using NodeId = std::uint32_t;  // an action, or an index into nodes_ with kInner
  struct Node {
    std::uint32_t variable = 0;
    NodeId zero = 0;
    NodeId one = 0;
  };
  struct Literal {
    std::uint32_t variable = 0;
    bool one = false;
  };
  struct Overlay;
  struct Walk;

  [[nodiscard]] static bool Inner(NodeId id);
  [[nodiscard]] const Node& At(NodeId id) const;
  [[nodiscard]] std::uint32_t VariableOf(NodeId id) const;
  NodeId Make(const Node& node);
  NodeId Apply(Overlay& overlay, std::size_t position, NodeId below);
  [[nodiscard]] bool Collect(Walk& walk, NodeId id) const;

  std::vector<Node> nodes_;
  std::map<std::tuple<std::uint32_t, NodeId, NodeId>, NodeId> known_;
  NodeId root_ = 0;
  std::size_t steps_ = 0;
  bool overgrown_ = false;
};

}  // namespace seccompd::seccomp
