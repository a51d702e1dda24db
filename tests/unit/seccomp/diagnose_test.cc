// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/diagnose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/seccomp/libseccomp_table.h"

namespace seccompd::seccomp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const SyscallTable& Table() {
  static const SyscallTable table = LoadLibseccompTable(true);
  return table;
}

SyscallRule Rule(std::string name, ActionKind action, std::vector<ArgCondition> args = {}) {
  return {.names = {std::move(name)}, .action = action, .args = std::move(args)};
}

// The pointers of one code, on x86-64.
std::vector<std::string> Pointers(const Profile& profile, std::string_view code,
                                  Arch arch = Arch::kX86_64) {
  std::vector<std::string> out;
  for (const Diagnostic& d : Diagnose(profile, Table(), {.arch = arch})) {
    if (d.code == code) out.push_back(d.pointer);
  }
  return out;
}

std::string MessageOf(const Profile& profile, std::string_view code) {
  for (const Diagnostic& d : Diagnose(profile, Table(), {.arch = Arch::kX86_64})) {
    if (d.code == code) return d.message;
  }
  return {};
}

Profile DenyBut(std::vector<SyscallRule> rules) {
  return {.default_action = ActionKind::kErrno,
          .architectures = {Arch::kX86_64, Arch::kX86},
          .syscalls = std::move(rules)};
}
Profile AllowBut(std::vector<SyscallRule> rules) {
  Profile profile = DenyBut(std::move(rules));
  profile.default_action = ActionKind::kAllow;
  return profile;
}

constexpr ArgCondition kIsAlg{.index = 0, .op = CompareOp::kEq, .value = 38};
constexpr ArgCondition kNotVsock{.index = 0, .op = CompareOp::kNe, .value = 40};

TEST(Diagnose, AppendedRuleThatIsTheDefaultSaysWhoStillAllows) {
  const Profile profile =
      DenyBut({Rule("socket", ActionKind::kAllow), Rule("socket", ActionKind::kErrno, {kIsAlg})});
  EXPECT_THAT(Pointers(profile, "W0209"), ElementsAre("/syscalls/1"));
  EXPECT_THAT(MessageOf(profile, "W0209"), HasSubstr("'socket' still gets ALLOW from /syscalls/0"));
  EXPECT_THAT(Pointers(profile, "W0202"), IsEmpty());
}

TEST(Diagnose, UnconditionalRuleSwallowsConditionalOnesBeforeAndAfterIt) {
  const Profile profile =
      DenyBut({Rule("mmap", ActionKind::kTrap, {kIsAlg}), Rule("mmap", ActionKind::kAllow),
               Rule("mmap", ActionKind::kLog, {kNotVsock})});
  EXPECT_THAT(Pointers(profile, "W0202"),
              ElementsAre("/syscalls/0/names/0", "/syscalls/2/names/0"));
  EXPECT_THAT(Pointers(profile, "W0204"), IsEmpty());
}

TEST(Diagnose, TwoUnconditionalActionsAreAConflictEvenIfOneIsTheDefault) {
  EXPECT_THAT(
      Pointers(DenyBut({Rule("mount", ActionKind::kAllow), Rule("mount", ActionKind::kErrno)}),
               "E0204"),
      ElementsAre("/syscalls/1/names/0"));
  EXPECT_THAT(
      Pointers(DenyBut({Rule("read", ActionKind::kAllow), Rule("read", ActionKind::kAllow)}),
               "E0204"),
      IsEmpty());
}

TEST(Diagnose, MaskedConditionsThatMeanTheSameConflict) {
  const ArgCondition a{.op = CompareOp::kMaskedEq, .value = 15, .value_two = 255};
  const ArgCondition b{.op = CompareOp::kMaskedEq, .value = 15, .value_two = 15};
  EXPECT_THAT(Pointers(DenyBut({Rule("mmap", ActionKind::kAllow, {a}),
                                Rule("mmap", ActionKind::kTrap, {b})}),
                       "E0204"),
              ElementsAre("/syscalls/1/names/0"));
}

