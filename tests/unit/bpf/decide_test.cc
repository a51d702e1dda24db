// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/decide.h"

#include <gtest/gtest.h>

#include <algorithm>
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

// A = low bits of one argument, X = low bits of another, every pair of values.
TEST(Decide, ComputesEveryOperationOnTwoArguments) {
  constexpr std::uint16_t kCodes[] = {kAddX, kSubX, kMulX, kDivX, kOrX,
                                      kAndX, kLshX, kRshX, kXorX, kNeg};
  Workspace workspace;
  for (const std::uint16_t code : kCodes) {
    workspace.Reset();
    const Program program = {
        {.code = kLdAbs, .k = 24},   {.code = kAndK, .k = 0x27},     {.code = kTax},
        {.code = kLdAbs, .k = 16},   {.code = kAndK, .k = 0x3f},     {.code = code},
        {.code = kAndK, .k = 0xfff}, {.code = kOrK, .k = kRetErrno}, {.code = kRetA}};
    const auto diagram = workspace.Decide(program);
    ASSERT_TRUE(diagram.has_value()) << code << " " << diagram.error().message;
    for (std::uint64_t a = 0; a < 64; ++a) {
      for (std::uint64_t x = 0; x < 64; ++x) {
        const SeccompData data = {.args = {a, x}};
        ASSERT_EQ(workspace.Evaluate(*diagram, data), Normalize(Evaluate(program, data)))
            << "opcode " << code << " a " << a << " x " << x;
      }
    }
  }
}

TEST(Decide, DividesWholeWordsByConstants) {
  Random random(61);
  Workspace workspace;
  for (const std::uint32_t divisor : {1U, 2U, 3U, 7U, 10U, 0x10000U, 0x80000000U, 0xffffffffU}) {
    workspace.Reset();
    const Program program = {{.code = kLdAbs, .k = 16},
                             {.code = kDivK, .k = divisor},
                             {.code = kAndK, .k = 0xf},
                             {.code = kOrK, .k = kRetErrno},
                             {.code = kRetA}};
    const auto diagram = workspace.Decide(program);
    ASSERT_TRUE(diagram.has_value()) << divisor;
    for (int i = 0; i < 500; ++i) {
      const SeccompData data = RandomInput(random, program);
      ASSERT_EQ(workspace.Evaluate(*diagram, data), Normalize(Evaluate(program, data)));
    }
  }
}

TEST(Decide, ReturnsAnArgumentAsItIs) {
  Random random(62);
  Workspace workspace;
  const Program program = {{.code = kLdAbs, .k = 16}, {.code = kRetA}};
  const auto diagram = workspace.Decide(program);
  ASSERT_TRUE(diagram.has_value());
  for (int i = 0; i < 20'000; ++i) {
    SeccompData data = RandomInput(random, program);
    constexpr std::uint32_t kActions[] = {kRetErrno, kRetTrace, kRetAllow, kRetKillProcess,
                                          0x60000};
    if (i % 2 == 0) data.args[0] = kActions[random.Below(5)] | random.Below(0x10000);
    ASSERT_EQ(workspace.Evaluate(*diagram, data), Normalize(Evaluate(program, data)));
  }
}

TEST(Decide, StacksAgreeWithTheInterpreter) {
  Random random(63);
  std::size_t decided = 0;
  Workspace workspace({.nodes = 100'000, .operations = 100'000});
  for (std::size_t round = 0; round < 300 * TestFactor(); ++round) {
    workspace.Reset();
    Stack stack;
    for (std::uint32_t i = random.Below(4); i > 0; --i) {
      stack.push_back(RandomProgram(random, Flavor::kFilter, 15));
    }
    const auto diagram = workspace.Decide(stack);
    if (!diagram) continue;
    ++decided;
    for (int i = 0; i < 100; ++i) {
      const Program& near = stack.empty() ? Program{{.code = kRetK}} : stack.front();
      const SeccompData data = RandomInput(random, near);
      ASSERT_EQ(workspace.Evaluate(*diagram, data), Normalize(EvaluateStack(stack, data)))
          << "round " << round;
    }
  }
  EXPECT_GT(decided, 250U);
}

// An unknown action kills, but only if no lower action of another filter wins.
TEST(Decide, UnknownActionsKeepTheirPlaceInAStack) {
  Workspace workspace;
  const auto decide = [&](std::uint32_t older, std::uint32_t newer) {
    const auto diagram =
        workspace.Decide(Stack{{{.code = kRetK, .k = older}}, {{.code = kRetK, .k = newer}}});
    return workspace.Evaluate(diagram.value_or(Diagram{}), {});
  };
  EXPECT_EQ(decide(kRetErrno | 7, 0x00060000), kRetErrno | 7);
  EXPECT_EQ(decide(0x00060000, kRetErrno | 7), kRetErrno | 7);
  EXPECT_EQ(decide(kRetErrno | 7, 0x00040000), kRetKillProcess);
  EXPECT_EQ(decide(0x00040000, 0x00041000), kRetKillProcess);
  EXPECT_EQ(decide(kRetErrno | 7, kRetErrno | 9), kRetErrno | 9);
  EXPECT_EQ(decide(kRetErrno | 5000, kRetAllow), kRetErrno | 4095);
  EXPECT_EQ(decide(kRetTrap | 5, kRetAllow), kRetTrap);
}

