// SPDX-License-Identifier: Apache-2.0
// The kernel we run on against verify and evaluate: what it accepts, and what it computes.
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "common/bpf/evaluate.h"
#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/bpf/verify.h"
#include "tests/unit/bpf/kernel_oracle.h"
#include "tests/unit/bpf/program_generator.h"

namespace seccompd::bpf {
namespace {

using testing::BoundaryWord;
using testing::CallSite;
using testing::Flavor;
using testing::KernelAccepts;
using testing::KernelCall;
using testing::KernelRun;
using testing::Random;
using testing::RandomInput;
using testing::RandomProgram;
using testing::RunUnderFilters;
using testing::TestFactor;

// Above every system call table, below x32's bit.
constexpr std::uint32_t kUnusedNr = 0x00100000;

void Mutate(Random& random, Program& program) {
  Instruction& at = program[random.Below(static_cast<std::uint32_t>(program.size()))];
  switch (random.Below(7)) {
    case 0:
      at.code = static_cast<std::uint16_t>(random.Below(0x100));
      break;
    case 1:
      at.code ^= static_cast<std::uint16_t>(1U << random.Below(16));
      break;
    case 2:
      at.jt = static_cast<std::uint8_t>(random.Below(70));
      break;
    case 3:
      at.jf = static_cast<std::uint8_t>(random.Below(70));
      break;
    case 4:
      at.k = random.OneIn(2) ? BoundaryWord(random) : random.Below(80);
      break;
    case 5:
      at = {.code = random.OneIn(2) ? kLdMem : kLdxMem, .k = random.Below(17)};
      break;
    default:
      program.resize(1 + random.Below(static_cast<std::uint32_t>(program.size())));
  }
}

void ExpectSameJudgement(std::span<const Program> programs) {
  const auto accepted = KernelAccepts(programs);
  if (accepted.empty())
    GTEST_SKIP() << "this kernel or sandbox does not let a process filter itself";
  std::size_t yes = 0;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const auto verified = Verify(programs[i]);
    if (accepted[i]) ++yes;
    EXPECT_EQ(verified.has_value(), accepted[i])
        << "program " << i << ": " << (verified ? "accepted" : verified.error().message);
  }
  EXPECT_GT(yes, programs.size() / 20);
  EXPECT_GT(programs.size() - yes, programs.size() / 20);
}

TEST(VerifyAgainstKernel, JudgesMutatedProgramsAlike) {
  Random random(11);
  std::vector<Program> programs;
  for (std::size_t i = 0; i < 6'000 * TestFactor(); ++i) {
    Program program =
        RandomProgram(random, random.OneIn(3) ? Flavor::kFilter : Flavor::kArithmetic, 30);
    for (std::uint32_t n = random.Below(4); n > 0; --n) Mutate(random, program);
    programs.push_back(std::move(program));
  }
  ExpectSameJudgement(programs);
}

TEST(VerifyAgainstKernel, JudgesMemoryUseAlike) {
  Random random(12);
  std::vector<Program> programs;
  for (std::size_t i = 0; i < 6'000 * TestFactor(); ++i) {
    Program program;
    const std::uint32_t length = 3 + random.Below(12);
    while (program.size() + 1 < length) {
      const auto left = static_cast<std::uint32_t>(length - program.size() - 1);
      switch (random.Below(6)) {
        case 0:
          program.push_back({.code = random.OneIn(2) ? kLdMem : kLdxMem, .k = random.Below(3)});
          break;
        case 1:
        case 2:
          program.push_back({.code = random.OneIn(2) ? kSt : kStx, .k = random.Below(3)});
          break;
        case 3:
          program.push_back({.code = kJeqK,
                             .jt = static_cast<std::uint8_t>(random.Below(left)),
                             .jf = static_cast<std::uint8_t>(random.Below(left))});
          break;
        case 4:
          program.push_back({.code = kJa, .k = random.Below(left)});
          break;
        default:
          program.push_back({.code = random.OneIn(3) ? kRetK : kLdImm});
      }
    }
    program.push_back({.code = kRetK, .k = kRetAllow});
    programs.push_back(std::move(program));
  }
  ExpectSameJudgement(programs);
}

TEST(VerifyAgainstKernel, JudgesEveryOpcodeAndLengthAlike) {
  std::vector<Program> programs;
  for (std::uint32_t code = 0; code <= 0xffff; code += code < 0x200 ? 1 : 0x101) {
    for (const std::uint32_t k : {0U, 4U, 31U, 32U, 60U, 64U}) {
      programs.push_back({{.code = kSt, .k = 4},
                          {.code = static_cast<std::uint16_t>(code), .k = k},
                          {.code = kRetK}});
    }
  }
  for (const std::size_t length : {0U, 1U, 4095U, 4096U, 4097U}) {
    programs.emplace_back(length, Instruction{.code = kRetK, .k = kRetAllow});
  }
  for (std::uint32_t code = 0; code < 0x100; ++code) {
    programs.push_back({{.code = static_cast<std::uint16_t>(code), .k = 1}});
  }
  const auto accepted = KernelAccepts(programs);
  if (accepted.empty())
    GTEST_SKIP() << "this kernel or sandbox does not let a process filter itself";
  for (std::size_t i = 0; i < programs.size(); ++i) {
    EXPECT_EQ(Verify(programs[i]).has_value(), accepted[i])
        << "program " << i << " opcode " << (programs[i].size() > 1 ? programs[i][1].code : 0);
  }
}

// The body with its results turned into ERRNO with twelve bits of the value, chosen by `slice`;
// only for calls of number `nr`. A and X are 0 again when the body starts.
Program Observable(const Program& body, std::uint32_t nr, std::uint32_t slice) {
  Program result = {{.code = kLdAbs, .k = 0},
                    {.code = kJeqK, .jt = 1, .jf = 0, .k = nr},
                    {.code = kRetK, .k = kRetAllow},
                    {.code = kLdImm, .k = 0}};
  // Returns take two instructions here, so every jump is measured anew.
  std::vector<std::size_t> places;
  std::size_t place = result.size();
  for (const Instruction& at : body) {
    places.push_back(place);
    place += at.code == kRetK ? 2 : 1;
  }
  const std::size_t epilogue = place;
  const auto distance = [](std::size_t from, std::size_t to) {
    return static_cast<std::uint32_t>(to - from - 1);
  };
  for (std::size_t i = 0; i < body.size(); ++i) {
    Instruction at = body[i];
    if (at.code == kRetK) {
      result.push_back({.code = kLdImm, .k = at.k});
      result.push_back({.code = kJa, .k = distance(places[i] + 1, epilogue)});
      continue;
    }
    if (at.code == kRetA) {
      at = {.code = kJa, .k = distance(places[i], epilogue)};
    } else if (at.code == kJa) {
      at.k = distance(places[i], places[i + 1 + at.k]);
    } else if (IsConditionalJump(at.code)) {
      at.jt = static_cast<std::uint8_t>(distance(places[i], places[i + 1U + at.jt]));
      at.jf = static_cast<std::uint8_t>(distance(places[i], places[i + 1U + at.jf]));
    }
    result.push_back(at);
  }
  result.push_back({.code = kRshK, .k = 10 * slice});
  result.push_back({.code = kAndK, .k = kMaxErrno});
  result.push_back({.code = kOrK, .k = kRetErrno});
  result.push_back({.code = kRetA});
  return result;
}

SeccompData DataOf(const KernelCall& call) {
  SeccompData data{
      .nr = call.nr, .arch = call.arch, .instruction_pointer = CallSite(call.arch), .args = {}};
  // int 0x80 from 64-bit code: the filter sees the high halves, the system call does not.
  std::copy(std::begin(call.args), std::end(call.args), std::begin(data.args));
  return data;
}

// What the call returns if the filters decide with ERRNO, or nullopt if they end the child.
std::optional<std::int64_t> Predicted(const Stack& stack, const KernelCall& call) {
  const std::uint32_t value = Normalize(EvaluateStack(stack, DataOf(call)));
  if ((value & kRetActionMask) != kRetErrno) return std::nullopt;
  return -static_cast<std::int64_t>(value & kRetDataMask);
}

// Runs the calls; those predicted to kill come last and only the first of them is made.
std::size_t CompareWithKernel(const Stack& stack, std::vector<KernelCall> calls) {
  std::stable_partition(calls.begin(), calls.end(),
                        [&](const KernelCall& call) { return Predicted(stack, call).has_value(); });
  const KernelRun run = RunUnderFilters(stack, calls);
  if (!run.installed) return 0;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto predicted = Predicted(stack, calls[i]);
    ++compared;
    if (!predicted) {
      EXPECT_FALSE(run.answers[i].made) << "call " << i << " was to be killed";
      EXPECT_EQ(run.signal, SIGSYS);
      return compared;
    }
    EXPECT_TRUE(run.answers[i].made) << "call " << i << " died of signal " << run.signal;
    EXPECT_EQ(run.answers[i].result, *predicted) << "call " << i << " nr " << calls[i].nr;
    if (::testing::Test::HasFailure()) return compared;
  }
  EXPECT_EQ(run.signal, 0);
  return compared;
}