TEST(Diagnose, DisjointConditionsDoNotOverlap) {
  const ArgCondition below{.op = CompareOp::kLt, .value = 38};
  const ArgCondition above{.op = CompareOp::kGt, .value = 38};
  EXPECT_THAT(Pointers(DenyBut({Rule("mmap", ActionKind::kAllow, {below}),
                                Rule("mmap", ActionKind::kTrap, {above})}),
                       "W0204"),
              IsEmpty());
  EXPECT_THAT(Pointers(DenyBut({Rule("mmap", ActionKind::kAllow, {kNotVsock}),
                                Rule("mmap", ActionKind::kTrap, {above})}),
                       "W0204"),
              ElementsAre("/syscalls/1"));
}

TEST(Diagnose, DirtyHighBitsMatterOnlyWhereTheyLetACallThrough) {
  const auto dirty = [](const Profile& profile) { return Pointers(profile, "W0210"); };
  EXPECT_THAT(dirty(DenyBut({Rule("socket", ActionKind::kAllow, {kNotVsock})})),
              ElementsAre("/syscalls/0/args/0"));
  EXPECT_THAT(dirty(DenyBut({Rule("socket", ActionKind::kAllow, {kIsAlg})})), IsEmpty());
  EXPECT_THAT(dirty(AllowBut({Rule("socket", ActionKind::kErrno, {kIsAlg})})),
              ElementsAre("/syscalls/0/args/0"));
  EXPECT_THAT(dirty(AllowBut({Rule("socket", ActionKind::kErrno, {kNotVsock})})), IsEmpty());
  const ArgCondition low_half{.op = CompareOp::kMaskedEq, .value = 0xffffffff, .value_two = 38};
  EXPECT_THAT(dirty(AllowBut({Rule("socket", ActionKind::kErrno, {low_half})})), IsEmpty());
  // mmap's first argument is 64 bits wide.
  EXPECT_THAT(dirty(DenyBut({Rule("mmap", ActionKind::kAllow, {kNotVsock})})), IsEmpty());
}

TEST(Diagnose, MultiplexedCallsMatterOnlyWithConditionsAndA32BitArchitecture) {
  EXPECT_THAT(Pointers(DenyBut({Rule("socket", ActionKind::kAllow)}), "W0211"), IsEmpty());
  Profile only64 = DenyBut({Rule("socket", ActionKind::kAllow, {kIsAlg})});
  EXPECT_THAT(Pointers(only64, "W0211"), ElementsAre("/syscalls/0"));
  only64.architectures = {Arch::kX86_64};
  EXPECT_THAT(Pointers(only64, "W0211"), IsEmpty());
}

TEST(Diagnose, MultiplexedCallsGetWhatARuleForTheMultiplexerSays) {
  const auto with = [](const SyscallRule& socketcall) {
    return Pointers(DenyBut({socketcall, Rule("socket", ActionKind::kAllow, {kIsAlg}),
                             Rule("socket", ActionKind::kAllow, {kNotVsock})}),
                    "W0211");
  };
  EXPECT_THAT(with(Rule("socketcall", ActionKind::kAllow)), ElementsAre("/syscalls/1"));
  EXPECT_THAT(with(Rule("socketcall", ActionKind::kKillProcess)), IsEmpty());
  EXPECT_THAT(with(Rule("ipc", ActionKind::kKillProcess)), ElementsAre("/syscalls/1"));
}

