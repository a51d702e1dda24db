// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "common/bpf/evaluate.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/bpf/verify.h"
#include "tests/unit/bpf/filter_files.h"
#include "tests/unit/bpf/program_generator.h"

namespace seccompd::bpf {
namespace {

using ::testing::ElementsAre;
using testing::Flavor;
using testing::Random;
using testing::RandomInput;
using testing::RandomProgram;
using testing::RecordedFilter;
using testing::StubSection;
using testing::TestFactor;
using testing::WithEnosysStub;

constexpr std::uint32_t kX32 = 0x40000000;
constexpr StubSection kX86Section = {
    .arch = kAuditArchX86_64, .last_nr = 456, .last_x32_nr = kX32 + 547};
constexpr StubSection kI386Section = {.arch = kAuditArchI386, .last_nr = 456, .last_x32_nr = {}};

std::uint32_t Decided(const Program& program, const SeccompData& data) {
  return Normalize(Evaluate(program, data));
}

class CompareTest : public ::testing::Test {
 protected:
  Diagram DiagramOf(const Program& program) {
    const auto diagram = workspace_.Decide(program);
    EXPECT_TRUE(diagram.has_value()) << diagram.error().message;
    return diagram.value_or(Diagram{});
  }
  Comparison CompareThem(const Program& a, const Program& b, const CompareOptions& options = {}) {
    const auto comparison = Compare(workspace_, DiagramOf(a), DiagramOf(b), options);
    EXPECT_TRUE(comparison.has_value()) << comparison.error().message;
    return comparison.value_or(Comparison{});
  }
  // Does the input lie in the block? Conditions must be complete.
  bool Covers(const Difference& block, const SeccompData& data) {
    if (data.arch < block.first_arch || data.arch > block.last_arch) return false;
    if (data.nr < block.first_nr || data.nr > block.last_nr) return false;
    const auto region = RegionOf(workspace_, block.condition);
    EXPECT_TRUE(region.has_value());
    return region && workspace_.Contains(*region, data);
  }

