// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/runc_stub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bpf/evaluate.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/bpf/verify.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"
#include "tests/support/matchers.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd::bpf {
namespace {

using seccomp::ActionKind;
using seccomp::Arch;
using test_support::IsError;
using test_support::IsOk;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint32_t kX86_64 = 0xc000003e;
constexpr std::uint32_t kI386 = 0x40000003;
constexpr std::uint32_t kX32 = 0x40000000;
constexpr std::uint32_t kEnosysValue = kRetErrno | kEnosys;
const Program kAllowAll = {{.code = kRetK, .k = kRetAllow}};

seccomp::SyscallTable Table() {
  seccomp::SyscallTable table;
  table.Add(Arch::kX86_64, "read", 0);
  table.Add(Arch::kX86_64, "mount", 165);
  table.Add(Arch::kX86, "mount", 21);
  table.Add(Arch::kX32, "mount", static_cast<std::int32_t>(kX32) + 165);
  table.Add(Arch::kX86_64, "socketcall", -101);  // as libseccomp has it
  table.Add(Arch::kAarch64, "gone", -1);
  table.Add(Arch::kS390x, "mount", 21);
  return table;
}

seccomp::Profile Refusing(std::vector<Arch> archs, std::vector<std::string> names) {
  return {.default_action = ActionKind::kErrno,
          .architectures = std::move(archs),
          .syscalls = {{.names = std::move(names), .action = ActionKind::kAllow}}};
}

std::uint32_t Decide(const Program& program, std::uint32_t arch, std::uint32_t nr) {
  return Evaluate(program, {.nr = nr, .arch = arch});
}

MATCHER_P3(Is, arch, x32, nr, "") {
  return arg.arch == arch && arg.x32 == x32 && arg.nr == static_cast<std::uint32_t>(nr);
}

TEST(LastSyscalls, AreTheHighestNumbersOfTheNamesOnEachListedArch) {
  const auto profile =
      Refusing({Arch::kX86_64, Arch::kX86, Arch::kX32}, {"read", "mount", "socketcall", "nosuch"});
  EXPECT_THAT(LastSyscalls(profile, Arch::kX86_64, Table()),
              UnorderedElementsAre(Is(kX86_64, false, 165), Is(kI386, false, 21),
                                   Is(kX86_64, true, kX32 + 165)));
}

TEST(LastSyscalls, RulesThatAreSkippedOrRefuseCountToo) {
  seccomp::Profile profile = Refusing({}, {"read"});
  profile.syscalls.push_back({.names = {"mount"}, .action = ActionKind::kErrno});
  EXPECT_THAT(LastSyscalls(profile, Arch::kX86_64, Table()),
              UnorderedElementsAre(Is(kX86_64, false, 165)));
}

TEST(LastSyscalls, NativeIsImpliedInNewerRuncOnly) {
  const auto profile = Refusing({Arch::kX86}, {"mount"});
  EXPECT_THAT(LastSyscalls(profile, Arch::kX86_64, Table()),
              UnorderedElementsAre(Is(kX86_64, false, 165), Is(kI386, false, 21)));
  EXPECT_THAT(LastSyscalls(profile, Arch::kX86_64, Table(), {.native_implied = false}),
              UnorderedElementsAre(Is(kI386, false, 21)));
}

TEST(LastSyscalls, OlderRuncMakesNoStubForAnEmptyList) {
  EXPECT_THAT(
      LastSyscalls(Refusing({}, {"mount"}), Arch::kX86_64, Table(), {.native_implied = false}),
      IsEmpty());
}

TEST(RuncStubOf, KnowsWhatChanged) {
  const auto is = [](std::string_view version, bool native, bool zero) {
    const auto stub = RuncStubOf(version);
    return stub && stub->native_implied == native && stub->s390_zero == zero;
  };
  EXPECT_TRUE(is("1.0.0", false, false));
  EXPECT_TRUE(is("1.1.5+ds1", false, true));
  EXPECT_TRUE(is("v1.1.15", true, true));
  EXPECT_TRUE(is("1.2.0-rc.1", true, true));
  EXPECT_TRUE(is("2.0", true, true));
  EXPECT_FALSE(RuncStubOf(""));
  EXPECT_FALSE(RuncStubOf("latest"));
}

TEST(LastSyscalls, ThereAreNoneWhereRuncMakesNoStub) {
  for (const ActionKind kind : {ActionKind::kAllow, ActionKind::kLog, ActionKind::kTrace}) {
    seccomp::Profile profile = Refusing({}, {"mount"});
    profile.default_action = kind;
    EXPECT_THAT(LastSyscalls(profile, Arch::kX86_64, Table()), IsEmpty());
  }
  EXPECT_THAT(LastSyscalls(Refusing({}, {}), Arch::kX86_64, Table()), IsEmpty());
  EXPECT_THAT(LastSyscalls(Refusing({}, {"socketcall"}), Arch::kX86_64, Table()), IsEmpty());
}

TEST(WithRuncStub, SplitsX32FromX86_64) {
  const auto program = WithRuncStub(
      kAllowAll, {{.arch = kX86_64, .nr = 165}, {.arch = kX86_64, .x32 = true, .nr = kX32 + 547}});
  ASSERT_THAT(program, IsOk());
  ASSERT_THAT(Verify(*program), IsOk());
  for (const std::uint32_t nr : {0U, 165U, kX32, kX32 + 547}) {
    EXPECT_EQ(Decide(*program, kX86_64, nr), kRetAllow) << nr;
  }
  for (const std::uint32_t nr : {166U, kX32 - 1, kX32 + 548, 0x7fffffffU, 0x80000000U, ~0U}) {
    EXPECT_EQ(Decide(*program, kX86_64, nr), kEnosysValue) << nr;
  }
  EXPECT_EQ(Decide(*program, kI386, 1'000), kRetAllow);
}

TEST(WithRuncStub, X32NumbersReachTheFilterIfX32IsNotListed) {
  const auto program = WithRuncStub(kAllowAll, {{.arch = kX86_64, .nr = 165}});
  ASSERT_THAT(program, IsOk());
  EXPECT_EQ(Decide(*program, kX86_64, 166), kEnosysValue);
  EXPECT_EQ(Decide(*program, kX86_64, kX32 + 1'000), kRetAllow);
  EXPECT_EQ(Decide(*program, kX86_64, ~0U), kRetAllow);  // bit 30 is set
  const auto x32_only = WithRuncStub(kAllowAll, {{.arch = kX86_64, .x32 = true, .nr = kX32 + 9}});
  ASSERT_THAT(x32_only, IsOk());
  EXPECT_EQ(Decide(*x32_only, kX86_64, 166), kRetAllow);
  EXPECT_EQ(Decide(*x32_only, kX86_64, kX32 + 10), kEnosysValue);
}

TEST(WithRuncStub, NumberZeroOfS390IsNoSyscall) {
  const std::uint32_t s390x = seccomp::AuditArch(Arch::kS390x);
  const std::vector<LastSyscall> last = {{.arch = s390x, .nr = 21}};
  EXPECT_EQ(Decide(WithRuncStub(kAllowAll, last).value(), s390x, 0), kEnosysValue);
  EXPECT_EQ(Decide(WithRuncStub(kAllowAll, last, {.s390_zero = false}).value(), s390x, 0),
            kRetAllow);
}

TEST(WithRuncStub, MeansWhatRuncsOwnLayoutMeans) {
  const Program filter = testing::RecordedFilter("containerd-1.7.32");
  const testing::StubSection sections[] = {
      {.arch = kI386, .last_nr = 449, .last_x32_nr = {}},
      {.arch = kX86_64, .last_nr = 449, .last_x32_nr = kX32 + 547}};
  const auto ours = WithRuncStub(filter, {{.arch = kX86_64, .nr = 449},
                                          {.arch = kI386, .nr = 449},
                                          {.arch = kX86_64, .x32 = true, .nr = kX32 + 547}});
  ASSERT_THAT(ours, IsOk());
  Workspace workspace;
  const auto a = workspace.Decide(*ours);
  const auto b = workspace.Decide(testing::WithEnosysStub(filter, sections));
  ASSERT_TRUE(a && b);
  EXPECT_EQ(*a, *b);
}

// facts of runc 1.1.5 with libseccomp 2.5.4: measured on real containers.
TEST(LastSyscalls, OfContainerdsDefaultAreThoseThatRuncUses) {
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  if (table.Number(Arch::kX86_64, "set_mempolicy_home_node") != 450 ||
      !table.Number(Arch::kX86_64, "futex_wait")) {
    GTEST_SKIP() << "another libseccomp's table";
  }
  const auto profile = Refusing({Arch::kX86_64, Arch::kX86, Arch::kX32},
                                {"read", "process_mrelease", "execveat", "process_vm_writev"});
  EXPECT_THAT(LastSyscalls(profile, Arch::kX86_64, table),
              UnorderedElementsAre(Is(kX86_64, false, 448), Is(kI386, false, 448),
                                   Is(kX86_64, true, kX32 + 545)));
}

TEST(WithRuncStub, AFilterThatNoLongerFitsIsRefused) {
  const Program long_one(kMaxInstructions - 3, {.code = kRetK, .k = kRetAllow});
  EXPECT_THAT(WithRuncStub(long_one, {{.arch = kX86_64, .nr = 1}}),
              IsError(base::ErrorCode::kInvalidArgument, ::testing::HasSubstr("runc's stub")));
}

}  // namespace
}  // namespace seccompd::bpf
