// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/semantics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seccompd::seccomp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint32_t kAuditX86_64 = 0xc000003e;
constexpr std::uint32_t kAuditI386 = 0x40000003;
constexpr Action kAllow{.kind = ActionKind::kAllow, .data = 0};
constexpr Action kEperm{.kind = ActionKind::kErrno, .data = 1};
constexpr Action kKill{.kind = ActionKind::kKillThread, .data = 0};

SyscallTable Table() {
  SyscallTable table;
  table.Add(Arch::kX86_64, "read", 0);
  table.Add(Arch::kX86_64, "socket", 41);
  table.Add(Arch::kX86, "read", 3);
  table.Add(Arch::kX86, "socket", 359);
  table.Add(Arch::kX86, "socketcall", 102);
  table.Add(Arch::kX32, "socket", static_cast<std::int32_t>(kX32Bit | 41U));
  return table;
}

SyscallRule Rule(std::string name, ActionKind action, std::vector<ArgCondition> args = {}) {
  return {.names = {std::move(name)}, .action = action, .errno_ret = {}, .args = std::move(args)};
}
ArgCondition Arg0(CompareOp op, std::uint64_t value, std::uint64_t two = 0) {
  return {.index = 0, .op = op, .value = value, .value_two = two};
}
Profile Allowing(std::vector<SyscallRule> rules) {
  Profile profile;
  profile.default_action = ActionKind::kAllow;
  profile.architectures = {Arch::kX86_64, Arch::kX86, Arch::kX32};
  profile.syscalls = std::move(rules);
  return profile;
}
Meaning Socket(const Profile& profile, std::uint64_t domain, std::uint32_t arch = kAuditX86_64,
               std::uint32_t nr = 41) {
  return MeaningOf(profile, Table(), Arch::kX86_64,
                   {.audit_arch = arch, .nr = nr, .args = {domain}});
}

TEST(MeaningOf, RuleAndDefaultReadAsWritten) {
  const Profile profile =
      Allowing({Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kEq, 38)})});
  EXPECT_EQ(Socket(profile, 38), (Meaning{.plain = kEperm, .loaded = {kEperm}, .deviations = {}}));
  EXPECT_EQ(Socket(profile, 2), (Meaning{.plain = kAllow, .loaded = {kAllow}, .deviations = {}}));
}

TEST(MeaningOf, SixtyFourBitCompareMissesDirtyHighBits) {
  const Profile profile =
      Allowing({Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kEq, 38)})});
  EXPECT_THAT(Socket(profile, (1ULL << 32) | 38).loaded, ElementsAre(kAllow));
}

TEST(MeaningOf, AnUnlistedArchitectureIsKilled) {
  Profile profile = Allowing({});
  profile.architectures = {};
  const Meaning meaning = Socket(profile, 2, kAuditI386, 359);
  EXPECT_THAT(meaning.loaded, ElementsAre(kKill));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kForeignArch));
  EXPECT_THAT(Socket(profile, 2, kAuditX86_64, kX32Bit | 41U).loaded, ElementsAre(kKill));
  EXPECT_THAT(Socket(profile, 2, kAuditX86_64, 0xffffffffU).loaded, ElementsAre(kAllow));
}

TEST(MeaningOf, OnTheMultiplexedPathOtherConditionsSpeakOfTheMultiplexersArguments) {
  const Profile profile =
      Allowing({Rule("socket", ActionKind::kErrno,
                     {Arg0(CompareOp::kEq, 38), {.index = 1, .op = CompareOp::kEq, .value = 7}})});
  const auto socketcall = [&](std::uint64_t call, std::uint64_t pointer) {
    return MeaningOf(profile, Table(), Arch::kX86_64,
                     {.audit_arch = AuditArch(Arch::kX86), .nr = 102, .args = {call, pointer}})
        .loaded;
  };
  EXPECT_THAT(socketcall(1, 7), ElementsAre(EffectiveAction(ActionKind::kErrno, {})));
  EXPECT_THAT(socketcall(1, 8), ElementsAre(kAllow));
  EXPECT_THAT(socketcall(2, 7), ElementsAre(kAllow));
}

