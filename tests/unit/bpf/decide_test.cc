// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/decide.h"

#include <gtest/gtest.h>

#include <array>

#include "common/bpf/evaluate.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/bpf/verify.h"
#include "tests/unit/bpf/program_generator.h"

namespace seccompd::bpf {
namespace {

using testing::Flavor;
using testing::Random;
using testing::RandomInput;
using testing::RandomProgram;
using testing::TestFactor;

struct Tally {
  std::size_t decided = 0;
  std::size_t undecided = 0;
};

// Every diagram must say what the interpreter says.
Tally AgreesWithEvaluate(Flavor flavor, std::uint64_t seed, std::size_t programs,
                         std::size_t inputs, std::size_t length) {
  Random random(seed);
  Tally tally;
  Workspace workspace({.nodes = 60'000, .operations = 60'000});
  for (std::size_t i = 0; i < programs; ++i) {
    const Program program = RandomProgram(random, flavor, length);
    EXPECT_TRUE(Verify(program).has_value());
    workspace.Reset();
    const auto diagram = workspace.Decide(program);
    if (!diagram) {
      EXPECT_TRUE(IsUndecided(diagram.error())) << diagram.error().message;
      ++tally.undecided;
      continue;
    }
    ++tally.decided;
    for (std::size_t j = 0; j < inputs; ++j) {
      const SeccompData data = RandomInput(random, program);
      const std::uint32_t expected = Normalize(Evaluate(program, data));
      EXPECT_EQ(workspace.Evaluate(*diagram, data), expected) << "program " << i;
      if (::testing::Test::HasFailure()) return tally;
    }
  }
  return tally;
}

TEST(Decide, AgreesWithTheInterpreterOnFilters) {
  const Tally tally = AgreesWithEvaluate(Flavor::kFilter, 1, 1'500 * TestFactor(), 300, 60);
  EXPECT_LE(tally.undecided * 50, tally.decided);
}

TEST(Decide, AgreesWithTheInterpreterOnEveryOpcode) {
  const Tally tally = AgreesWithEvaluate(Flavor::kArithmetic, 2, 1'500 * TestFactor(), 300, 40);
  EXPECT_LE(tally.undecided * 2, tally.decided);
}

}  // namespace
}  // namespace seccompd::bpf
