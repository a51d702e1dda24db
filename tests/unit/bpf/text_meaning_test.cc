// SPDX-License-Identifier: Apache-2.0
// Where the compiled filter decides otherwise than the profile's text reads.
#include "common/bpf/text_meaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "common/bpf/compile.h"
#include "common/bpf/layout.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/runtime_default.h"
#include "common/seccomp/semantics.h"

namespace seccompd::bpf {
namespace {

using seccomp::Arch;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  return table;
}
const seccomp::NodeFacts kNode{.arch = Arch::kX86_64, .kernel_major = 6, .kernel_minor = 1};

seccomp::Profile Read(const std::string& rules) {
  const auto parsed = seccomp::CheckProfile(
      R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64",
          "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [)" +
          rules + "]}",
      Table(), kNode);
  EXPECT_TRUE(parsed.profile) << rules;
  return parsed.profile.value_or(seccomp::Profile{});
}

std::vector<seccomp::Diagnostic> Differences(const seccomp::Profile& profile) {
  Workspace workspace;
  return TextDifferences(workspace, profile, Table(), kNode,
                         [](const seccomp::Profile& p) { return Compile(p, Arch::kX86_64); });
}

std::string Rule(const std::string& name, const std::string& action, const std::string& op,
                 std::uint64_t value, std::uint64_t two = 0) {
  return R"({"names": [")" + name + R"("], "action": "SCMP_ACT_)" + action +
         R"(", "args": [{"index": 0, "op": "SCMP_CMP_)" + op + R"(", "value": )" +
         std::to_string(value) + R"(, "valueTwo": )" + std::to_string(two) + "}]}";
}

TEST(TextDifferences, AValueBeyond32BitsIsCutOnI386) {
  const auto found = Differences(Read(Rule("ioctl", "ALLOW", "EQ", 0x100000005)));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].code, "W0216");
  EXPECT_THAT(found[0].message, HasSubstr("ioctl with arguments 0x5"));
  EXPECT_THAT(found[0].message, HasSubstr("reads ERRNO(1) here"));
  EXPECT_THAT(found[0].message, HasSubstr("gives ALLOW"));
}

TEST(TextDifferences, WhatReadsAsItIsBuiltHasNone) {
  EXPECT_THAT(Differences(Read(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW"})")), IsEmpty());
  EXPECT_THAT(Differences(Read(Rule("ioctl", "ALLOW", "EQ", 5))), IsEmpty());
  EXPECT_THAT(Differences(Read(Rule("ioctl", "ALLOW", "MASKED_EQ", 0xff, 5))), IsEmpty());
  for (const auto version : seccomp::AllContainerdDefaults()) {
    EXPECT_THAT(
        Differences(ContainerdDefaultProfile(version, kNode, seccomp::DefaultCapabilities())),
        IsEmpty());
  }
}

TEST(TextDifferences, WhatDiagnoseExplainsIsNotSaidTwice) {
  // Swallowed, and overlapping: both have warnings of their own.
  EXPECT_THAT(Differences(Read(Rule("ioctl", "KILL", "EQ", 5) +
                               R"(, {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW"})")),
              IsEmpty());
  EXPECT_THAT(
      Differences(Read(Rule("ioctl", "ALLOW", "GE", 5) + ", " + Rule("ioctl", "KILL", "EQ", 7))),
      IsEmpty());
}

// The diagram of the text and the reading of the text for one input are the same.
TEST(PlainMeaning, IsWhatSemanticsReadForEveryTriedInput) {
  std::mt19937_64 random(3);
  constexpr const char* kOps[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
  constexpr const char* kActions[] = {"ALLOW", "LOG", "KILL_PROCESS", "TRAP"};
  constexpr std::uint64_t kValues[] = {0, 1, 5, 38, 40, 0xffffffff};
  for (int round = 0; round < 60; ++round) {
    std::string rules;
    for (int i = 0; i < 3; ++i) {
      rules += (i == 0 ? "" : ", ") + Rule(i == 2 ? "ioctl" : "personality", kActions[random() % 4],
                                           kOps[random() % 7], kValues[random() % 6],
                                           kValues[random() % 6]);
    }
    const auto parsed = seccomp::ParseProfile(
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)" + rules + "]}");
    if (!parsed.profile) continue;
    Workspace workspace;
    const auto plain = PlainMeaning(workspace, *parsed.profile, Arch::kX86_64, Table());
    ASSERT_TRUE(plain);
    for (int i = 0; i < 50; ++i) {
      SeccompData data{.nr = random() % 2 == 0 ? 135U : 16U, .arch = kAuditArchX86_64};
      data.args[0] = kValues[random() % 6] + random() % 3 - 1;
      seccomp::Call call{.audit_arch = data.arch, .nr = data.nr, .args = {data.args[0]}};
      const auto meaning = seccomp::MeaningOf(*parsed.profile, Table(), Arch::kX86_64, call);
      EXPECT_EQ(workspace.Evaluate(*plain, data), Normalize(ToReturnValue(meaning.plain))) << rules;
    }
  }
}

}  // namespace
}  // namespace seccompd::bpf
