// SPDX-License-Identifier: Apache-2.0
// Profiles that extend another: what the rewritten rules decide, and the proof of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "common/bpf/compile.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/layout.h"
#include "common/bpf/prove_extension.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/crio_default.h"
#include "common/seccomp/extend.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/runtime_default.h"
#include "common/seccomp/syscall_facts.h"
#include "tests/unit/bpf/extended.h"

namespace seccompd::bpf {
namespace {

using seccomp::ActionKind;
using seccomp::Arch;
using seccomp::CompareOp;
using seccomp::Profile;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kPerm = kRetErrno | 1;

std::vector<std::string> Codes(const std::vector<seccomp::Diagnostic>& diagnostics) {
  std::vector<std::string> out;
  out.reserve(diagnostics.size());
  for (const auto& d : diagnostics) out.push_back(std::string(d.code) + " " + d.pointer);
  return out;
}

Profile Default(seccomp::ContainerdDefault version) {
  return ContainerdDefaultProfile(version, ExtendedNode(), seccomp::DefaultCapabilities());
}

constexpr const char* kNoAlg = R"({"names": ["socket"], "action": "SCMP_ACT_ERRNO",
  "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]})";

TEST(Extension, NoAlgOverEveryDefaultBlocksEveryDirectWay) {
  for (const seccomp::ContainerdDefault version : seccomp::AllContainerdDefaults()) {
    const Extended e = Apply(kNoAlg, Default(version));
    ASSERT_TRUE(e.proof) << DisplayName(version) << e.proof.error().message;
    const std::uint32_t x32 = seccomp::kX32Bit | 41;
    EXPECT_EQ(Decision(e, kAuditArchX86_64, 41, 38), kPerm);
    EXPECT_EQ(Decision(e, kAuditArchX86_64, 41, kDirty | 38), kPerm);
    EXPECT_EQ(Decision(e, kAuditArchX86_64, x32, 38), kPerm);
    EXPECT_EQ(Decision(e, kAuditArchX86_64, x32, kDirty | 38), kPerm);
    EXPECT_EQ(Decision(e, kAuditArchI386, 359, 38), kPerm);
    EXPECT_EQ(Decision(e, kAuditArchX86_64, 41, 2), kRetAllow);
    EXPECT_EQ(Decision(e, kAuditArchX86_64, x32, 2), kRetAllow);
    EXPECT_EQ(Decision(e, kAuditArchI386, 359, 2), kRetAllow);
    EXPECT_EQ(Decision(e, kAuditArchI386, 359, 39), kRetAllow);
  }
}

TEST(Extension, OverCriosDefaultsWholeCallsCanBeRefused) {
  constexpr const char* kSticky = R"({"names": ["ioctl"], "action": "SCMP_ACT_ERRNO",
    "args": [{"index": 1, "value": 21522, "op": "SCMP_CMP_EQ"}]},
    {"names": ["keyctl", "mount"], "action": "SCMP_ACT_ERRNO"})";
  for (const seccomp::CrioDefault version : seccomp::AllCrioDefaults()) {
    const seccomp::Profile base =
        CrioDefaultProfile(version, Arch::kX86_64, seccomp::CrioCapabilities());
    const Extended e = Apply(kSticky, base);
    ASSERT_TRUE(e.proof) << DisplayName(version) << e.proof.error().message;
    EXPECT_EQ(Decision(e, kAuditArchX86_64, 250, 0), kPerm) << "keyctl";
    EXPECT_EQ(Decision(e, kAuditArchX86_64, 165, 0), kPerm) << "mount";
    EXPECT_EQ(Decision(e, kAuditArchX86_64, 16, 0), kRetAllow) << "ioctl";
  }
}

TEST(Extension, WhatStaysOpenIsSaidWithTheWayToCloseIt) {
  const Extended old = Apply(kNoAlg, Default(seccomp::ContainerdDefault::k1_7_13));
  std::vector<std::string> said;
  for (const auto& d : old.open) said.push_back(d.message);
  EXPECT_THAT(said, Contains(HasSubstr("through socketcall(), whose arguments no filter sees and "
                                       "which gets ALLOW; deny socketcall here too")));
  EXPECT_THAT(said, Contains(HasSubstr("io_uring, which gets ALLOW; deny io_uring_setup")));
  const Extended newer = Apply(kNoAlg, Default(seccomp::ContainerdDefault::k2_2_4));
  EXPECT_EQ(newer.open.size(), 1U);  // no io_uring there
}

// A list of families in one rule, and a range: no filter sees them behind socketcall either.
TEST(Extension, WhatStaysOpenIsSaidOfRulesOfAnyKind) {
  const auto base = Default(seccomp::ContainerdDefault::k2_2_4);
  for (const char* args : {R"({"index": 0, "value": 38, "op": "SCMP_CMP_EQ"},
                              {"index": 0, "value": 40, "op": "SCMP_CMP_EQ"})",
                           R"({"index": 0, "value": 16, "op": "SCMP_CMP_GT"})"}) {
    const Extended e = Apply(
        std::string(R"({"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": [)") + args + "]}",
        base);
    ASSERT_TRUE(e.proof) << args;
    ASSERT_EQ(e.open.size(), 1U) << args;
    EXPECT_THAT(e.open[0].message, HasSubstr("through socketcall()"));
  }
}