KernelCall RandomCall(Random& random, const Program& near, std::uint32_t nr) {
  const SeccompData data = RandomInput(random, near);
  KernelCall call{.nr = nr, .arch = kAuditArchX86_64, .args = {}};
  if (random.OneIn(4)) call.arch = kAuditArchI386;
  std::memcpy(call.args, data.args, sizeof(call.args));
  return call;
}

bool CanFilter() {
  const Program allow = {{.code = kRetK, .k = kRetAllow}};
  const KernelCall call{.nr = kUnusedNr, .arch = kAuditArchX86_64, .args = {}};
  const KernelCall call32{.nr = kUnusedNr, .arch = kAuditArchI386, .args = {}};
  const std::vector<KernelCall> calls = {call, call32};
  const KernelRun run = RunUnderFilters({allow}, calls);
  return run.installed && run.answers[1].made;
}

TEST(EvaluateAgainstKernel, ComputesAlikeForEveryOpcode) {
  if (!CanFilter()) GTEST_SKIP() << "no x86_64 with 32-bit calls, or filters are not allowed";
  Random random(21);
  std::size_t compared = 0;
  for (std::size_t round = 0; round < 30 * TestFactor() && !HasFailure(); ++round) {
    Stack stack;
    std::vector<KernelCall> calls;
    for (std::uint32_t i = 0; i < 20; ++i) {
      const Program body = RandomProgram(random, Flavor::kArithmetic, 24);
      const std::uint32_t nr = kUnusedNr + i;
      stack.push_back(Observable(body, nr, random.Below(3)));
      ASSERT_TRUE(Verify(stack.back()).has_value()) << Verify(stack.back()).error().message;
      for (int n = 0; n < 12; ++n) calls.push_back(RandomCall(random, body, nr));
    }
    compared += CompareWithKernel(stack, std::move(calls));
  }
  EXPECT_GT(compared, 1'500 * TestFactor());
}

// One opcode with X or K against every boundary, all 32 bits of the result.
TEST(EvaluateAgainstKernel, ComputesEveryAluOperationOnBoundaries) {
  if (!CanFilter()) GTEST_SKIP() << "no x86_64 with 32-bit calls, or filters are not allowed";
  Random random(22);
  constexpr std::uint16_t kCodes[] = {kAddX, kSubX, kMulX, kDivX, kOrX,  kAndX, kLshX, kRshX,
                                      kXorX, kNeg,  kAddK, kSubK, kMulK, kDivK, kLshK, kRshK};
  constexpr std::uint32_t kWords[] = {0,  1,  2,  3,    5,          30,         31,         32,
                                      33, 63, 64, 0xff, 0x7fffffff, 0x80000000, 0x80000001, ~0U};
  for (std::uint32_t slice = 0; slice < 3; ++slice) {
    Stack stack;
    std::vector<KernelCall> calls;
    std::uint32_t nr = kUnusedNr;
    for (const std::uint16_t code : kCodes) {
      const bool shift = code == kLshK || code == kRshK;
      const std::uint32_t k = shift ? random.Below(32) : 1 + random.Below(1000);
      stack.push_back(Observable({{.code = kLdAbs, .k = 24},
                                  {.code = kTax},
                                  {.code = kLdAbs, .k = 16},
                                  {.code = code, .k = k},
                                  {.code = kRetA}},
                                 nr, slice));
      for (const std::uint32_t a : kWords) {
        for (const std::uint32_t x : kWords) {
          calls.push_back({.nr = nr, .arch = kAuditArchX86_64, .args = {a, x}});
        }
      }
      ++nr;
    }
    EXPECT_GT(CompareWithKernel(stack, std::move(calls)), 3'000U);
  }
}

TEST(EvaluateAgainstKernel, StartsWithClearedRegisters) {
  if (!CanFilter()) GTEST_SKIP() << "no x86_64 with 32-bit calls, or filters are not allowed";
  // A and X are 0 and A + X + ALLOW is returned: anything else would end the child at once.
  const Program program = {{.code = kAddX}, {.code = kAddK, .k = kRetAllow}, {.code = kRetA}};
  const std::vector<KernelCall> calls(4, {.nr = kUnusedNr, .arch = kAuditArchX86_64, .args = {}});
  const KernelRun run = RunUnderFilters({program}, calls);
  ASSERT_TRUE(run.installed);
  EXPECT_EQ(run.signal, 0);
  EXPECT_EQ(Evaluate(program, {.nr = kUnusedNr, .arch = kAuditArchX86_64}), kRetAllow);
}

TEST(EvaluateAgainstKernel, CombinesStacksAlike) {
  if (!CanFilter()) GTEST_SKIP() << "no x86_64 with 32-bit calls, or filters are not allowed";
  Random random(23);
  // Actions that leave the child alive when they win: what it gets back tells them apart.
  constexpr std::uint32_t kValues[] = {kRetErrno | 7, kRetErrno | 9, kRetErrno | 5000,
                                       kRetErrno,     kRetTrace,     kRetUserNotif,
                                       kRetAllow,     kRetLog,       kRetAllow | 5};
  for (int round = 0; round < 50; ++round) {
    Stack stack;
    for (std::uint32_t i = 0; i <= random.Below(3); ++i) {
      stack.push_back({{.code = kLdAbs, .k = 0},
                       {.code = kJeqK, .jt = 1, .k = kUnusedNr},
                       {.code = kRetK, .k = kRetAllow},
                       {.code = kRetK, .k = kValues[random.Below(std::size(kValues))]}});
    }
    const KernelCall call{.nr = kUnusedNr, .arch = kAuditArchX86_64, .args = {}};
    const KernelRun run = RunUnderFilters(stack, std::vector<KernelCall>{call});
    ASSERT_TRUE(run.installed && run.answers[0].made);
    // No tracer, no listener and no such call: all of these are ENOSYS.
    EXPECT_EQ(run.answers[0].result,
              Predicted(stack, call).value_or(-static_cast<std::int64_t>(kEnosys)));
  }
}

TEST(EvaluateAgainstKernel, OrdersUnknownActionsByTheirValue) {
  if (!CanFilter()) GTEST_SKIP() << "no x86_64 with 32-bit calls, or filters are not allowed";
  const KernelCall call{.nr = kUnusedNr, .arch = kAuditArchX86_64, .args = {}};
  const auto filter = [](std::uint32_t value) {
    return Program{{.code = kLdAbs, .k = 0},
                   {.code = kJeqK, .jt = 1, .k = kUnusedNr},
                   {.code = kRetK, .k = kRetAllow},
                   {.code = kRetK, .k = value}};
  };
  // 0x00060000 lies above ERRNO and loses to it; 0x00040000 lies below, wins, and kills.
  for (const std::uint32_t unknown : {0x00060000U, 0x7ffe0000U, 0x00040000U, 0x90000000U}) {
    for (const bool newest : {false, true}) {
      Stack stack = {filter(kRetErrno | 7), filter(unknown)};
      if (!newest) std::swap(stack[0], stack[1]);
      const KernelRun run = RunUnderFilters(stack, std::vector<KernelCall>{call});
      ASSERT_TRUE(run.installed);
      const auto predicted = Predicted(stack, call);
      EXPECT_EQ(run.answers[0].made, predicted.has_value());
      EXPECT_EQ(run.signal, predicted ? 0 : SIGSYS);
      if (predicted) {
        EXPECT_EQ(run.answers[0].result, *predicted);
      }
    }
  }
}

}  // namespace
}  // namespace seccompd::bpf
