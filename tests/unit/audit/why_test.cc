// SPDX-License-Identifier: Apache-2.0
// Whoever reads a verdict at night is told why, and what to do.
#include "common/audit/why.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/audit/difference_words.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using testing::HasSubstr;

std::string WhyOf(Verdict verdict, Reason reason, const Subject& subject = {}) {
  Judgement judgement;
  judgement.verdict = verdict;
  judgement.reason = reason;
  return Why(subject, {}, judgement);
}

TEST(Why, EachReasonToKnowNothingHasASentenceOfItsOwn) {
  std::set<std::string> sentences;
  constexpr Reason kReasons[] = {
      Reason::kPrivileged,       Reason::kRace,           Reason::kBeforeLedger,
      Reason::kNotYetNamed,      Reason::kNodeDefault,    Reason::kBadProfileType,
      Reason::kNoHostPid,        Reason::kUnread,         Reason::kStarting,
      Reason::kNoProcess,        Reason::kNoPod,          Reason::kNoProfileText,
      Reason::kRuntimeVersion,   Reason::kUndecided,      Reason::kFilterPending,
      Reason::kFilterTorn,       Reason::kTooManyFilters, Reason::kTooManyInstructions,
      Reason::kFilterUnreadable, Reason::kFilterLimit,    Reason::kNotFound};
  for (const Reason reason : kReasons) {
    const std::string sentence = WhyOf(Verdict::kUnknown, reason);
    EXPECT_FALSE(sentence.empty()) << ReasonName(reason);
    EXPECT_TRUE(sentences.insert(sentence).second) << sentence;
  }
}

TEST(Why, WhatCanBeDoneIsSaid) {
  EXPECT_THAT(WhyOf(Verdict::kUnknown, Reason::kNodeDefault), HasSubstr("--node-default"));
  EXPECT_THAT(WhyOf(Verdict::kUnknown, Reason::kNoHostPid), HasSubstr("hostPID"));
  EXPECT_THAT(WhyOf(Verdict::kUnknown, Reason::kRuntimeVersion), HasSubstr("--bundles"));
  EXPECT_THAT(WhyOf(Verdict::kUnknown, Reason::kRace), HasSubstr("restart"));
  EXPECT_THAT(WhyOf(Verdict::kNotEnforced, Reason::kPrivileged), HasSubstr("privileged: true"));
  EXPECT_THAT(WhyOf(Verdict::kNotEnforced, Reason::kThread), HasSubstr("a thread runs without"));
  EXPECT_THAT(WhyOf(Verdict::kNotEnforced, Reason::kStrictMode), HasSubstr("strict mode"));
  EXPECT_THAT(WhyOf(Verdict::kNotEnforced, Reason::kInherited), HasSubstr("its runtime itself"));
  EXPECT_THAT(WhyOf(Verdict::kNotEnforced, Reason::kNone), HasSubstr("no filter is loaded"));
}

TEST(ReasonName, NoTwoReasonsShareOne) {
  std::set<std::string_view> names;
  constexpr int kReasons = static_cast<int>(Reason::kFilterLimit) + 1;
  for (int i = 0; i < kReasons; ++i) names.insert(ReasonName(static_cast<Reason>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kReasons));
}

TEST(ProfileStateName, NoTwoStatesShareOne) {
  std::set<std::string_view> names;
  constexpr int kStates = static_cast<int>(ProfileState::kOrphaned) + 1;
  for (int i = 0; i < kStates; ++i) names.insert(ProfileStateName(static_cast<ProfileState>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kStates));
}

class DifferenceWordsTest : public testing::Test {
 protected:
  // Of x86_64 unless `arch` says otherwise.
  static bpf::Difference Make(std::uint32_t first, std::uint32_t last, bpf::Direction direction,
                              std::uint32_t arch = bpf::kAuditArchX86_64) {
    return {.first_arch = arch,
            .last_arch = arch,
            .first_nr = first,
            .last_nr = last,
            .condition = {},
            .from = bpf::kRetErrno | 1U,
            .to = bpf::kRetAllow,
            .direction = direction,
            .witness = {}};
  }
  static std::string Words(std::vector<bpf::Difference> differences) {
    static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
    bpf::Comparison comparison;
    comparison.total = differences.size();
    comparison.differences = std::move(differences);
    return DifferenceWords(comparison, table, seccomp::Arch::kX86_64);
  }
};

TEST_F(DifferenceWordsTest, NumbersWithoutANameAreRanges) {
  using enum bpf::Direction;
  EXPECT_THAT(Words({Make(1'000, 1'000, kWeaker)}), HasSubstr("permits nr 1000("));
  EXPECT_THAT(Words({Make(1'000, 1'009, kOther)}), HasSubstr("treats nr 1000 to 1009("));
  EXPECT_THAT(Words({Make(1'000, 0x3fffffff, kStricter)}), HasSubstr("refuses nr 1000 and above("));
  EXPECT_EQ(Words({}), "");
}

TEST_F(DifferenceWordsTest, ArchitecturesAreNamedWhereThereIsOne) {
  using enum bpf::Direction;
  EXPECT_THAT(Words({Make(165, 165, kWeaker)}), HasSubstr("permits mount("));
  EXPECT_THAT(Words({Make(165, 165, kWeaker)}), HasSubstr("on x86_64: ALLOW instead of ERRNO(1)"));
  EXPECT_THAT(Words({Make(0x40000001, 0x40000001, kWeaker)}), HasSubstr("on x32"));
  EXPECT_THAT(Words({Make(21, 21, kWeaker, 0x40000003)}), HasSubstr("mount("));  // i386
  EXPECT_THAT(Words({Make(5, 5, kWeaker, 0x1234)}), HasSubstr("on arch 0x1234"));
  bpf::Difference others = Make(0, 0xffffffff, kWeaker, 0);
  others.last_arch = 0x1000;
  EXPECT_THAT(Words({others}), HasSubstr("on other architectures"));
}

}  // namespace
}  // namespace seccompd::audit
