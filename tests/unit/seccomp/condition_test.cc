// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/condition.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>

namespace seccompd::seccomp {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr CompareOp kOps[] = {CompareOp::kNe, CompareOp::kLt, CompareOp::kLe,      CompareOp::kEq,
                              CompareOp::kGe, CompareOp::kGt, CompareOp::kMaskedEq};

bool Holds(const ArgCondition& c, std::uint64_t x) {
  switch (c.op) {
    case CompareOp::kNe:
      return x != c.value;
    case CompareOp::kLt:
      return x < c.value;
    case CompareOp::kLe:
      return x <= c.value;
    case CompareOp::kEq:
      return x == c.value;
    case CompareOp::kGe:
      return x >= c.value;
    case CompareOp::kGt:
      return x > c.value;
    case CompareOp::kMaskedEq:
      break;
  }
  return (x & c.value) == (c.value_two & c.value);
}

// All conditions over 3-bit values, with the bits above fixed to zero by a search over 4 bits plus
// both ends of the range.
TEST(CanMeet, AgreesWithTryingEveryValue) {
  std::vector<ArgCondition> conditions;
  for (const CompareOp op : kOps) {
    for (std::uint64_t value = 0; value < 8; ++value) {
      for (std::uint64_t two = 0; two < (op == CompareOp::kMaskedEq ? 8U : 1U); ++two) {
        conditions.push_back({.index = 0, .op = op, .value = value, .value_two = two & value});
      }
    }
  }
  for (const ArgCondition& a : conditions) {
    for (const ArgCondition& b : conditions) {
      bool met = Holds(a, kMax) && Holds(b, kMax);
      for (std::uint64_t x = 0; x < 32 && !met; ++x) met = Holds(a, x) && Holds(b, x);
      EXPECT_EQ(CanMeet(a, b), met) << Describe({a}) << " and " << Describe({b});
    }
  }
}

TEST(CanMeet, HandlesTheEndsOfTheRange) {
  const ArgCondition above_all{.op = CompareOp::kGt, .value = kMax};
  const ArgCondition top{.op = CompareOp::kGe, .value = kMax};
  const ArgCondition high{.op = CompareOp::kMaskedEq, .value = 1ULL << 63, .value_two = 1ULL << 63};
  const ArgCondition low{.op = CompareOp::kLt, .value = 1ULL << 63};
  EXPECT_FALSE(CanMeet(above_all, top));
  EXPECT_TRUE(CanMeet(top, high));
  EXPECT_FALSE(CanMeet(low, high));
}

TEST(CanMeet, ConditionsOnDifferentArgumentsDoNotExcludeEachOther) {
  const ArgCondition a{.index = 0, .op = CompareOp::kEq, .value = 1};
  const ArgCondition b{.index = 1, .op = CompareOp::kEq, .value = 2};
  const ArgCondition not_a{.index = 0, .op = CompareOp::kNe, .value = 1};
  EXPECT_TRUE(CanMeet(Conjunction{a}, Conjunction{b}));
  EXPECT_FALSE(CanMeet(Conjunction{a, b}, Conjunction{not_a}));
  EXPECT_TRUE(CanMeet(Conjunction{}, Conjunction{a}));
}

TEST(Conjunctions, RepeatedIndexMakesEveryConditionAnAlternative) {
  const SyscallRule rule{.names = {"clone"},
                         .args = {{.index = 0, .value = 1}, {.index = 1, .value = 2}}};
  EXPECT_EQ(Conjunctions(rule).size(), 1U);
  SyscallRule repeated = rule;
  repeated.args.push_back({.index = 0, .value = 3});
  EXPECT_TRUE(RepeatsIndex(repeated));
  EXPECT_EQ(Conjunctions(repeated).size(), 3U);
  EXPECT_EQ(Conjunctions(SyscallRule{}), std::vector<Conjunction>{Conjunction{}});
}

TEST(Conjunctions, HaveANormalForm) {
  const SyscallRule a{
      .args = {{.index = 2, .op = CompareOp::kLe, .value = 1, .value_two = 9},
               {.index = 1, .op = CompareOp::kMaskedEq, .value = 15, .value_two = 255}}};
  const SyscallRule b{
      .args = {{.index = 1, .op = CompareOp::kMaskedEq, .value = 15, .value_two = 15},
               {.index = 2, .op = CompareOp::kLe, .value = 1}}};
  EXPECT_EQ(Conjunctions(a), Conjunctions(b));
  EXPECT_EQ(KeyOf(Conjunctions(a)[0]), KeyOf(Conjunctions(b)[0]));
  EXPECT_EQ(Describe(Conjunctions(a)[0]), "(arg1 & 0xf) == 0xf and arg2 <= 1");
}

ArgCondition Is(std::uint32_t index, std::uint64_t value) {
  return {.index = index, .op = CompareOp::kEq, .value = value};
}
ArgCondition Low(std::uint32_t index, std::uint64_t bits) {
  return {.index = index, .op = CompareOp::kMaskedEq, .value = 15, .value_two = bits};
}
bool AreTree(const std::vector<Conjunction>& rules) { return FormTree(rules); }

TEST(FormTree, NeedsOneArgumentAndDisjointConditionsAtEveryBranch) {
  EXPECT_TRUE(AreTree({}));
  EXPECT_TRUE(AreTree({{Is(0, 1), Is(2, 5)}}));
  EXPECT_TRUE(AreTree({{Is(0, 1)}, {Is(0, 2), Is(1, 3)}, {Is(0, 2), Is(1, 4), Is(5, 6)}}));
  EXPECT_TRUE(AreTree({{Is(0, 1), Is(1, 3)}, {Is(0, 2), Is(2, 3)}}));  // each branch its own
  EXPECT_TRUE(AreTree({{Low(0, 1)}, {Is(0, 2)}}));
  EXPECT_FALSE(AreTree({{Low(0, 1)}, {Is(0, 17)}})) << "17 is 1 in its low bits";
  EXPECT_FALSE(AreTree({{Is(0, 1)}, {Is(1, 2)}})) << "two arguments at one branch";
  EXPECT_FALSE(AreTree({{Is(0, 1)}, {Is(0, 1), Is(1, 2)}})) << "one contains the other";
  EXPECT_FALSE(AreTree({{Is(0, 2), Is(1, 3)}, {Is(0, 2), Is(2, 3)}}));
  EXPECT_FALSE(AreTree({{{.index = 0, .op = CompareOp::kLt, .value = 3}}, {Is(0, 4)}}));
  EXPECT_FALSE(AreTree({{}, {Is(0, 4)}}));
}

}  // namespace
}  // namespace seccompd::seccomp
