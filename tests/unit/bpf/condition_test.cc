// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/condition.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/bpf/program_generator.h"

namespace seccompd::bpf {
namespace {

using testing::BoundaryWord;
using testing::Random;
using testing::TestFactor;

ArgTest ArgumentTest(std::uint8_t index, ArgPart part, ArgRelation relation, std::uint64_t first,
                     std::uint64_t second) {
  return {.index = index, .part = part, .relation = relation, .first = first, .second = second};
}
ArgTest Equals(std::uint8_t index, std::uint64_t value) {
  return ArgumentTest(index, ArgPart::kWhole, ArgRelation::kInRange, value, value);
}
ArgTest Low32Equals(std::uint8_t index, std::uint32_t value) {
  return ArgumentTest(index, ArgPart::kLow32, ArgRelation::kInRange, value, value);
}

class ConditionTest : public ::testing::Test {
 protected:
  // The condition made into a region and told again.
  std::string Retold(const Condition& condition) {
    const auto region = RegionOf(workspace_, condition);
    EXPECT_TRUE(region.has_value());
    workspace_.Begin();
    return ToText(DescribeRegion(workspace_, *region));
  }
  Workspace workspace_;
};

TEST_F(ConditionTest, SaysWhatAPersonWouldSay) {
  const auto whole = ArgPart::kWhole;
  EXPECT_EQ(Retold({.any_of = {{}}}), "always");
  EXPECT_EQ(Retold({.any_of = {}}), "never");
  EXPECT_EQ(Retold({.any_of = {{Low32Equals(0, 38)}}}), "low32(arg0) == 38");
  EXPECT_EQ(Retold({.any_of = {{Equals(0, 38)}}}), "arg0 == 38");
  EXPECT_EQ(Retold({.any_of = {{ArgumentTest(0, whole, ArgRelation::kNotInRange, 38, 38)}}}),
            "arg0 != 38");
  EXPECT_EQ(Retold({.any_of = {{ArgumentTest(1, whole, ArgRelation::kMasked, 0, 0x7e020000)}}}),
            "(low32(arg1) & 0x7e020000) == 0");
  EXPECT_EQ(Retold({.any_of = {{ArgumentTest(1, whole, ArgRelation::kNotMasked, 0, 0x17e020000)}}}),
            "(arg1 & 0x17e020000) != 0");
  EXPECT_EQ(Retold({.any_of = {{ArgumentTest(2, whole, ArgRelation::kInRange, 5, ~0ULL)}}}),
            "arg2 >= 5");
  EXPECT_EQ(Retold({.any_of = {{ArgumentTest(2, whole, ArgRelation::kInRange, 0, 5)}}}),
            "arg2 <= 5");
  EXPECT_EQ(Retold({.any_of = {{ArgumentTest(2, whole, ArgRelation::kInRange, 3, 5)}}}),
            "arg2 in 3..5");
  EXPECT_EQ(
      Retold({.any_of = {{ArgumentTest(3, ArgPart::kHigh32, ArgRelation::kNotInRange, 0, 0)}}}),
      "high32(arg3) != 0");
  EXPECT_EQ(Retold({.any_of = {{Equals(6, 0x123456)}}}), "instruction_pointer == 0x123456");
}

TEST_F(ConditionTest, PrefersFewStatements) {
  // containerd's socket rule: below 38, 39, above 40.
  const auto whole = ArgPart::kWhole;
  const Condition socket = {.any_of = {{ArgumentTest(0, whole, ArgRelation::kInRange, 0, 37)},
                                       {Equals(0, 39)},
                                       {ArgumentTest(0, whole, ArgRelation::kInRange, 41, ~0ULL)}}};
  EXPECT_EQ(Retold(socket), "arg0 != 38 && arg0 != 40");
  const Condition dirty = {
      .any_of = {
          {Low32Equals(0, 38), ArgumentTest(0, ArgPart::kHigh32, ArgRelation::kNotInRange, 0, 0)}}};
  EXPECT_EQ(Retold(dirty), "high32(arg0) != 0 && low32(arg0) == 38");
  const Condition two = {.any_of = {{Equals(0, 1), Equals(1, 2)}, {Equals(2, 3)}}};
  EXPECT_EQ(Retold(two), "(arg0 == 1 && arg1 == 2) || arg2 == 3");
}

TEST_F(ConditionTest, NamesReplaceNumbers) {
  const std::vector<std::string_view> names = {"domain", "type"};
  EXPECT_EQ(ToText(Low32Equals(0, 38), names), "low32(domain) == 38");
  EXPECT_EQ(ToText(Equals(2, 1), names), "arg2 == 1");
}

TEST_F(ConditionTest, ACutListIsMarkedAndHasNoRegion) {
  Condition many;
  for (std::uint32_t i = 0; i < 20; ++i) many.any_of.push_back({Low32Equals(0, 3 * i)});
  const auto region = RegionOf(workspace_, many);
  ASSERT_TRUE(region.has_value());
  workspace_.Begin();
  const Condition cut = DescribeRegion(workspace_, *region, 4);
  EXPECT_FALSE(cut.complete);
  EXPECT_NE(ToText(cut).find("..."), std::string::npos);
  EXPECT_FALSE(RegionOf(workspace_, cut).has_value());
}

// Whatever is said of a random region means exactly that region.
TEST_F(ConditionTest, DescriptionsMeanTheirRegion) {
  Random random(41);
  std::size_t complete = 0;
  const std::size_t rounds = 2'000 * TestFactor();
  for (std::size_t round = 0; round < rounds && !HasFailure(); ++round) {
    workspace_.Reset();
    Condition condition;
    for (std::uint32_t term = random.Below(4); term > 0; --term) {
      std::vector<ArgTest> tests;
      for (std::uint32_t n = random.Below(4); n > 0; --n) {
        const auto part = static_cast<ArgPart>(random.Below(3));
        const auto relation = static_cast<ArgRelation>(random.Below(4));
        std::uint64_t first = BoundaryWord(random);
        std::uint64_t second = BoundaryWord(random);
        if (part == ArgPart::kWhole && random.OneIn(2)) {
          first |= std::uint64_t{BoundaryWord(random)} << 32;
          second |= std::uint64_t{BoundaryWord(random)} << 32;
        }
        if (relation == ArgRelation::kInRange || relation == ArgRelation::kNotInRange) {
          if (random.OneIn(2)) second = first;
          if (first > second) std::swap(first, second);
        } else {
          first &= second;
        }
        tests.push_back(ArgumentTest(static_cast<std::uint8_t>(random.Below(7)), part, relation,
                                     first, second));
      }
      condition.any_of.push_back(std::move(tests));
    }
    const auto region = RegionOf(workspace_, condition);
    ASSERT_TRUE(region.has_value());
    workspace_.Begin();
    const Condition told = DescribeRegion(workspace_, *region);
    if (!told.complete) continue;
    ++complete;
    const auto again = RegionOf(workspace_, told);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(*again, *region) << ToText(condition) << "\n became \n" << ToText(told);
  }
  EXPECT_GT(complete * 10, rounds * 9);
}

}  // namespace
}  // namespace seccompd::bpf