TEST(MeaningOf, ARuleThatMatchesInPartMayHideOneThatMatches) {
  const Profile profile =
      Allowing({Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kLe, 100)}),
                Rule("socket", ActionKind::kLog,
                     {Arg0(CompareOp::kLt, 3), {.index = 2, .op = CompareOp::kGe, .value = 9}})});
  const Meaning meaning = Socket(profile, 2);
  EXPECT_THAT(meaning.loaded, ElementsAre(EffectiveAction(ActionKind::kErrno, {}), kAllow));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kOverlap));
  EXPECT_EQ(Socket(profile, 50).loaded.size(), 1U);
}

TEST(MeaningOf, NumbersWithBit31AloneCountAsX32) {
  Profile profile = Allowing({});
  profile.architectures = {Arch::kX86_64};
  EXPECT_THAT(Socket(profile, 2, kAuditX86_64, 0x80000001U).loaded, ElementsAre(kKill));
}

TEST(MeaningOf, TheFirstUnconditionalRuleSwallowsAllOthers) {
  const Profile profile = Allowing({Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kEq, 38)}),
                                    Rule("socket", ActionKind::kLog)});
  const Meaning meaning = Socket(profile, 38);
  EXPECT_EQ(meaning.plain, kEperm);
  EXPECT_THAT(meaning.loaded, ElementsAre(Action{.kind = ActionKind::kLog, .data = 0}));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kSwallowed));
}

TEST(MeaningOf, ARuleEqualToTheDefaultProtectsNothing) {
  const Profile profile = Allowing({Rule("socket", ActionKind::kAllow, {Arg0(CompareOp::kEq, 38)}),
                                    Rule("socket", ActionKind::kErrno)});
  const Meaning meaning = Socket(profile, 38);
  EXPECT_EQ(meaning.plain, kAllow);
  EXPECT_THAT(meaning.loaded, ElementsAre(kEperm));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kEqualToDefault));
}

TEST(MeaningOf, OverlappingConditionsLeaveTheChoiceToTheTree) {
  const Profile profile = Allowing({Rule("socket", ActionKind::kLog, {Arg0(CompareOp::kGe, 5)}),
                                    Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kEq, 7)})});
  const Meaning meaning = Socket(profile, 7);
  EXPECT_THAT(meaning.loaded,
              UnorderedElementsAre(kEperm, Action{.kind = ActionKind::kLog, .data = 0}));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kOverlap));
}

TEST(MeaningOf, ARepeatedIndexOrsTheWholeRule) {
  SyscallRule rule =
      Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kEq, 2), Arg0(CompareOp::kEq, 10)});
  rule.args.push_back({.index = 1, .op = CompareOp::kEq, .value = 99, .value_two = 0});
  const Meaning meaning = Socket(Allowing({rule}), 10);
  EXPECT_EQ(meaning.plain, kAllow);
  EXPECT_THAT(meaning.loaded, ElementsAre(kEperm));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kRepeatedIndex));
}

TEST(MeaningOf, ThirtyTwoBitArchitecturesTruncateTheValue) {
  const Profile profile =
      Allowing({Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kEq, 0x1ffffffffULL)})});
  const Meaning meaning = Socket(profile, 0xffffffffULL, kAuditI386, 359);
  EXPECT_EQ(meaning.plain, kAllow);
  EXPECT_THAT(meaning.loaded, ElementsAre(kEperm));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kTruncated));
}

TEST(MeaningOf, SocketcallLosesTheConditions) {
  const Profile profile =
      Allowing({Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kEq, 38)})});
  // socketcall(SYS_SOCKET, ...): every family is refused, not only AF_ALG.
  const Meaning meaning = Socket(profile, 1, kAuditI386, 102);
  EXPECT_EQ(meaning.plain, kAllow);
  EXPECT_THAT(meaning.loaded, ElementsAre(kEperm));
  EXPECT_THAT(meaning.deviations, ElementsAre(Deviation::kMultiplexed));
  EXPECT_THAT(Socket(profile, 2, kAuditI386, 102).loaded, ElementsAre(kAllow)) << "bind";
}

TEST(MeaningOf, MaskedEqualIgnoresBitsOutsideTheMask) {
  const Profile profile =
      Allowing({Rule("socket", ActionKind::kErrno, {Arg0(CompareOp::kMaskedEq, 0x0f, 0xff)})});
  EXPECT_THAT(Socket(profile, 0x1f).loaded, ElementsAre(kEperm));
  EXPECT_THAT(Socket(profile, 0x1e).loaded, ElementsAre(kAllow));
  EXPECT_THAT(Socket(profile, 0x1f).deviations, IsEmpty());
}

}  // namespace
}  // namespace seccompd::seccomp
