// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/action_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <random>
#include <utility>
#include <vector>

namespace seccompd::seccomp {
namespace {

using Setting = std::pair<Cube, ActionTree::ActionId>;

Cube CubeOf(std::initializer_list<std::pair<std::size_t, ArgBits>> bits) {
  Cube cube{};
  for (const auto& [index, value] : bits) cube.at(index) = value;
  return cube;
}
ArgBits Exactly(std::uint64_t value) { return {.mask = kLowHalf, .value = value}; }

bool Holds(const Cube& cube, const std::array<std::uint64_t, 6>& input) {
  for (std::size_t i = 0; i < cube.size(); ++i) {
    if ((input.at(i) & cube.at(i).mask) != cube.at(i).value) return false;
  }
  return true;
}

std::size_t Count(const std::vector<ActionTree::Leaf>& leaves, ActionTree::ActionId action) {
  return static_cast<std::size_t>(std::count_if(
      leaves.begin(), leaves.end(), [&](const auto& leaf) { return leaf.action == action; }));
}

TEST(ActionTree, IsOneLeafUntilSomethingIsSet) {
  const auto leaves = ActionTree().Leaves(0);
  ASSERT_TRUE(leaves);
  ASSERT_EQ(leaves->size(), 1U);
  EXPECT_EQ((*leaves)[0].cube, Cube{});
  EXPECT_EQ((*leaves)[0].action, 0U);
}

// All but one value of 32 bits are 32 cubes, of two arguments beside each other 32 more: not 1,024.
TEST(ActionTree, AConditionIsNotMultipliedByAnArgumentThatDoesNotMatterToIt) {
  ActionTree tree;
  tree.Set(Cube{}, 1);
  tree.Set(CubeOf({{0, Exactly(16)}, {2, Exactly(9)}}), 2);
  auto leaves = tree.Leaves(512);
  ASSERT_TRUE(leaves);
  EXPECT_EQ(Count(*leaves, 1), 64U);
  EXPECT_EQ(Count(*leaves, 2), 1U);
  tree.Set(CubeOf({{0, Exactly(38)}}), 3);
  leaves = tree.Leaves(512);
  ASSERT_TRUE(leaves);
  EXPECT_EQ(Count(*leaves, 1), 68U);
  EXPECT_EQ(Count(*leaves, 3), 1U);
}

TEST(ActionTree, TheLastSettingCountsAndEqualBranchesJoin) {
  ActionTree tree;
  tree.Set(CubeOf({{1, Exactly(7)}}), 1);
  tree.Set(CubeOf({{1, Exactly(7)}}), 2);
  tree.Set(CubeOf({{1, Exactly(6)}}), 2);
  const auto leaves = tree.Leaves(1);
  ASSERT_TRUE(leaves);
  EXPECT_EQ(Count(*leaves, 1), 0U);
  ASSERT_EQ(Count(*leaves, 2), 1U);
  const auto both = std::find_if(leaves->begin(), leaves->end(),
                                 [](const auto& leaf) { return leaf.action == 2; });
  EXPECT_EQ(both->cube, CubeOf({{1, {.mask = kLowHalf & ~std::uint64_t{1}, .value = 6}}}));
}

TEST(ActionTree, StopsAtTheLimit) {
  ActionTree tree;
  tree.Set(CubeOf({{0, Exactly(1)}}), 1);
  tree.Set(CubeOf({{0, Exactly(6)}}), 1);
  EXPECT_TRUE(tree.Leaves(2));
  EXPECT_FALSE(tree.Leaves(1));
}

TEST(ActionTree, HostileCubesEndInABoundNotInMemory) {
  std::mt19937_64 random(3);
  ActionTree tree;
  for (int i = 0; i < 4'096; ++i) {
    Cube cube{};
    for (ArgBits& bits : cube) {
      bits.mask = random() & random() & kLowHalf;
      bits.value = random() & bits.mask;
    }
    tree.Set(cube, 1 + static_cast<ActionTree::ActionId>(i % 5));
  }
  EXPECT_FALSE(tree.Leaves(512));
}

// One random input is in one leaf, which has the action of the last setting that matches.
void ExpectDecided(const std::vector<Setting>& settings,
                   const std::vector<ActionTree::Leaf>& leaves, std::mt19937_64& random) {
  const auto word = [&] { return (random() & 7) | (random() % 2 == 0 ? kHighSet : 0); };
  const std::array<std::uint64_t, 6> input{word(), 1, word(), 2, 3, word()};
  ActionTree::ActionId expected = 0;
  for (const Setting& s : settings) expected = Holds(s.first, input) ? s.second : expected;
  std::size_t holding = 0;
  for (const auto& leaf : leaves) {
    if (!Holds(leaf.cube, input)) continue;
    ++holding;
    EXPECT_EQ(leaf.action, expected);
  }
  EXPECT_EQ(holding, 1U);
}

TEST(ActionTree, LeavesAreDisjointAndDecideAsTheSettingsDo) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Setting> settings;
    ActionTree tree;
    for (std::uint64_t i = 0; i < 1 + random() % 6; ++i) {
      Cube cube{};
      for (const std::size_t index : {0U, 2U, 5U}) {
        const std::uint64_t mask = (random() & random() & 7) | (random() % 4 == 0 ? kHighSet : 0);
        cube.at(index) = {.mask = mask, .value = random() & mask};
      }
      settings.emplace_back(cube, random() % 3);
      tree.Set(cube, settings.back().second);
    }
    const auto leaves = tree.Leaves(512);
    ASSERT_TRUE(leaves);
    for (int i = 0; i < 200; ++i) ExpectDecided(settings, *leaves, random);
  }
}

}  // namespace
}  // namespace seccompd::seccomp