TEST(Extension, ClosedWaysAreNotReported) {
  const Extended e = Apply(std::string(kNoAlg) + R"(, {"names": ["socketcall", "io_uring_setup",
      "io_uring_enter", "io_uring_register"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38})",
                           Default(seccomp::ContainerdDefault::k1_7_13));
  ASSERT_TRUE(e.proof) << e.proof.error().message;
  EXPECT_THAT(e.open, IsEmpty());
  EXPECT_EQ(Decision(e, kAuditArchI386, 102, 1), kRetErrno | 38);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 425, 1), kRetErrno | 38);
}

TEST(Extension, TheBaseIsRewrittenIntoDisjointConditions) {
  const Extended e = Apply(kNoAlg, Default(seccomp::ContainerdDefault::k1_6_28));
  std::size_t rules = 0;
  for (const auto& rule : e.rewritten.syscalls) {
    if (rule.names != std::vector<std::string>{"socket"}) continue;
    ++rules;
    EXPECT_EQ(rule.action, ActionKind::kAllow);
    EXPECT_EQ(rule.args[0].op, CompareOp::kMaskedEq);
  }
  EXPECT_EQ(rules, 32U);
}

TEST(Extension, AnotherActionThanTheDefaultsWinsToo) {
  Profile base = Default(seccomp::ContainerdDefault::k2_2_4);
  const Extended e = Apply(R"({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30},
     {"names": ["personality"], "action": "SCMP_ACT_KILL_PROCESS",
      "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
     {"names": ["bpf"], "action": "SCMP_ACT_ALLOW"})",
                           base);
  ASSERT_TRUE(e.proof) << e.proof.error().message;
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 83, 0), kRetErrno | 30);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 135, 8), kRetKillProcess);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 135, 0), kRetAllow);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 135, 0xffffffff), kRetAllow);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 135, 1), kPerm);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 321, 0), kRetAllow);
}

TEST(Extension, ALongArgumentKeepsItsHighHalf) {
  const Extended e = Apply(R"({"names": ["mmap"], "action": "SCMP_ACT_ERRNO",
      "args": [{"index": 1, "value": 4096, "op": "SCMP_CMP_EQ"}]})",
                           Default(seccomp::ContainerdDefault::k2_2_4));
  ASSERT_TRUE(e.proof) << e.proof.error().message;
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 9, 0, 4096), kPerm);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 9, 0, kDirty | 4096), kRetAllow);
  EXPECT_EQ(Decision(e, kAuditArchX86_64, 9, 0, 4097), kRetAllow);
}

TEST(Extension, ContradictionsAreErrorsNotGuesses) {
  const Profile base = Default(seccomp::ContainerdDefault::k2_2_4);
  const auto codes = [&](const std::string& rules) { return Apply(rules, base).codes; };
  EXPECT_THAT(codes(std::string(kNoAlg) + R"(, {"names": ["socket"], "action": "SCMP_ACT_KILL"})"),
              Contains("E0207 /syscalls/1/names/0"));
  EXPECT_THAT(codes(R"({"names": ["socket"], "action": "SCMP_ACT_ERRNO",
      "args": [{"index": 0, "value": 4294967334, "op": "SCMP_CMP_EQ"}]})"),
              Contains("E0207 /syscalls/0/names/0"));
  EXPECT_THAT(codes(R"({"names": ["mmap"], "action": "SCMP_ACT_ERRNO",
      "args": [{"index": 1, "value": 4294967296, "op": "SCMP_CMP_EQ"}]})"),
              Contains("E0207 /syscalls/0/names/0"));
  EXPECT_THAT(codes(R"({"names": ["socketcall"], "action": "SCMP_ACT_ERRNO"})"),
              Contains("E0207 /syscalls/0/names/0"));
  EXPECT_THAT(codes(R"({"names": ["sokket"], "action": "SCMP_ACT_ERRNO"})"),
              Contains("W0201 /syscalls/0/names/0"));
}

TEST(CheckExtension, WhatItSaysOfTheWholeMustBeTheBases) {
  const Profile base = Default(seccomp::ContainerdDefault::k2_2_4);
  const auto codes = [&](const std::string& text) {
    return Codes(seccomp::CheckExtension(text, base, ExtendedTable(), ExtendedNode()).diagnostics);
  };
  const std::string rule = R"("syscalls": [{"names": ["bpf"], "action": "SCMP_ACT_LOG"}])";
  EXPECT_THAT(codes("{" + rule + "}"), IsEmpty());
  EXPECT_THAT(codes(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, )" + rule + "}"),
              IsEmpty());
  EXPECT_THAT(codes(R"({"defaultAction": "SCMP_ACT_ALLOW", )" + rule + "}"),
              Contains("E0206 /defaultAction"));
  EXPECT_THAT(codes(R"({"architectures": ["SCMP_ARCH_X86_64"], )" + rule + "}"),
              Contains("E0206 /architectures"));
  EXPECT_THAT(
      codes(R"({"architectures": ["SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"], )" + rule +
            "}"),
      IsEmpty());
  EXPECT_THAT(codes("{}"), Contains("E0109 "));
}

