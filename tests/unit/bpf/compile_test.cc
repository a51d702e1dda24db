// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/bpf/compile_limits.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/render.h"
#include "common/seccomp/runtime_default.h"
#include "tests/support/matchers.h"

// libseccomp 2.5.4 loses some of its own blocks where it refuses a rule or a filter.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libseccomp.so"; }

namespace seccompd::bpf {
namespace {

using base::ErrorCode;
using seccomp::ActionKind;
using seccomp::Arch;
using seccomp::ArgCondition;
using seccomp::CompareOp;
using seccomp::Profile;
using seccomp::SyscallRule;
using test_support::IsError;
using test_support::IsOk;
using ::testing::HasSubstr;

Program Compiled(const Profile& profile, Arch native = Arch::kX86_64) {
  auto program = Compile(profile, native);
  EXPECT_THAT(program, IsOk());
  return program ? *std::move(program) : Program();
}

SyscallRule Rule(std::string name, ActionKind action, std::vector<ArgCondition> args = {}) {
  return {.names = {std::move(name)}, .action = action, .args = std::move(args)};
}

std::string Sha256Of(const Program& program) {
  std::string bytes;
  const auto put = [&bytes](std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xffU));
  };
  for (const Instruction& instruction : program) {
    put(instruction.code, 2);
    put(instruction.jt, 1);
    put(instruction.jf, 1);
    put(instruction.k, 4);
  }
  return base::Sha256(bytes).Hex();
}

constexpr ArgCondition kFirstIsOne{.index = 0, .op = CompareOp::kEq, .value = 1};
constexpr ArgCondition kSecondIsTwo{.index = 1, .op = CompareOp::kEq, .value = 2};
constexpr ArgCondition kFirstIsThree{.index = 0, .op = CompareOp::kEq, .value = 3};

// The tutorial's audit.json, as crun 1.8.1 writes it to seccomp.bpf: i386 and x32 are killed, -1 is
// the default's.
TEST(Compile, AuditProfileIsSevenInstructions) {
  const Program expected{
      {0x20, 0, 0, 4},          {0x15, 0, 4, 0xc000003e}, {0x20, 0, 0, 0}, {0x35, 0, 1, 0x40000000},
      {0x15, 0, 1, 0xffffffff}, {0x06, 0, 0, 0x7ffc0000}, {0x06, 0, 0, 0}};
  EXPECT_EQ(Compiled({.default_action = ActionKind::kLog}), expected);
}

// What crun 1.8.1 loads for containerd's defaults with the default capabilities, byte for byte. The
// digests hold for Debian 12's libseccomp only, another one has other tables.
TEST(Compile, EqualsCrunForContainerdDefaults) {
  if (LibseccompVersion() != "2.5.4") GTEST_SKIP() << "libseccomp is " << LibseccompVersion();
  const seccomp::NodeFacts node{.arch = Arch::kX86_64};
  const auto compiled = [&](seccomp::ContainerdDefault version) {
    return Compiled(
        seccomp::ContainerdDefaultProfile(version, node, seccomp::DefaultCapabilities()));
  };
  const Program old = compiled(seccomp::ContainerdDefault::k1_6_28);
  EXPECT_EQ(old.size(), 989U);
  EXPECT_EQ(Sha256Of(old), "6ee72eae8f559abd7d0eae7fbe674faf8559a769f52620ab862bf19f3a0b5d8a");
  const Program current = compiled(seccomp::ContainerdDefault::k2_2_4);
  EXPECT_EQ(current.size(), 1001U);
  EXPECT_EQ(Sha256Of(current), "d441c4281719c11601ccbc1997610e93b5769d51a470258bae5f9d925696add8");
}

TEST(Compile, SkipsRulesThatAreTheDefaultIncludingTheirData) {
  Profile profile{.default_action = ActionKind::kErrno};
  const Program bare = Compiled(profile);
  profile.syscalls = {Rule("mount", ActionKind::kErrno)};
  EXPECT_EQ(Compiled(profile), bare);
  profile.syscalls[0].errno_ret = 65'537;  // 16 bits are loaded
  EXPECT_EQ(Compiled(profile), bare);
  profile.syscalls[0].errno_ret = 2;
  EXPECT_NE(Compiled(profile), bare);
}

TEST(Compile, RepeatedUnconditionalRulesChangeNothing) {
  Profile profile{.default_action = ActionKind::kErrno,
                  .syscalls = {Rule("read", ActionKind::kAllow), Rule("mmap", ActionKind::kTrap)}};
  const Program once = Compiled(profile);
  profile.syscalls.push_back(Rule("read", ActionKind::kAllow));
  profile.syscalls.push_back(Rule("mmap", ActionKind::kAllow));  // too late: the first one decides
  EXPECT_EQ(Compiled(profile), once);
}

