// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "common/bpf/evaluate.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd::bpf {
namespace {

using seccomp::Arch;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::RecordedFilter;

constexpr std::uint32_t kX32 = 0x40000000;

seccomp::SyscallTable Table() {
  seccomp::SyscallTable table;
  table.Add(Arch::kX86_64, "socket", 41);
  table.Add(Arch::kX86, "socket", 359);
  table.Add(Arch::kX32, "socket", static_cast<std::int32_t>(kX32) + 41);
  table.Add(Arch::kX86, "socketcall", 102);
  table.Add(Arch::kX86_64, "socketcall", -101);  // as libseccomp has it
  table.Add(Arch::kX86, "ipc", 117);
  table.Add(Arch::kX86_64, "shmget", 29);
  table.Add(Arch::kX86_64, "io_uring_setup", 425);
  table.Add(Arch::kX86, "io_uring_setup", 425);
  table.Add(Arch::kX86_64, "mount", 165);
  table.Add(Arch::kX86, "mount", 21);
  table.Add(Arch::kX32, "mount", static_cast<std::int32_t>(kX32) + 165);
  table.Add(Arch::kX86, "umount", 22);
  table.Add(Arch::kX86_64, "clone", 56);
  table.Add(Arch::kX86, "clone", 120);
  table.Add(Arch::kX86_64, "unshare", 272);
  return table;
}

const CallPattern kAfAlg = {
    .name = "af-alg", .syscall = "socket", .args = {{.index = 0, .value = 38}}};

class CheckTest : public ::testing::Test {
 protected:
  CheckOutcome CheckThat(const Program& program, const CallPattern& pattern) {
    const auto diagram = workspace_.Decide(program);
    EXPECT_TRUE(diagram.has_value());
    CheckOutcome outcome = Check(workspace_, diagram.value_or(Diagram{}), pattern, Table(),
                                 EnterableArchs(Arch::kX86_64));
    for (const OpenWay& way : outcome.open) {
      EXPECT_EQ(Normalize(Evaluate(program, way.witness)), way.value);
      EXPECT_NE(PermissionOf(way.value), Permission::kRefused);
    }
    return outcome;
  }
  static std::vector<std::pair<Way, Arch>> WaysOf(const CheckOutcome& outcome) {
    std::vector<std::pair<Way, Arch>> ways;
    for (const OpenWay& way : outcome.open) ways.emplace_back(way.way, way.arch);
    return ways;
  }
  Workspace workspace_;
};

TEST_F(CheckTest, AllowedCallIsPermitted) {
  const CheckOutcome outcome = CheckThat(RecordedFilter("containerd-1.7.13"), kAfAlg);
  EXPECT_EQ(outcome.result, CheckResult::kPermitted);
  EXPECT_EQ(outcome.open.front().witness.args[0], 38U);
  EXPECT_EQ(outcome.open.front().witness.nr, 41U);
}

TEST_F(CheckTest, ContainerdsOwnAfAlgRuleIsBypassable) {
  EXPECT_THAT(WaysOf(CheckThat(RecordedFilter("containerd-1.7.32"), kAfAlg)),
              ElementsAre(Pair(Way::kHighBits, Arch::kX86_64), Pair(Way::kMultiplexed, Arch::kX86),
                          Pair(Way::kIoUring, Arch::kX86_64), Pair(Way::kIoUring, Arch::kX86)));
  const CheckOutcome newer = CheckThat(RecordedFilter("containerd-2.3.1"), kAfAlg);
  EXPECT_EQ(newer.result, CheckResult::kBypassable);
  EXPECT_THAT(WaysOf(newer), ElementsAre(Pair(Way::kHighBits, Arch::kX86_64),
                                         Pair(Way::kMultiplexed, Arch::kX86)));
  EXPECT_EQ(newer.open[0].witness.args[0] & 0xffffffff, 38U);
  EXPECT_NE(newer.open[0].witness.args[0] >> 32, 0U);
  EXPECT_EQ(newer.open[1].witness.nr, 102U);
  EXPECT_EQ(newer.open[1].witness.args[0], 1U);
}

TEST_F(CheckTest, BlockedOnlyIfEveryWayIs) {
  const Program filter = RecordedFilter("containerd-2.3.1");
  const CallPattern mount = {.name = "mount", .syscall = "mount", .args = {}};
  const CheckOutcome blocked = CheckThat(filter, mount);
  EXPECT_EQ(blocked.result, CheckResult::kBlocked);
  EXPECT_THAT(blocked.open, IsEmpty());
  // Only the native number is refused.
  const Program native_only = {{.code = kLdAbs, .k = 0},
                               {.code = kJeqK, .jt = 0, .jf = 1, .k = 165},
                               {.code = kRetK, .k = kRetErrno | 1},
                               {.code = kRetK, .k = kRetAllow}};
  EXPECT_THAT(WaysOf(CheckThat(native_only, mount)),
              ElementsAre(Pair(Way::kCompat, Arch::kX86), Pair(Way::kX32, Arch::kX32)));
}

TEST_F(CheckTest, NamespaceFlagsOfCloneAreSeen) {
  const auto critical = CriticalCalls(Arch::kX86_64);
  const auto clone = std::find_if(critical.begin(), critical.end(),
                                  [](const CallPattern& call) { return call.syscall == "clone"; });
  ASSERT_NE(clone, critical.end());
  const CheckOutcome outcome = CheckThat(RecordedFilter("containerd-2.3.1"), *clone);
  EXPECT_EQ(outcome.result, CheckResult::kBlocked);
  const CallPattern any = {.name = "clone", .syscall = "clone", .args = {}};
  EXPECT_EQ(CheckThat(RecordedFilter("containerd-2.3.1"), any).result, CheckResult::kPermitted);
}

TEST_F(CheckTest, ClonesArgumentsAreSwappedOnS390) {
  for (const CallPattern& call : CriticalCalls(Arch::kS390x)) {
    if (call.syscall == "clone") {
      EXPECT_EQ(call.args.front().index, 1U);
    }
  }
}

TEST_F(CheckTest, LongArgumentsAreComparedWhole) {
  // unshare(unsigned long): bits above 32 are another call, refused by the kernel itself.
  const Program filter = {{.code = kLdAbs, .k = 20},
                          {.code = kJeqK, .jt = 1, .jf = 0, .k = 0},
                          {.code = kRetK, .k = kRetAllow},
                          {.code = kRetK, .k = kRetErrno | 1}};
  const CallPattern exact = {
      .name = "u", .syscall = "unshare", .args = {{.index = 0, .value = 0x10000000}}};
  EXPECT_EQ(CheckThat(filter, exact).result, CheckResult::kBlocked);
}

TEST_F(CheckTest, IpcVersionsAreTheSameCall) {
  // ipc(SHMGET) is refused only without a version in the upper half.
  const Program filter = {
      {.code = kLdAbs, .k = 4},        {.code = kJeqK, .jt = 0, .jf = 5, .k = kAuditArchI386},
      {.code = kLdAbs, .k = 0},        {.code = kJeqK, .jt = 0, .jf = 3, .k = 117},
      {.code = kLdAbs, .k = 16},       {.code = kJeqK, .jt = 1, .jf = 0, .k = 23},
      {.code = kRetK, .k = kRetAllow}, {.code = kRetK, .k = kRetErrno | 1}};
  const CheckOutcome outcome = CheckThat(filter, {.name = "shm", .syscall = "shmget", .args = {}});
  ASSERT_EQ(outcome.open.size(), 1U);
  EXPECT_EQ(outcome.open[0].way, Way::kMultiplexed);
  EXPECT_EQ(outcome.open[0].witness.args[0] & 0xffff, 23U);
}

TEST_F(CheckTest, NotifyAndTraceAreNotBlocked) {
  const CallPattern mount = {.name = "mount", .syscall = "mount", .args = {}};
  for (const std::uint32_t value : {kRetUserNotif, kRetTrace, kRetLog}) {
    EXPECT_EQ(CheckThat({{.code = kRetK, .k = value}}, mount).result, CheckResult::kPermitted);
  }
  for (const std::uint32_t value : {kRetErrno, kRetTrap, kRetKillThread, 0x12340000U}) {
    EXPECT_EQ(CheckThat({{.code = kRetK, .k = value}}, mount).result, CheckResult::kBlocked);
  }
}

TEST_F(CheckTest, ACallOfAnotherArchitectureOnlyIsPermittedThere) {
  const CallPattern umount = {.name = "umount", .syscall = "umount", .args = {}};
  EXPECT_EQ(CheckThat({{.code = kRetK, .k = kRetAllow}}, umount).result, CheckResult::kPermitted);
}

TEST_F(CheckTest, UnknownCallsAndBadPatternsAreUnknown) {
  const Program allow = {{.code = kRetK, .k = kRetAllow}};
  const CheckOutcome unknown = CheckThat(allow, {.name = "x", .syscall = "nosuch", .args = {}});
  EXPECT_EQ(unknown.result, CheckResult::kUnknown);
  EXPECT_THAT(unknown.reason, ::testing::HasSubstr("nosuch"));
  EXPECT_EQ(CheckThat(allow, {.name = "x", .syscall = "mount", .args = {{.index = 6}}}).result,
            CheckResult::kUnknown);
}

}  // namespace
}  // namespace seccompd::bpf