TEST(ProveExtension, AWrongFilterIsRefusedWithAWitness) {
  Extended e = Apply(kNoAlg, Default(seccomp::ContainerdDefault::k2_2_4));
  Workspace workspace;
  const Program good = e.program;
  e.program = e.base;  // what appending the rule would give
  auto proof = ProveExtension(workspace, CaseOf(e));
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, base::ErrorCode::kFailedPrecondition);
  EXPECT_THAT(proof.error().message, HasSubstr("socket"));
  // Any change of one instruction that changes a decision is found.
  std::mt19937_64 random(7);
  std::size_t refused = 0;
  for (int i = 0; i < 40; ++i) {
    e.program = good;
    e.program[random() % good.size()].k ^= 1U << (random() % 8);
    workspace.Reset();
    if (!ProveExtension(workspace, CaseOf(e))) ++refused;
  }
  EXPECT_GT(refused, 30U);
}

TEST(ProveExtension, TooSmallAWorkspaceIsUndecidedNotProven) {
  const Extended e = Apply(kNoAlg, Default(seccomp::ContainerdDefault::k2_2_4));
  Workspace small(DecideLimits{.nodes = 2000, .operations = 2000});
  const auto proof = ProveExtension(small, CaseOf(e));
  ASSERT_FALSE(proof);
  EXPECT_TRUE(IsUndecided(proof.error()));
}

// Random rules over random bases: what is proven also holds for inputs that are tried.
class RandomRules {
 public:
  explicit RandomRules(std::uint64_t seed) : random_(seed) {}

  std::string List() {
    std::string out;
    const std::size_t count = 1 + random_() % 3;
    for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : ", ") + Rule();
    return out;
  }

  std::uint64_t Value() {
    constexpr std::uint64_t kValues[] = {0, 1, 2, 5, 38, 40, 0x7e020000, 0xffffffff, kDirty | 38};
    return kValues[random_() % std::size(kValues)];
  }

 private:
  std::string Rule() {
    constexpr const char* kNames[] = {"socket", "clone", "personality", "ioctl", "mmap", "shmget"};
    constexpr const char* kActions[] = {"ALLOW", "ERRNO", "KILL_PROCESS", "LOG"};
    std::string args;
    const std::size_t count = random_() % 3;
    for (std::size_t i = 0; i < count; ++i) args += (i == 0 ? "" : ", ") + Arg(i);
    return std::string(R"({"names": [")") + kNames[random_() % std::size(kNames)] +
           R"("], "action": "SCMP_ACT_)" + kActions[random_() % std::size(kActions)] +
           R"(", "args": [)" + args + "]}";
  }
  std::string Arg(std::size_t index) {
    constexpr const char* kOps[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
    return R"({"index": )" + std::to_string(index) + R"(, "op": "SCMP_CMP_)" +
           kOps[random_() % std::size(kOps)] + R"(", "value": )" + std::to_string(Value()) +
           R"(, "valueTwo": )" + std::to_string(Value()) + "}";
  }

  std::mt19937_64 random_;
};

TEST(Extension, RandomRulesAreProvenOrRefusedAndProvenOnesHold) {
  std::size_t proven = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomRules random(seed);
    const std::string archs =
        seed % 2 == 0 ? R"("architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], )" : "";
    const auto base = seccomp::CheckProfile(R"({"defaultAction": "SCMP_ACT_ERRNO", )" + archs +
                                                R"("syscalls": [)" + random.List() + "]}",
                                            ExtendedTable(), ExtendedNode());
    if (!base.profile || !Compile(*base.profile, Arch::kX86_64)) continue;
    const Extended e = Apply(random.List(), *base.profile);
    if (!e.proof) continue;
    ++proven;
    for (const auto& rule : e.extension.syscalls) {
      const auto expected = Normalize(ToReturnValue(EffectiveAction(rule.action, rule.errno_ret)));
      if (!rule.args.empty()) continue;
      for (int i = 0; i < 20; ++i) {
        const auto nr =
            static_cast<std::uint32_t>(*ExtendedTable().Number(Arch::kX86_64, rule.names[0]));
        EXPECT_EQ(Decision(e, kAuditArchX86_64, nr, random.Value(), random.Value()), expected);
      }
    }
  }
  EXPECT_GT(proven, 60U);
}

}  // namespace
}  // namespace seccompd::bpf