TEST(Compile, IgnoresUnknownNames) {
  Profile profile{.default_action = ActionKind::kErrno,
                  .syscalls = {Rule("no_such_call", ActionKind::kAllow)}};
  EXPECT_EQ(Compiled(profile), Compiled({.default_action = ActionKind::kErrno}));
}

TEST(Compile, RepeatedIndexIsOneRulePerCondition) {
  const Profile repeated{
      .default_action = ActionKind::kErrno,
      .syscalls = {Rule("mmap", ActionKind::kAllow, {kFirstIsOne, kSecondIsTwo, kFirstIsThree})}};
  const Profile apart{.default_action = ActionKind::kErrno,
                      .syscalls = {Rule("mmap", ActionKind::kAllow, {kFirstIsOne}),
                                   Rule("mmap", ActionKind::kAllow, {kSecondIsTwo}),
                                   Rule("mmap", ActionKind::kAllow, {kFirstIsThree})}};
  const Profile both{.default_action = ActionKind::kErrno,
                     .syscalls = {Rule("mmap", ActionKind::kAllow, {kFirstIsOne, kSecondIsTwo})}};
  EXPECT_EQ(Compiled(repeated), Compiled(apart));
  EXPECT_NE(Compiled(both), Compiled(apart));
}

TEST(Compile, EveryActionEndsInItsReturnValue) {
  for (const ActionKind kind :
       {ActionKind::kKillProcess, ActionKind::kKillThread, ActionKind::kTrap, ActionKind::kErrno,
        ActionKind::kNotify, ActionKind::kTrace, ActionKind::kLog, ActionKind::kAllow}) {
    const ActionKind fallback =
        kind == ActionKind::kAllow ? ActionKind::kErrno : ActionKind::kAllow;
    const Program program =
        Compiled({.default_action = fallback, .syscalls = {Rule("mount", kind)}});
    const Instruction wanted{0x06, 0, 0,
                             ToReturnValue(seccomp::EffectiveAction(kind, std::nullopt))};
    EXPECT_THAT(program, ::testing::Contains(wanted)) << OciName(kind);
  }
}

TEST(Compile, ListedArchitecturesAreAddedAndTheNativeOneMayBeListedToo) {
  const Profile native{.default_action = ActionKind::kErrno};
  Profile listed = native;
  listed.architectures = {Arch::kX86_64, Arch::kX86_64};
  EXPECT_EQ(Compiled(listed), Compiled(native));
  listed.architectures = {Arch::kX86};
  EXPECT_GT(Compiled(listed).size(), Compiled(native).size());
}

TEST(Compile, ForeignNodesDoNotGetTheNativeArchitectureOfThisMachine) {
  const Profile profile{.default_action = ActionKind::kErrno,
                        .syscalls = {Rule("openat", ActionKind::kAllow)}};
  const Program program = Compiled(profile, Arch::kAarch64);
  const Instruction is_arm64{0x15, 0, 3, 0xc00000b7};
  EXPECT_EQ(program[1].k, is_arm64.k);
  for (const Instruction& instruction : program) EXPECT_NE(instruction.k, 0xc000003eU);
  EXPECT_THAT(program, ::testing::Contains(::testing::Field(&Instruction::k, 56U)));  // openat
}

TEST(Compile, SaysWhichRuleLibseccompRefuses) {
  const Profile conflict{.default_action = ActionKind::kErrno,
                         .syscalls = {Rule("mmap", ActionKind::kAllow, {kFirstIsOne}),
                                      Rule("mmap", ActionKind::kTrap, {kFirstIsOne})}};
  EXPECT_THAT(Compile(conflict, Arch::kX86_64),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("/syscalls/1 for 'mmap'")));
  const Profile endian{.architectures = {Arch::kS390x}};
  EXPECT_THAT(Compile(endian, Arch::kX86_64),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("SCMP_ARCH_S390X: its byte order")));
}