TEST(Diagnose, CloneIsCriticalOnlyWithNamespaceFlags) {
  const ArgCondition no_namespaces{.op = CompareOp::kMaskedEq, .value = 0x7e020000};
  const ArgCondition one_flag{.op = CompareOp::kMaskedEq, .value = 0x10000000};
  const auto critical = [](std::string name, std::vector<ArgCondition> args) {
    return Pointers(DenyBut({Rule(std::move(name), ActionKind::kAllow, std::move(args))}), "W0207");
  };
  EXPECT_THAT(critical("clone", {no_namespaces}), IsEmpty());
  EXPECT_THAT(critical("clone", {one_flag}), ElementsAre("/syscalls/0/names/0"));
  EXPECT_THAT(critical("clone", {}), ElementsAre("/syscalls/0/names/0"));
  EXPECT_THAT(critical("ptrace", {no_namespaces}), ElementsAre("/syscalls/0/names/0"));
  // On s390 the flags are the second argument.
  EXPECT_THAT(Pointers(DenyBut({Rule("clone", ActionKind::kAllow, {no_namespaces})}), "W0207",
                       Arch::kS390x),
              ElementsAre("/syscalls/0/names/0"));
}

TEST(Diagnose, DefaultAllowNamesOnlyTheCriticalCallsThatAreNotDenied) {
  const std::string message = MessageOf(
      AllowBut({Rule("bpf", ActionKind::kErrno), Rule("clone", ActionKind::kErrno)}), "W0207");
  EXPECT_THAT(message, ::testing::Not(HasSubstr("bpf")));
  EXPECT_THAT(message, HasSubstr("clone3"));
}

TEST(Diagnose, StartupCallsDeniedByARuleAreNamedThere) {
  EXPECT_THAT(Pointers(AllowBut({Rule("execve", ActionKind::kErrno)}), "W0208"),
              ElementsAre("/syscalls/0/names/0"));
  EXPECT_THAT(Pointers(AllowBut({Rule("execve", ActionKind::kErrno, {kIsAlg})}), "W0208"),
              IsEmpty());
  EXPECT_THAT(Pointers(AllowBut({Rule("setuid", ActionKind::kErrno)}), "N0201"), ElementsAre(""));
}

TEST(Diagnose, X32IsNotMissedAndForeignNodesHaveTheirOwnNeeds) {
  Profile profile = AllowBut({});
  EXPECT_THAT(Pointers(profile, "W0205"), IsEmpty());
  EXPECT_THAT(Pointers(profile, "W0205", Arch::kAarch64), ElementsAre("/architectures"));
  EXPECT_THAT(Pointers(profile, "W0205", Arch::kRiscv64), IsEmpty());
}

TEST(Diagnose, NamesOfCompatArchitecturesAreKnownHere) {
  EXPECT_THAT(Pointers(DenyBut({Rule("chown32", ActionKind::kAllow)}), "W0201"), IsEmpty());
  EXPECT_THAT(Pointers(DenyBut({Rule("chown32", ActionKind::kAllow)}), "W0201", Arch::kAarch64),
              IsEmpty());  // arm has it
  EXPECT_THAT(Pointers(DenyBut({Rule("chown32", ActionKind::kAllow)}), "W0201", Arch::kRiscv64),
              ElementsAre("/syscalls/0/names"));
}

TEST(Diagnose, WithoutATableNothingIsSaidOfNames) {
  const auto found = Diagnose(DenyBut({Rule("nonsense", ActionKind::kAllow)}), SyscallTable(),
                              {.arch = Arch::kX86_64});
  EXPECT_THAT(found, Each(::testing::Field(&Diagnostic::code, ::testing::Ne("W0201"))));
}

TEST(Diagnose, CostIsBoundedOnHostileProfiles) {
  Profile profile = DenyBut({});
  for (std::uint32_t i = 0; i < 4'096; ++i) {
    profile.syscalls.push_back(Rule("socket", i % 2 == 0 ? ActionKind::kAllow : ActionKind::kTrap,
                                    {{.index = i % 6, .op = CompareOp::kNe, .value = i},
                                     {.index = (i + 1) % 6, .op = CompareOp::kGt, .value = i}}));
    profile.syscalls.back().names.push_back("nosuch" + std::to_string(i));
  }
  const auto found = Diagnose(profile, Table(), {.arch = Arch::kX86_64});
  EXPECT_EQ(found.size(), kMaxDiagnostics + 1);
}