// Chains of comparisons of one word are built in one step: order, repeats, jumps in between and
// into the middle, and continuations that look at the same word again.
TEST(Decide, ChainsOfComparisonsAgreeWithTheInterpreter) {
  Random random(66);
  Workspace workspace;
  for (std::size_t round = 0; round < 300 * TestFactor() && !::testing::Test::HasFailure();
       ++round) {
    Program program;
    if (random.OneIn(3)) {  // something tested before, so that states differ
      program = {{.code = kLdAbs, .k = 16}, {.code = kJsetK, .jt = 1, .jf = 0, .k = 4}};
    }
    const std::uint32_t offset = 4 * random.Below(16);
    program.push_back({.code = kLdAbs, .k = offset});
    const std::uint32_t length = 2 + random.Below(30);
    for (std::uint32_t i = 0; i < length; ++i) {
      const std::uint32_t left = length - i;
      const auto jump = [&] { return static_cast<std::uint8_t>(random.Below(left)); };
      if (random.OneIn(8)) {
        program.push_back({.code = kJa, .k = random.Below(std::min(left, 3U))});
      } else if (random.OneIn(8)) {
        program.push_back({.code = kLdAbs, .k = random.OneIn(2) ? offset : 4 * random.Below(16)});
      } else if (random.OneIn(8)) {
        program.push_back({.code = kJgtK, .jt = jump(), .jf = 0, .k = random.Below(12)});
      } else {
        program.push_back({.code = kJeqK, .jt = jump(), .jf = 0, .k = random.Below(12)});
      }
    }
    for (std::uint32_t i = 0; i < 4; ++i) program.push_back({.code = kRetK, .k = kRetErrno | i});
    workspace.Reset();
    const auto diagram = workspace.Decide(program);
    ASSERT_TRUE(diagram.has_value());
    for (int i = 0; i < 200; ++i) {
      SeccompData data;
      data.nr = random.Below(14);
      data.arch = random.Below(14);
      data.instruction_pointer = random.Below(14);
      for (auto& arg : data.args) arg = random.Below(14) | std::uint64_t{random.Below(14)} << 32;
      ASSERT_EQ(workspace.Evaluate(*diagram, data), Normalize(Evaluate(program, data)))
          << "round " << round;
    }
  }
}

TEST(Decide, EmptyStackAllows) {
  Workspace workspace;
  const auto diagram = workspace.Decide(Stack{});
  ASSERT_TRUE(diagram.has_value());
  EXPECT_EQ(*diagram, *workspace.Always(kRetAllow));
}