// Every name that Debian's libseccomp knows, on every architecture that this machine can compile
// for.
TEST(Compile, RefusesWhatTheKernelWouldNotLoad) {
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  Profile profile{
      .default_action = ActionKind::kErrno,
      .architectures = {Arch::kX86, Arch::kX32, Arch::kArm, Arch::kAarch64, Arch::kMipsel,
                        Arch::kMipsel64, Arch::kMipsel64N32, Arch::kPpc64le, Arch::kRiscv64}};
  profile.syscalls.push_back({.action = ActionKind::kAllow});
  for (const Arch arch : profile.architectures) {
    for (const std::string_view name : table.Names(arch)) {
      if (name != "mmap") profile.syscalls[0].names.emplace_back(name);
    }
  }
  std::vector<ArgCondition> alternatives;
  for (std::uint64_t value = 1; value <= 100; ++value) {
    alternatives.push_back({.index = 0, .op = CompareOp::kEq, .value = value << 32 | value});
  }
  profile.syscalls.push_back(Rule("mmap", ActionKind::kAllow, alternatives));
  EXPECT_THAT(Compile(profile, Arch::kX86_64),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("the kernel takes 1 to 4096")));
  EXPECT_THAT(CheckCompiles(profile, Arch::kX86_64),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("the kernel takes 1 to 4096")));
}

// Each of these stops libseccomp 2.5.4 for minutes; the test's time limit would tell.
TEST(CheckComplexity, RefusesWhatLibseccompCannotBuildInBoundedTime) {
  std::mt19937_64 random(1);
  Profile several{.default_action = ActionKind::kErrno};
  Profile ranges = several;
  Profile many = several;
  for (std::uint32_t i = 0; i < 1'025; ++i) {
    const ArgCondition range{.index = 0, .op = CompareOp::kGt, .value = random()};
    const ArgCondition other{.index = 1, .op = CompareOp::kNe, .value = random()};
    if (i < 64) several.syscalls.push_back(Rule("socket", ActionKind::kAllow, {range, other}));
    if (i < 400) ranges.syscalls.push_back(Rule("socket", ActionKind::kAllow, {range}));
    many.syscalls.push_back(
        Rule("socket", ActionKind::kAllow, {{.index = 0, .op = CompareOp::kEq, .value = i}}));
  }
  EXPECT_THAT(Compile(several, Arch::kX86_64),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("'socket' has 64 conditions, some")));
  EXPECT_THAT(
      Compile(ranges, Arch::kX86_64),
      IsError(ErrorCode::kInvalidArgument, HasSubstr("400 conditions other than equality")));
  EXPECT_THAT(
      Compile(many, Arch::kX86_64),
      IsError(ErrorCode::kInvalidArgument, HasSubstr("1025 conditions, more than the 512")));
}

// The same number of conditions on two arguments, but as a tree: that is built at once.
TEST(CheckComplexity, TakesATreeOfConditionsOnSeveralArguments) {
  Profile tree{.default_action = ActionKind::kErrno};
  for (std::uint64_t i = 0; i < 500; ++i) {
    const ArgCondition first{.index = 0, .op = CompareOp::kEq, .value = i / 25};
    const ArgCondition second{.index = 1, .op = CompareOp::kEq, .value = i % 25};
    tree.syscalls.push_back(Rule("socket", ActionKind::kAllow, {first, second}));
  }
  EXPECT_GT(Compiled(tree).size(), 500U);
  tree.syscalls.push_back(
      Rule("socket", ActionKind::kLog, {{.index = 1, .op = CompareOp::kEq, .value = 99}}));
  EXPECT_THAT(Compile(tree, Arch::kX86_64),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("'socket' has 501 conditions, some")));
}

ArgCondition When(std::uint32_t index, CompareOp op, std::uint64_t value) {
  return {.index = index, .op = op, .value = value};
}

// libseccomp 2.5.4 does not return from adding the second of such rules.
TEST(CheckComplexity, RefusesWhatLibseccompDoesNotReturnFrom) {
  for (const CompareOp op :
       {CompareOp::kNe, CompareOp::kLt, CompareOp::kLe, CompareOp::kGe, CompareOp::kGt}) {
    const ArgCondition alike = When(0, op, 22);
    const Profile profile{
        .default_action = ActionKind::kErrno,
        .syscalls = {
            Rule("socket", ActionKind::kAllow, {alike, When(1, CompareOp::kEq, 15)}),
            Rule("socket", ActionKind::kLog, {When(2, CompareOp::kEq, 3), alike}),
        }};
    EXPECT_THAT(Compile(profile, Arch::kX86_64),
                IsError(ErrorCode::kInvalidArgument,
                        AllOf(HasSubstr("rules for 'socket' begin alike with arg0"),
                              HasSubstr("SCMP_CMP_MASKED_EQ"))));
  }
  const ArgCondition first = When(0, CompareOp::kEq, 1);
  const ArgCondition second = When(1, CompareOp::kLt, 2);
  const Profile deeper{
      .default_action = ActionKind::kErrno,
      .syscalls = {
          Rule("socket", ActionKind::kAllow, {first, second, When(2, CompareOp::kEq, 1)}),
          Rule("socket", ActionKind::kAllow, {first, second, When(3, CompareOp::kEq, 1)}),
      }};
  EXPECT_THAT(Compile(deeper, Arch::kX86_64),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("arg0 == 1 and arg1 < 2")));
}

