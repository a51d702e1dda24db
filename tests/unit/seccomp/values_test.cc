// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>

#include "common/seccomp/action.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_facts.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::seccomp {
namespace {

constexpr ActionKind kKinds[] = {
    ActionKind::kKillProcess, ActionKind::kKillThread, ActionKind::kTrap, ActionKind::kErrno,
    ActionKind::kNotify,      ActionKind::kTrace,      ActionKind::kLog,  ActionKind::kAllow};

TEST(ActionFromOci, IsTheInverseOfOciNameAndKnowsTheOldKill) {
  for (const ActionKind kind : kKinds) EXPECT_EQ(ActionFromOci(OciName(kind)), kind);
  EXPECT_EQ(ActionFromOci("SCMP_ACT_KILL"), ActionKind::kKillThread);
  EXPECT_EQ(ActionFromOci("SCMP_ACT_allow"), std::nullopt);
  EXPECT_EQ(ActionFromOci(""), std::nullopt);
}

TEST(ToReturnValue, IsTheKernelsNumber) {
  EXPECT_EQ(ToReturnValue({ActionKind::kKillProcess}), 0x80000000U);
  EXPECT_EQ(ToReturnValue({ActionKind::kKillThread}), 0U);
  EXPECT_EQ(ToReturnValue({ActionKind::kErrno, 38}), 0x00050026U);
  EXPECT_EQ(ToReturnValue({ActionKind::kTrace, 0xffff}), 0x7ff0ffffU);
  EXPECT_EQ(ToReturnValue({ActionKind::kAllow, 7}), 0x7fff0000U);
}

TEST(FromReturnValue, AppliesTheKernelsRules) {
  for (const ActionKind kind : kKinds) {
    EXPECT_EQ(FromReturnValue(ToReturnValue({kind})), Action{kind});
  }
  EXPECT_EQ(FromReturnValue(0x0005ffff), (Action{ActionKind::kErrno, 4095}));
  EXPECT_EQ(FromReturnValue(0x7fff0001), Action{ActionKind::kAllow});
  EXPECT_EQ(FromReturnValue(0x12345678), Action{ActionKind::kKillProcess});
}

TEST(DisplayName, ShowsDataOnlyWhereThereIsSome) {
  EXPECT_EQ(DisplayName(Action{ActionKind::kErrno, 1}), "ERRNO(1)");
  EXPECT_EQ(DisplayName(Action{ActionKind::kAllow}), "ALLOW");
}

TEST(ArchFromOci, IsTheInverseOfOciName) {
  for (std::size_t i = 0; i < kArchCount; ++i) {
    const auto arch = static_cast<Arch>(i);
    EXPECT_EQ(ArchFromOci(OciName(arch)), arch);
    EXPECT_EQ(ArchFromName(DisplayName(arch)), arch);
  }
  EXPECT_EQ(ArchFromOci("SCMP_ARCH_AMD64"), std::nullopt);
}

TEST(ArchFromName, KnowsGoAndUnameSpellings) {
  EXPECT_EQ(ArchFromName("amd64"), Arch::kX86_64);
  EXPECT_EQ(ArchFromName("386"), Arch::kX86);
  EXPECT_EQ(ArchFromName("arm64"), Arch::kAarch64);
  EXPECT_EQ(ArchFromName("vax"), std::nullopt);
}

TEST(AuditArch, IsTheKernelsNumber) {
  EXPECT_EQ(AuditArch(Arch::kX86_64), 0xc000003eU);
  EXPECT_EQ(AuditArch(Arch::kX32), 0xc000003eU);
  EXPECT_EQ(AuditArch(Arch::kX86), 0x40000003U);
  EXPECT_EQ(AuditArch(Arch::kAarch64), 0xc00000b7U);
  EXPECT_EQ(AuditArch(Arch::kS390x), 0x80000016U);
  EXPECT_NE(LibseccompToken(Arch::kX32), LibseccompToken(Arch::kX86_64));
}

TEST(EffectiveAction, AbsentErrnoIsEpermAndTheRestIsTruncated) {
  EXPECT_EQ(EffectiveAction(ActionKind::kErrno, std::nullopt), (Action{ActionKind::kErrno, 1}));
  EXPECT_EQ(EffectiveAction(ActionKind::kTrace, 65537), (Action{ActionKind::kTrace, 1}));
  EXPECT_EQ(EffectiveAction(ActionKind::kAllow, 5), Action{ActionKind::kAllow});
}

TEST(SyscallTable, FindsByArchNameAndNumber) {
  SyscallTable table;
  table.Add(Arch::kX86_64, "read", 0);
  table.Add(Arch::kX86, "socketcall", 102);
  EXPECT_EQ(table.Number(Arch::kX86_64, "read"), 0);
  EXPECT_EQ(table.Number(Arch::kX86, "read"), std::nullopt);
  EXPECT_EQ(table.Name(Arch::kX86, 102), "socketcall");
  EXPECT_EQ(table.Name(Arch::kX86, 103), "");
  EXPECT_TRUE(table.Knows("socketcall"));
  EXPECT_FALSE(table.Knows("write"));
  EXPECT_EQ(table.Names(Arch::kX86), std::vector<std::string_view>{"socketcall"});
  EXPECT_TRUE(table.Names(Arch::kArm).empty());
}

TEST(SyscallTable, ANameMayHaveTwoNumbersAndTheLastAddedCounts) {
  SyscallTable table;
  table.Add(Arch::kX86_64, "b", 7);
  table.Add(Arch::kX86_64, "a", 9);
  table.Add(Arch::kX86_64, "b", 3);
  table.Add(Arch::kX86_64, "c", 9);
  EXPECT_EQ(table.Number(Arch::kX86_64, "b"), 3);
  EXPECT_EQ(table.Name(Arch::kX86_64, 7), "b");
  EXPECT_EQ(table.Name(Arch::kX86_64, 3), "b");
  EXPECT_EQ(table.Name(Arch::kX86_64, 9), "c");
  EXPECT_EQ(table.Names(Arch::kX86_64), (std::vector<std::string_view>{"a", "b", "c"}));
}

TEST(NarrowArguments, KnowsTheIntArgumentsOfTheKernel) {
  EXPECT_EQ(NarrowArguments("socket"), 0b111U);
  EXPECT_EQ(NarrowArguments("ioctl"), 0b011U);
  EXPECT_EQ(NarrowArguments("mmap"), 0U);
}

}  // namespace
}  // namespace seccompd::seccomp