TEST(CheckProfile, PutsPositionsOnFindingsOfBothKinds) {
  const auto parsed = CheckProfile(
      "defaultAction: SCMP_ACT_ERRNO\narchitectures: [SCMP_ARCH_X86]\nsyscalls:\n- names: [read]\n"
      "  action: SCMP_ACT_ALLOW\n  note: x\n- names:\n  - mount\n  action: SCMP_ACT_ALLOW\n",
      Table(), {.arch = Arch::kX86_64});
  ASSERT_TRUE(parsed.profile);
  std::vector<std::string> places;
  for (const Diagnostic& d : parsed.diagnostics) {
    places.push_back(std::string(d.code) + " " + std::to_string(d.line) + ":" +
                     std::to_string(d.column));
  }
  EXPECT_THAT(places, ElementsAre("W0208 1:16", "W0101 6:9", "W0207 8:5"));
}

TEST(CheckProfile, OneNoteCountsWhatBothHalvesLeftOut) {
  std::string text = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["a0")";
  for (int i = 1; i < 300; ++i) text += ", \"a" + std::to_string(i) + "\"";
  text += R"(], "action": "SCMP_ACT_ALLOW"}])";
  for (int i = 0; i < 100; ++i) text += ", \"k" + std::to_string(i) + "\": 1";
  const auto parsed = CheckProfile(text + "}", Table(), {.arch = Arch::kX86_64});
  ASSERT_EQ(parsed.diagnostics.size(), kMaxDiagnostics + 1);
  // 300 names, 100 keys, a missing architecture and the start-up calls.
  EXPECT_THAT(parsed.diagnostics.back().message, HasSubstr("202 more findings"));
  EXPECT_EQ(std::count_if(parsed.diagnostics.begin(), parsed.diagnostics.end(),
                          [](const Diagnostic& d) { return d.code == codes::kMoreFindings; }),
            1);
}

TEST(CheckProfile, AConflictRefusesTheProfile) {
  const auto parsed = CheckProfile(
      R"({"defaultAction": "SCMP_ACT_LOG", "syscalls": [
          {"names": ["mount"], "action": "SCMP_ACT_ALLOW"},
          {"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]})",
      Table(), {.arch = Arch::kX86_64});
  EXPECT_FALSE(parsed.profile);
  EXPECT_TRUE(HasErrors(parsed.diagnostics));
}

TEST(LoadLibseccompTable, KnowsEveryArchitecture) {
  const SyscallTable& table = Table();
  EXPECT_EQ(table.Number(Arch::kX86_64, "read"), 0);
  EXPECT_EQ(table.Number(Arch::kX86, "socketcall"), 102);
  EXPECT_EQ(table.Number(Arch::kX32, "read"), 0x40000000);
  EXPECT_EQ(table.Number(Arch::kX32, "ioctl"), 0x40000000 + 514);
  EXPECT_EQ(table.Number(Arch::kAarch64, "openat"), 56);
  EXPECT_EQ(table.Number(Arch::kAarch64, "open"), std::nullopt);
  EXPECT_EQ(table.Number(Arch::kArm, "set_tls"), 0x0f0005);
  EXPECT_EQ(table.Number(Arch::kMips64, "read"), 5000);
  EXPECT_EQ(table.Name(Arch::kX86_64, 231), "exit_group");
  EXPECT_EQ(table.Number(Arch::kX86_64, "io_uring_setup"), 425);  // behind the widest gap
  EXPECT_EQ(table.Number(Arch::kX32, "execveat"), 0x40000000 + 545);
  for (std::size_t i = 0; i < kArchCount; ++i) {
    EXPECT_GT(table.Names(static_cast<Arch>(i)).size(), 250U) << DisplayName(static_cast<Arch>(i));
  }
  const SyscallTable native = LoadLibseccompTable();
  EXPECT_GT(native.Names(NativeArch()).size(), 250U);
}

}  // namespace
}  // namespace seccompd::seccomp