  Workspace workspace_;
};

TEST_F(CompareTest, AProgramEqualsItself) {
  const Program filter = RecordedFilter("containerd-1.7.32");
  ASSERT_EQ(filter.size(), 1010U);
  EXPECT_EQ(CompareThem(filter, filter), Comparison{});
}

TEST_F(CompareTest, OtherShapeOfTheSameMeaningIsEqual) {
  const Program plain = RecordedFilter("containerd-1.7.32");
  const Program optimized = RecordedFilter("containerd-1.7.32-optimized");
  ASSERT_NE(plain, optimized);
  EXPECT_EQ(CompareThem(plain, optimized).relation, Relation::kEqual);
}

TEST_F(CompareTest, RuncStubIsEqualExceptForEnosys) {
  const Program plain = RecordedFilter("containerd-1.7.32");
  const Program stubbed = WithEnosysStub(plain, std::vector{kX86Section, kI386Section});
  ASSERT_TRUE(Verify(stubbed).has_value());
  const Comparison comparison = CompareThem(plain, stubbed);
  EXPECT_EQ(comparison.relation, Relation::kEqualExceptEnosys);
  EXPECT_THAT(
      comparison.enosys,
      ElementsAre(EnosysTail{.arch = kAuditArchI386, .x32 = false, .first_nr = 457},
                  EnosysTail{.arch = kAuditArchX86_64, .x32 = false, .first_nr = 457},
                  EnosysTail{.arch = kAuditArchX86_64, .x32 = true, .first_nr = kX32 + 548}));
  EXPECT_EQ(comparison.weaker, 0U);
  EXPECT_EQ(comparison.stricter, 0U);
  const Comparison mirrored = CompareThem(stubbed, plain);
  EXPECT_EQ(mirrored.relation, Relation::kEqualExceptEnosys);
  EXPECT_FALSE(mirrored.enosys.front().in_second);
}

TEST_F(CompareTest, TwoStubsWithOtherThresholdsAreEqualExceptForEnosys) {
  const Program plain = RecordedFilter("containerd-1.7.32");
  const StubSection later = {.arch = kAuditArchI386, .last_nr = 466, .last_x32_nr = {}};
  const Comparison comparison = CompareThem(WithEnosysStub(plain, std::vector{later}),
                                            WithEnosysStub(plain, std::vector{kI386Section}));
  EXPECT_EQ(comparison.relation, Relation::kEqualExceptEnosys);
  EXPECT_THAT(comparison.enosys,
              ElementsAre(EnosysTail{.arch = kAuditArchI386, .x32 = false, .first_nr = 457}));
  EXPECT_EQ(comparison.differences.front().last_nr, 466U);
}

TEST_F(CompareTest, EnosysBelowTheLastKnownSyscallIsADifference) {
  const Program plain = RecordedFilter("containerd-1.7.32");
  const Program stubbed = WithEnosysStub(plain, std::vector{kI386Section});
  const CompareOptions options = {.last_syscalls = {{kAuditArchI386, false, 457}}};
  EXPECT_EQ(CompareThem(plain, stubbed, options).relation, Relation::kDifferent);
}

TEST_F(CompareTest, EnosysInsteadOfAllowIsStricterNotAStub) {
  const Program plain = RecordedFilter("containerd-1.7.32");
  const StubSection low = {.arch = kAuditArchI386, .last_nr = 400, .last_x32_nr = {}};
  const Comparison comparison = CompareThem(plain, WithEnosysStub(plain, std::vector{low}));
  EXPECT_EQ(comparison.relation, Relation::kDifferent);
  EXPECT_GT(comparison.stricter, 0U);
}

TEST_F(CompareTest, EnosysWithAHoleIsADifference) {
  // Everything from 450 on is ENOSYS but for 500.
  const Program refuse = {{.code = kRetK, .k = kRetErrno | 1}};
  const Program holed = {{.code = kLdAbs, .k = 4},
                         {.code = kJeqK, .jt = 0, .jf = 3, .k = kAuditArchI386},
                         {.code = kLdAbs, .k = 0},
                         {.code = kJeqK, .jt = 1, .jf = 0, .k = 500},
                         {.code = kJgtK, .jt = 1, .jf = 0, .k = 449},
                         {.code = kRetK, .k = kRetErrno | 1},
                         {.code = kRetK, .k = kRetErrno | kEnosys}};
  EXPECT_EQ(CompareThem(refuse, holed).relation, Relation::kDifferent);
}

TEST_F(CompareTest, NamesTheOneRuleThatWasAdded) {
  // 1.7.32 refuses socket(AF_ALG), 1.7.13 does not.
  const Comparison comparison =
      CompareThem(RecordedFilter("containerd-1.7.13"), RecordedFilter("containerd-1.7.32"));
  ASSERT_EQ(comparison.relation, Relation::kDifferent);
  EXPECT_EQ(comparison.weaker, 0U);
  EXPECT_EQ(comparison.other, 0U);
  std::vector<std::string> lines;
  for (const Difference& block : comparison.differences) {
    EXPECT_EQ(block.direction, Direction::kStricter);
    EXPECT_EQ(block.from, kRetAllow);
    EXPECT_EQ(block.to, kRetErrno | 1);
    EXPECT_EQ(block.first_nr, block.last_nr);
    lines.push_back(std::to_string(block.first_nr & ~kX32) + " " + ToText(block.condition));
  }
  EXPECT_THAT(lines, ElementsAre("359 low32(arg0) == 38", "41 arg0 == 38", "41 low32(arg0) == 38"));
}

TEST_F(CompareTest, CountsMoreBlocksThanItLists) {
  // Odd numbers against all numbers: 2^31 blocks.
  const Program odd = {{.code = kLdAbs, .k = 0},
                       {.code = kJsetK, .jt = 1, .jf = 0, .k = 1},
                       {.code = kRetK, .k = kRetErrno | 1},
                       {.code = kRetK, .k = kRetAllow}};
  const Program none = {{.code = kRetK, .k = kRetErrno | 1}};
  const Comparison comparison = CompareThem(none, odd, {.max_differences = 10});
  EXPECT_EQ(comparison.total, std::uint64_t{1} << 31);
  EXPECT_EQ(comparison.weaker, comparison.total);
  ASSERT_EQ(comparison.differences.size(), 10U);
  EXPECT_EQ(comparison.differences[9].first_nr, 19U);
  EXPECT_EQ(comparison.differences[0].last_arch, 0xffffffff);
}

TEST_F(CompareTest, TraceAndNotifyLieBetweenRefusedAndAllowed) {
  EXPECT_EQ(DirectionOf(kRetErrno | 1, kRetTrace), Direction::kWeaker);
  EXPECT_EQ(DirectionOf(kRetUserNotif, kRetTrace), Direction::kWeaker);
  EXPECT_EQ(DirectionOf(kRetAllow, kRetUserNotif), Direction::kStricter);
  EXPECT_EQ(DirectionOf(kRetAllow, kRetLog), Direction::kOther);
  EXPECT_EQ(DirectionOf(kRetErrno | 1, kRetKillProcess), Direction::kOther);
}

TEST_F(CompareTest, FingerprintsAgreeExactlyWithEquality) {
  const Program plain = RecordedFilter("containerd-1.7.32");
  const auto print = [](const Program& program) {
    Workspace fresh;
    const auto diagram = fresh.Decide(program);
    return fresh.Fingerprint(diagram.value_or(Diagram{}));
  };
  EXPECT_EQ(print(plain), print(RecordedFilter("containerd-1.7.32-optimized")));
  EXPECT_NE(print(plain), print(RecordedFilter("containerd-1.7.13")));
  // runc's sections come in another order at each start.
  std::vector<StubSection> sections = {
      kX86Section, kI386Section, {.arch = 0xc00000b7, .last_nr = 456, .last_x32_nr = {}}};
  const base::Digest first = print(WithEnosysStub(plain, sections));
  const auto by_arch = [](const StubSection& a, const StubSection& b) { return a.arch < b.arch; };
  std::sort(sections.begin(), sections.end(), by_arch);
  do {
    EXPECT_EQ(print(WithEnosysStub(plain, sections)), first);
  } while (std::next_permutation(sections.begin(), sections.end(), by_arch));
}

TEST_F(CompareTest, FingerprintNeverChangesBetweenBuilds) {
  EXPECT_EQ(workspace_.Fingerprint(DiagramOf(RecordedFilter("containerd-2.3.1"))).Hex(),
            "d4311f58a4e6810fd4fb2b14c4c973e8abd6fd52806482d3015fedc41f9b6e47");
}

// Blocks, counts and directions of random pairs against the interpreter.
TEST_F(CompareTest, BlocksAreExactlyTheInputsThatDiffer) {
  Random random(31);
  std::size_t different = 0;
  for (std::size_t round = 0; round < 400 * TestFactor() && !HasFailure(); ++round) {
    workspace_.Reset();
    const Program a = RandomProgram(random, Flavor::kFilter, 25);
    Program b = a;
    if (random.OneIn(3)) {
      b = RandomProgram(random, Flavor::kFilter, 25);
    } else {
      b[random.Below(static_cast<std::uint32_t>(b.size()))].k ^= 1U << random.Below(32);
      if (!Verify(b)) continue;
    }
    const Comparison comparison = CompareThem(a, b, {.max_differences = 200, .max_terms = 64});
    const bool listed = comparison.total == comparison.differences.size();
    EXPECT_EQ(comparison.relation == Relation::kEqual, comparison.total == 0);
    EXPECT_LE(comparison.differences.size(), comparison.total);
    bool complete = listed;
    for (const Difference& block : comparison.differences) {
      EXPECT_EQ(Decided(a, block.witness), block.from);
      EXPECT_EQ(Decided(b, block.witness), block.to);
      EXPECT_NE(block.from, block.to);
      complete = complete && block.condition.complete;
    }
    if (!complete) continue;
    ++different;
    for (const Difference& block : comparison.differences)
      EXPECT_TRUE(Covers(block, block.witness));
    for (int i = 0; i < 60; ++i) {
      SeccompData data = RandomInput(random, random.OneIn(2) ? a : b);
      if (!comparison.differences.empty() && random.OneIn(2)) {
        const auto& block = comparison.differences[random.Below(
            static_cast<std::uint32_t>(comparison.differences.size()))];
        data.arch = block.witness.arch;
        data.nr = block.first_nr + random.Below(3) - 1;
      }
      const auto hits = std::count_if(
          comparison.differences.begin(), comparison.differences.end(), [&](const auto& block) {
            return Covers(block, data) && block.from == Decided(a, data) &&
                   block.to == Decided(b, data);
          });
      EXPECT_EQ(hits, Decided(a, data) == Decided(b, data) ? 0 : 1) << "round " << round;
    }
  }
  EXPECT_GT(different, 100U);
}

TEST_F(CompareTest, IsSymmetric) {
  Random random(32);
  for (std::size_t round = 0; round < 200 * TestFactor() && !HasFailure(); ++round) {
    workspace_.Reset();
    const Program a = RandomProgram(random, Flavor::kFilter, 20);
    const Program b = RandomProgram(random, Flavor::kFilter, 20);
    const CompareOptions options = {.max_differences = 100'000, .max_terms = 8};
    const auto forth = Compare(workspace_, DiagramOf(a), DiagramOf(b), options);
    const auto back = Compare(workspace_, DiagramOf(b), DiagramOf(a), options);
    if (!forth || !back) continue;
    EXPECT_EQ(forth->relation, back->relation);
    EXPECT_EQ(forth->total, back->total);
    EXPECT_EQ(forth->weaker, back->stricter);
    EXPECT_EQ(forth->stricter, back->weaker);
    EXPECT_EQ(forth->other, back->other);
    std::uint64_t weaker = 0;
    for (const Difference& block : forth->differences) {
      if (block.direction == Direction::kWeaker) ++weaker;
    }
    if (forth->differences.size() < options.max_differences) {
      EXPECT_EQ(forth->differences.size(), forth->total);
      EXPECT_EQ(weaker, forth->weaker);
    }
  }
}

TEST_F(CompareTest, BitsThatNobodyReadsMeanNothing) {
  const Program filter = RecordedFilter("containerd-1.7.32");
  Program flipped = filter;
  for (Instruction& at : flipped) {
    if (at.code == kRetK || at.code == kLdAbs) at.jt ^= 0x55;  // only jumps have targets
    if (at.code == kRetK && at.k == kRetAllow) at.k |= 3;      // ALLOW has no data
  }
  ASSERT_NE(filter, flipped);
  EXPECT_EQ(CompareThem(filter, flipped).relation, Relation::kEqual);
}

Program WithFlippedBit(Program program, std::size_t bit) {
  constexpr std::size_t kBits = 8 * sizeof(Instruction);
  Instruction& at = program[bit / kBits];
  bit %= kBits;
  if (bit < 32) {
    at.k ^= 1U << bit;
  } else if (bit < 40) {
    at.jf ^= static_cast<std::uint8_t>(1U << (bit - 32));
  } else if (bit < 48) {
    at.jt ^= static_cast<std::uint8_t>(1U << (bit - 40));
  } else {
    at.code ^= static_cast<std::uint16_t>(1U << (bit - 48));
  }
  return program;
}

bool SomeInputDiffers(Random& random, const Program& a, const Program& b) {
  constexpr int kTries = 20'000;
  for (int i = 0; i < kTries; ++i) {
    const SeccompData data = RandomInput(random, a);
    if (Decided(a, data) != Decided(b, data)) return true;
  }
  return false;
}

// Flips every `step`th bit of a filter, one at a time: what the kernel would still load is found
// different, with a true witness for each block, or is truly equal. Returns how many differ.
std::size_t FlipBits(Workspace& workspace, const Program& filter, std::size_t step) {
  Random random(33);
  std::size_t different = 0;
  std::size_t undecided = 0;
  const std::size_t bits = filter.size() * 8 * sizeof(Instruction);
  for (std::size_t bit = 0; bit < bits && !::testing::Test::HasFailure(); bit += step) {
    const Program flipped = WithFlippedBit(filter, bit);
    if (!Verify(flipped)) continue;  // the kernel would not load it
    workspace.Reset();
    const auto before = workspace.Decide(filter);
    const auto after = workspace.Decide(flipped);
    CompareOptions options;
    options.max_differences = 50;
    options.max_terms = 1;
    if (!before || !after) {
      ++undecided;  // said so, and never taken for equal
      continue;
    }
    const auto comparison = Compare(workspace, *before, *after, options);
    if (!comparison) {  // too many blocks to list, but found to be different
      EXPECT_NE(*before, *after) << "bit " << bit;
      EXPECT_TRUE(SomeInputDiffers(random, filter, flipped)) << "bit " << bit;
      ++different;
      continue;
    }
    for (const Difference& block : comparison->differences) {
      EXPECT_EQ(Decided(filter, block.witness), block.from) << "bit " << bit;
      EXPECT_EQ(Decided(flipped, block.witness), block.to) << "bit " << bit;
      EXPECT_NE(block.from, block.to);
    }
    if (comparison->relation != Relation::kEqual) {
      EXPECT_FALSE(comparison->differences.empty());
      ++different;
      continue;
    }
    for (int i = 0; i < 50; ++i) {
      const SeccompData data = RandomInput(random, flipped);
      EXPECT_EQ(Decided(filter, data), Decided(flipped, data)) << "bit " << bit;
    }
  }
  EXPECT_LE(undecided, 1 + different / 50);
  return different;
}

// Every single bit of real filters, as runc and crun loaded them.
TEST(CompareBits, EveryFlippedBitIsFoundOrMeansTheSame) {
  Workspace workspace;
  for (const char* name : {"runtimes/log-all.crun", "runtimes/deny-by-argument.runc"}) {
    const Program filter = RecordedFilter(name);
    ASSERT_FALSE(filter.empty()) << name;
    EXPECT_GT(FlipBits(workspace, filter, 1), 2 * filter.size()) << name;
  }
}

// A step that is odd meets every bit of an instruction. All of them with
// SECCOMPD_TEST_FACTOR=500.
TEST(CompareBits, FlippedBitsOfALargeFilterAreFoundOrMeanTheSame) {
  const std::size_t step = std::max<std::size_t>(499 / TestFactor(), 1) | 1U;
  Workspace workspace;
  for (const char* name : {"containerd-1.7.32", "runtimes/native-only.runc"}) {
    EXPECT_GT(FlipBits(workspace, RecordedFilter(name), step), 15U) << name;
  }
}

}  // namespace
}  // namespace seccompd::bpf