TEST(CheckComplexity, TakesRulesThatOnlyLookLikeThose) {
  const ArgCondition alike = When(0, CompareOp::kLt, 22);
  const ArgCondition end = When(1, CompareOp::kEq, 15);
  for (const std::vector<ArgCondition>& other :
       {std::vector{alike, When(1, CompareOp::kEq, 3)},  // the same argument follows
        std::vector{When(0, CompareOp::kLt, 21), When(2, CompareOp::kEq, 3)},  // another value
        std::vector{When(0, CompareOp::kGe, 22), When(2, CompareOp::kEq, 3)},  // another operator
        std::vector{alike}}) {
    const Profile profile{.default_action = ActionKind::kErrno,
                          .syscalls = {Rule("socket", ActionKind::kAllow, {alike, end}),
                                       Rule("socket", ActionKind::kAllow, other)}};
    EXPECT_THAT(Compile(profile, Arch::kX86_64), IsOk());
  }
}

TEST(CheckComplexity, CountsARepeatedConditionOnce) {
  Profile profile{.default_action = ActionKind::kErrno};
  for (int i = 0; i < 2'000; ++i) {
    profile.syscalls.push_back(Rule("socket", ActionKind::kAllow, {kFirstIsOne, kSecondIsTwo}));
  }
  EXPECT_THAT(CheckComplexity(profile), IsOk());
}

TEST(CheckComplexity, IsQuickOnTheLargestProfilesThatParse) {
  SyscallRule rule{.names = std::vector<std::string>(255, "socket"), .action = ActionKind::kAllow};
  for (std::uint64_t i = 0; i < 257; ++i) {
    rule.args.push_back({.index = 0, .op = CompareOp::kEq, .value = i});
    rule.names.push_back("call" + std::to_string(i % 2));
  }
  const Profile profile{.default_action = ActionKind::kErrno, .syscalls = {rule}};
  EXPECT_THAT(CheckComplexity(profile), IsOk());
  EXPECT_THAT(CheckCompiles(profile, Arch::kX86_64), IsOk());
}

TEST(CheckComplexity, LeavesRoomForThirtyTwoMaskedRules) {
  Profile profile{.default_action = ActionKind::kErrno};
  for (std::uint64_t bit = 0; bit < 32; ++bit) {
    const std::uint64_t mask = 0xffffffffULL << bit & 0xffffffffULL;
    profile.syscalls.push_back(Rule("socket", ActionKind::kAllow,
                                    {{.index = 0,
                                      .op = CompareOp::kMaskedEq,
                                      .value = mask,
                                      .value_two = (38ULL & mask) ^ (1ULL << bit)}}));
  }
  EXPECT_THAT(Compile(profile, Arch::kX86_64), IsOk());
}

// Random rules on few calls, many of them conflicting: the quick answer is the right one.
TEST(CheckCompiles, AgreesWithCompile) {
  std::mt19937_64 random(3);
  const auto below = [&random](std::uint64_t n) {
    return static_cast<std::uint32_t>(random() % n);
  };
  const std::vector<std::string> names{"mmap", "read", "write", "socket", "ioctl", "nosuch"};
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    Profile profile{.default_action = ActionKind::kErrno};
    if (below(2) != 0) profile.architectures = {Arch::kX86, Arch::kX32};
    for (std::uint32_t i = below(8); i > 0; --i) {
      SyscallRule rule{.names = {names[below(6)], names[below(6)]},
                       .action = below(2) != 0 ? ActionKind::kAllow : ActionKind::kTrap};
      for (std::uint32_t a = below(3); a > 0; --a) {
        rule.args.push_back(
            {.index = below(2), .op = static_cast<CompareOp>(below(7)), .value = below(2)});
      }
      profile.syscalls.push_back(std::move(rule));
    }
    const auto quick = CheckCompiles(profile, Arch::kX86_64);
    const auto full = Compile(profile, Arch::kX86_64);
    ASSERT_EQ(quick.has_value(), full.has_value())
        << (full ? quick.error() : full.error()).message << "\n"
        << seccomp::RenderOci(profile);
    if (full) continue;
    EXPECT_EQ(quick.error(), full.error());
    ++refused;
  }
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace seccompd::bpf
