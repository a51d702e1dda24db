// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/bpf/evaluate.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "tests/unit/bpf/filter_files.h"
#include "tests/unit/bpf/program_generator.h"

namespace seccompd::bpf {
namespace {

using testing::Flavor;
using testing::Random;
using testing::RandomInput;
using testing::RandomProgram;
using testing::RecordedFilter;
using testing::TestFactor;

std::string Told(const std::vector<Outcome>& outcomes) {
  std::string text;
  for (const Outcome& outcome : outcomes) {
    if (!text.empty()) text += "; ";
    text += std::to_string(outcome.value >> 16) + "." + std::to_string(outcome.value & 0xffff) +
            " if " + (outcome.otherwise ? "otherwise" : ToText(outcome.condition));
  }
  return text;
}

TEST(Explain, TellsConditionsOfTheDefaultProfile) {
  Workspace workspace;
  const auto diagram = workspace.Decide(RecordedFilter("containerd-2.3.1"));
  ASSERT_TRUE(diagram.has_value());
  const auto told = [&](std::uint32_t nr) {
    const auto outcomes = ExplainSyscall(workspace, *diagram, kAuditArchX86_64, nr);
    return outcomes ? Told(*outcomes) : outcomes.error().message;
  };
  const std::string allow = std::to_string(kRetAllow >> 16) + ".0";
  EXPECT_EQ(told(0), allow + " if always");
  EXPECT_EQ(told(165), "5.1 if always");
  EXPECT_EQ(told(435), "5.38 if always");
  EXPECT_EQ(told(56), allow + " if (low32(arg0) & 0x7e020000) == 0; 5.1 if otherwise");
  EXPECT_EQ(told(41), allow + " if arg0 != 38 && arg0 != 40; 5.1 if otherwise");
}

TEST(Explain, RangesCoverEveryNumberInOrder) {
  Workspace workspace;
  const auto diagram = workspace.Decide(RecordedFilter("containerd-2.3.1"));
  ASSERT_TRUE(diagram.has_value());
  const auto ranges = Explain(workspace, *diagram, kAuditArchX86_64);
  ASSERT_TRUE(ranges.has_value());
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < ranges->size(); ++i) {
    EXPECT_EQ((*ranges)[i].first_nr, next);
    next = std::uint64_t{(*ranges)[i].last_nr} + 1;
    if (i > 0) {
      EXPECT_NE((*ranges)[i].outcomes, (*ranges)[i - 1].outcomes);
    }
  }
  EXPECT_EQ(next, std::uint64_t{1} << 32);
}

TEST(Explain, GivesUpOnTooManyRanges) {
  Workspace workspace;
  const auto odd = workspace.Decide({{.code = kLdAbs, .k = 0},
                                     {.code = kJsetK, .jt = 1, .jf = 0, .k = 1},
                                     {.code = kRetK, .k = kRetErrno | 1},
                                     {.code = kRetK, .k = kRetAllow}});
  ASSERT_TRUE(odd.has_value());
  const auto ranges = Explain(workspace, *odd, kAuditArchX86_64, 100);
  ASSERT_FALSE(ranges.has_value());
  EXPECT_TRUE(IsUndecided(ranges.error()));
}

// Exactly one outcome holds for each input, and it is what the filter returns.
TEST(Explain, OutcomesAgreeWithTheInterpreter) {
  Random random(51);
  std::size_t checked = 0;
  for (std::size_t round = 0; round < 300 * TestFactor() && !HasFailure(); ++round) {
    Workspace workspace({.nodes = 100'000, .operations = 200'000});
    const Program program = RandomProgram(random, Flavor::kFilter, 25);
    const auto diagram = workspace.Decide(program);
    if (!diagram) continue;
    const SeccompData data = RandomInput(random, program);
    const auto outcomes = ExplainSyscall(workspace, *diagram, data.arch, data.nr);
    if (!outcomes) continue;
    for (int i = 0; i < 20; ++i) {
      SeccompData input = RandomInput(random, program);
      input.arch = data.arch;
      input.nr = data.nr;
      std::uint32_t expected = outcomes->back().value;  // otherwise
      bool complete = true;
      for (const Outcome& outcome : *outcomes) {
        complete = complete && outcome.condition.complete;
        const auto region = complete ? RegionOf(workspace, outcome.condition) : Region{};
        if (!outcome.otherwise && region && workspace.Contains(*region, input))
          expected = outcome.value;
      }
      if (!complete) break;
      ++checked;
      EXPECT_EQ(expected, Normalize(Evaluate(program, input)));
    }
  }
  EXPECT_GT(checked, 2'000U);
}

}  // namespace
}  // namespace seccompd::bpf