TEST(Decide, RefusesWhatTheKernelRefuses) {
  Workspace workspace;
  const auto diagram = workspace.Decide(Program{{.code = 0x28}});
  ASSERT_FALSE(diagram.has_value());
  EXPECT_EQ(diagram.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_FALSE(IsUndecided(diagram.error()));
  const auto stack = workspace.Decide(Stack{{{.code = kRetK}}, {}});
  ASSERT_FALSE(stack.has_value());
  EXPECT_EQ(stack.error().message, "filter 1: 0 instructions; the kernel loads 1 to 4096");
}

// Whatever the limits, the answer is the same or there is none.
TEST(Decide, LimitsNeverChangeTheAnswer) {
  Random random(64);
  for (std::size_t round = 0; round < 60 * TestFactor(); ++round) {
    const Program program = RandomProgram(random, Flavor::kArithmetic, 25);
    Workspace wide;
    const auto whole = wide.Decide(program);
    if (!whole) continue;
    const base::Digest expected = wide.Fingerprint(*whole);
    std::size_t undecided = 0;
    for (std::uint64_t limit = 1; limit < 1'000'000; limit = limit * 3 + 1) {
      Workspace by_operations({.nodes = 1'000'000, .operations = limit});
      Workspace by_nodes({.nodes = limit, .operations = 1'000'000'000});
      for (Workspace* narrow : {&by_operations, &by_nodes}) {
        const auto diagram = narrow->Decide(program);
        if (diagram) {
          EXPECT_EQ(narrow->Fingerprint(*diagram), expected);
        } else {
          EXPECT_TRUE(IsUndecided(diagram.error()));
          ++undecided;
        }
      }
    }
    EXPECT_GT(undecided, 0U);
  }
}

// A workspace that gave up serves the next program after Reset as if nothing had been.
TEST(Decide, OutcomeDependsOnlyOnTheCallsSinceReset) {
  Random random(65);
  Workspace used({.nodes = 20'000, .operations = 20'000});
  for (int round = 0; round < 200; ++round) {
    const Program program = RandomProgram(random, Flavor::kArithmetic, 40);
    used.Reset();
    Workspace fresh({.nodes = 20'000, .operations = 20'000});
    const auto a = used.Decide(program);
    const auto b = fresh.Decide(program);
    ASSERT_EQ(a.has_value(), b.has_value());
    ASSERT_EQ(used.Store().size(), fresh.Store().size());
    ASSERT_EQ(used.Store().OperationsLeft(), fresh.Store().OperationsLeft());
  }
}

TEST(Decide, HostileProgramsStayWithinTheirMemory) {
  // Every path adds other constants: as many states as there are paths.
  Program states = {{.code = kLdImm}, {.code = kSt}};
  while (states.size() + 8 < kMaxInstructions) {
    const auto i = static_cast<std::uint32_t>(states.size());
    states.push_back({.code = kLdAbs, .k = 16 + 4 * (i % 12)});
    states.push_back({.code = kJsetK, .jt = 0, .jf = 3, .k = 1U << (i % 32)});
    states.push_back({.code = kLdMem});
    states.push_back({.code = kAddK, .k = i * 2654435761U});
    states.push_back({.code = kSt});
  }
  states.push_back({.code = kLdMem});
  states.push_back({.code = kRetA});
  // Single bits of all words, each with its own errno.
  Program masks;
  std::uint32_t k = 7;
  while (masks.size() + 4 < kMaxInstructions) {
    k = k * 1664525U + 1013904223U;
    masks.push_back({.code = kLdAbs, .k = 4 * (k >> 28)});
    masks.push_back({.code = kJsetK, .jt = 0, .jf = 1, .k = k});
    masks.push_back({.code = kRetK, .k = kRetErrno | (k >> 20)});
  }
  masks.push_back({.code = kRetK, .k = kRetAllow});
  for (const Program& program : {states, masks}) {
    Workspace workspace;
    const auto diagram = workspace.Decide(program);
    ASSERT_FALSE(diagram.has_value());
    EXPECT_TRUE(IsUndecided(diagram.error()));
    EXPECT_LT(workspace.Footprint(), std::size_t{64} << 20);
  }
}

TEST(Workspace, RestrictKeepsOnlyTheGivenArchs) {
  Workspace workspace;
  const auto allow = workspace.Always(kRetAllow);
  ASSERT_TRUE(allow.has_value());
  const std::array<std::uint32_t, 2> archs = {kAuditArchX86_64, kAuditArchI386};
  const auto restricted = workspace.Restrict(*allow, archs);
  ASSERT_TRUE(restricted.has_value());
  EXPECT_EQ(workspace.Evaluate(*restricted, {.arch = kAuditArchI386, .args = {~0ULL}}), kRetAllow);
  EXPECT_EQ(workspace.Evaluate(*restricted, {.arch = kAuditArchX86_64}), kRetAllow);
  EXPECT_EQ(workspace.Evaluate(*restricted, {.arch = 0xc00000b7}), kRetKillProcess);
}

TEST(Workspace, RegionsAreSets) {
  Workspace workspace;
  const auto range = workspace.WordInRange(kNrWord, 10, 20);
  const auto even = workspace.WordMasked(kNrWord, 1, 0);
  ASSERT_TRUE(range && even);
  const auto both = workspace.Intersect(*range, *even);
  const auto odd = workspace.Subtract(*range, *even);
  const auto either = workspace.Unite(*both, *odd);
  ASSERT_TRUE(both && odd && either);
  EXPECT_EQ(*either, *range);
  for (std::uint32_t nr = 0; nr < 30; ++nr) {
    const bool inside = nr >= 10 && nr <= 20;
    EXPECT_EQ(workspace.Contains(*range, {.nr = nr}), inside);
    EXPECT_EQ(workspace.Contains(*both, {.nr = nr}), inside && nr % 2 == 0);
    EXPECT_EQ(workspace.Contains(*odd, {.nr = nr}), inside && nr % 2 == 1);
  }
  EXPECT_EQ(workspace.AnyInput(*odd)->nr, 11U);
  EXPECT_FALSE(workspace.AnyInput(Workspace::Nothing()).has_value());
  const auto selected =
      workspace.Select(*odd, *workspace.Always(kRetAllow), *workspace.Always(kRetErrno | 1));
  ASSERT_TRUE(selected.has_value());
  const auto allowed =
      workspace.Where(*selected, [](std::uint32_t value) { return value == kRetAllow; });
  ASSERT_TRUE(allowed.has_value());
  EXPECT_EQ(*allowed, *odd);
}

}  // namespace
}  // namespace seccompd::bpf
