// SPDX-License-Identifier: Apache-2.0
// Docker's format, resolved for a node as Docker and CRI-O would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "common/seccomp/diagnose.h"
#include "common/seccomp/errno_name.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/render.h"
#include "common/seccomp/runtime_default.h"

namespace seccompd::seccomp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NodeFacts Node(Arch arch = Arch::kX86_64) {
  return {.arch = arch, .kernel_major = 6, .kernel_minor = 1};
}

ParsedProfile Check(std::string_view text, const NodeFacts& node = Node()) {
  static const SyscallTable table = LoadLibseccompTable(true);
  return CheckProfile(text, table, node);
}

// The one rule of the text that names `pivot_root`: does it count?
bool Counts(std::string_view conditions, const NodeFacts& node = Node()) {
  const auto parsed = Check(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
    {"names": ["pivot_root"], "action": "SCMP_ACT_ALLOW", )" +
                                std::string(conditions) + "}]}",
                            node);
  EXPECT_TRUE(parsed.profile) << conditions;
  return parsed.profile && !parsed.profile->syscalls.empty();
}

NodeFacts With(std::vector<std::string> capabilities) {
  NodeFacts node = Node();
  node.capabilities = std::move(capabilities);
  return node;
}

// containerd's default as data, in the words of Docker's format.
std::string DockerStyle() {
  std::ifstream file(SECCOMPD_TEST_DATA "/profiles/docker_style.json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> Allowed(const Profile& profile) {
  std::set<std::string> names;
  for (const SyscallRule& rule : profile.syscalls) {
    if (rule.action == ActionKind::kAllow) names.insert(rule.names.begin(), rule.names.end());
  }
  return names;
}

std::vector<std::string> Errors(const ParsedProfile& parsed) {
  std::vector<std::string> out;
  for (const Diagnostic& d : parsed.diagnostics) {
    if (d.severity == Severity::kError) out.push_back(std::string(d.code) + " " + d.pointer);
  }
  return out;
}

TEST(DockerFormat, AnyExcludedCapabilityLeavesTheRuleOut) {
  const std::string_view rule = R"("excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})";
  EXPECT_TRUE(Counts(rule, With({"CAP_CHOWN"})));
  EXPECT_FALSE(Counts(rule, With({"CAP_BPF"})));
  EXPECT_FALSE(Counts(rule, With({"CAP_BPF", "CAP_SYS_ADMIN"})));
}

TEST(DockerFormat, EveryIncludedCapabilityIsNeeded) {
  const std::string_view rule = R"("includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]})";
  EXPECT_FALSE(Counts(rule, With({"CAP_BPF"})));
  EXPECT_TRUE(Counts(rule, With({"CAP_BPF", "CAP_SYS_ADMIN"})));
}

TEST(DockerFormat, WithoutGivenCapabilitiesTheRuntimesDefaultSetCounts) {
  EXPECT_TRUE(Counts(R"("includes": {"caps": ["CAP_SYS_CHROOT"]})"));
  EXPECT_FALSE(Counts(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})"));
  EXPECT_FALSE(Counts(R"("includes": {"caps": ["CAP_SYS_CHROOT"]})", With({})));
}

TEST(DockerFormat, ArchesAreGoNames) {
  EXPECT_TRUE(Counts(R"("includes": {"arches": ["arm64", "amd64"]})"));
  EXPECT_FALSE(Counts(R"("includes": {"arches": ["arm64", "x32"]})"));
  EXPECT_FALSE(Counts(R"("excludes": {"arches": ["amd64"]})"));
  EXPECT_TRUE(Counts(R"("excludes": {"arches": ["s390x", "loong64"]})"));
  EXPECT_TRUE(Counts(R"("includes": {"arches": ["arm64"]})", Node(Arch::kAarch64)));
}

TEST(DockerFormat, MinKernelIsReachedOrNot) {
  EXPECT_TRUE(Counts(R"("includes": {"minKernel": "4.8"})"));
  EXPECT_TRUE(Counts(R"("includes": {"minKernel": "6.1"})"));
  EXPECT_FALSE(Counts(R"("includes": {"minKernel": "6.2"})"));
  EXPECT_FALSE(Counts(R"("includes": {"minKernel": "10.0"})"));
  EXPECT_FALSE(Counts(R"("excludes": {"minKernel": "6.1"})"));
  EXPECT_TRUE(Counts(R"("excludes": {"minKernel": "6.2"})"));
}

TEST(DockerFormat, ExcludesAndIncludesMustBothAgree) {
  EXPECT_FALSE(Counts(R"("includes": {"arches": ["amd64"], "caps": ["CAP_BPF"]})"));
  EXPECT_FALSE(Counts(R"("includes": {"arches": ["amd64"]}, "excludes": {"caps": ["CAP_CHOWN"]})"));
  EXPECT_TRUE(Counts(R"("includes": {"arches": ["amd64"], "caps": ["CAP_CHOWN"],
      "minKernel": "4.8"}, "excludes": {"caps": ["CAP_BPF"], "arches": ["arm64"]})"));
}

TEST(DockerFormat, ArchMapGivesTheNativeArchitectureAndItsOwn) {
  const std::string text = R"({"defaultAction": "SCMP_ACT_ERRNO", "archMap": [
    {"architecture": "SCMP_ARCH_LOONGARCH64", "subArchitectures": null},
    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X32"]}]})";
  EXPECT_THAT(Check(text).profile->architectures, ElementsAre(Arch::kX86_64, Arch::kX86));
  EXPECT_THAT(Check(text, Node(Arch::kAarch64)).profile->architectures,
              ElementsAre(Arch::kAarch64, Arch::kArm));
  EXPECT_THAT(Check(text, Node(Arch::kS390x)).profile->architectures, IsEmpty());
}

TEST(DockerFormat, OneNameMayStandAlone) {
  const auto parsed = Check(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
    {"name": "read", "names": [], "action": "SCMP_ACT_ALLOW"}]})");
  ASSERT_TRUE(parsed.profile);
  EXPECT_THAT(parsed.profile->syscalls[0].names, ElementsAre("read"));
}

TEST(DockerFormat, AnErrorByNameBeatsTheNumber) {
  const auto parsed = Check(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS",
    "defaultErrnoRet": 1, "syscalls": [
    {"names": ["bdflush"], "action": "SCMP_ACT_ERRNO", "errno": "EPERM", "errnoRet": 38},
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errno": "22"}]})");
  ASSERT_TRUE(parsed.profile);
  EXPECT_EQ(parsed.profile->default_errno_ret, 38U);
  EXPECT_EQ(parsed.profile->syscalls[0].errno_ret, 1U);
  EXPECT_EQ(parsed.profile->syscalls[1].errno_ret, 22U);
}

TEST(DockerFormat, WhatCannotBeResolvedIsAnError) {
  EXPECT_THAT(Errors(Check(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOPE"})")),
              ElementsAre("E0110 /defaultErrno"));
  EXPECT_THAT(Errors(Check(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
      {"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4"}},
      {"names": ["a"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": "CAP_BPF"}},
      {"names": ["a"], "action": "SCMP_ACT_ALLOW", "errno": "EPERM"},
      {"names": ["a"], "action": "SCMP_ACT_ALLOW", "minKernel": "4.8"},
      {"name": "", "names": [], "action": "SCMP_ACT_ALLOW"},
      {"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"}]})")),
              ElementsAre("E0110 /syscalls/0/includes/minKernel", "E0102 /syscalls/1/includes/caps",
                          "E0113 /syscalls/2/errno", "E0114 /syscalls/3/minKernel",
                          "E0109 /syscalls/4/names", "E0115 /syscalls/5/name"));
}

TEST(DockerFormat, FindingsPointIntoTheTextThatWasWritten) {
  const auto parsed = Check(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
    {"names": ["pivot_root"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}},
    {"names": ["reed"], "action": "SCMP_ACT_ALLOW"}]})");
  ASSERT_TRUE(parsed.profile);
  EXPECT_EQ(parsed.profile->syscalls.size(), 1U);
  const auto unknown = std::find_if(parsed.diagnostics.begin(), parsed.diagnostics.end(),
                                    [](const Diagnostic& d) { return d.code == "W0201"; });
  ASSERT_NE(unknown, parsed.diagnostics.end());
  EXPECT_EQ(unknown->pointer, "/syscalls/1/names/0");
  EXPECT_EQ(unknown->line, 3U);
}

TEST(DockerFormat, ARuleThatDoesNotCountIsNotDiagnosed) {
  const auto parsed = Check(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
    {"names": ["nope"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_BPF"]},
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
              {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]})");
  for (const Diagnostic& d : parsed.diagnostics) {
    EXPECT_THAT(d.pointer,
                ::testing::AnyOf("/syscalls/0/includes", "/defaultAction", "/architectures", ""))
        << d.code;
  }
}

TEST(DockerFormat, EachFieldIsReportedOnceWithItsEffect) {
  const auto parsed = Check(DockerStyle());
  std::vector<std::string> said;
  for (const Diagnostic& d : parsed.diagnostics) {
    if (d.code == "W0104") said.push_back(d.message);
  }
  ASSERT_EQ(said.size(), 3U);
  EXPECT_THAT(said, Contains(HasSubstr("resolved here for x86_64, kernel 6.1 and the default "
                                       "capabilities")));
  EXPECT_THAT(said, Contains(HasSubstr("'includes'")));
  EXPECT_THAT(said, Contains(HasSubstr("'archMap'")));
}

// The same facts twice: as Docker's conditions, and as our own code for containerd's default.
TEST(DockerFormat, ContainerdsDefaultInDockersWordsRendersToWhatContainerdBuilds) {
  const std::string text = DockerStyle();
  for (const Arch arch : {Arch::kX86_64, Arch::kAarch64, Arch::kS390x, Arch::kRiscv64}) {
    for (const std::vector<std::string>& caps :
         {std::vector<std::string>{},
          {"CAP_CHOWN", "CAP_SYS_CHROOT"},
          {"CAP_SYS_ADMIN"},
          {"CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_SYSLOG", "CAP_BPF"}}) {
      NodeFacts node = With(caps);
      node.arch = arch;
      const auto parsed = Check(text, node);
      ASSERT_TRUE(parsed.profile);
      const std::vector<std::string_view> held(caps.begin(), caps.end());
      const Profile expected = ContainerdDefaultProfile(ContainerdDefault::k2_2_4, node, held);
      EXPECT_EQ(Allowed(*parsed.profile), Allowed(expected)) << DisplayName(arch);
      EXPECT_EQ(parsed.profile->syscalls.size(), expected.syscalls.size());
      EXPECT_EQ(
          std::set(parsed.profile->architectures.begin(), parsed.profile->architectures.end()),
          std::set(expected.architectures.begin(), expected.architectures.end()));
    }
  }
}

// What containerd makes of the same file: every conditional rule counts.
TEST(DockerFormat, ReadAsOciTheSameTextAllowsFarMore) {
  const auto resolved = Check(DockerStyle());
  ASSERT_TRUE(resolved.profile);
  NodeFacts everything = Node();
  everything.capabilities.emplace(AllCapabilities().begin(), AllCapabilities().end());
  std::set<std::string> raw;
  for (const Arch arch : {Arch::kX86_64, Arch::kX86, Arch::kAarch64, Arch::kArm, Arch::kS390x,
                          Arch::kPpc64le, Arch::kRiscv64}) {
    everything.arch = arch;
    const auto all = Check(DockerStyle(), everything);
    ASSERT_TRUE(all.profile);
    raw.merge(Allowed(*all.profile));
  }
  EXPECT_EQ(Allowed(*resolved.profile).size(), 372U);
  EXPECT_EQ(raw.size(), 426U);
  for (const char* name : {"bpf", "mount", "setns", "init_module", "perf_event_open", "clone3"}) {
    EXPECT_TRUE(raw.contains(name)) << name;
    EXPECT_FALSE(Allowed(*resolved.profile).contains(name)) << name;
  }
}

TEST(DockerFormat, WhatIsRenderedIsPlainOci) {
  const auto parsed = Check(DockerStyle());
  ASSERT_TRUE(parsed.profile);
  const auto again = ParseProfile(RenderOci(*parsed.profile));
  EXPECT_THAT(again.diagnostics, IsEmpty());
  EXPECT_EQ(again.profile, parsed.profile);
}

TEST(ErrnoFromName, KnowsNamesAndAliasesButNotForeignNumbering) {
  EXPECT_EQ(ErrnoFromName("EPERM", Arch::kX86_64), 1U);
  EXPECT_EQ(ErrnoFromName("ENOSYS", Arch::kAarch64), 38U);
  EXPECT_EQ(ErrnoFromName("EWOULDBLOCK", Arch::kX86_64), 11U);
  EXPECT_EQ(ErrnoFromName("EOPNOTSUPP", Arch::kX86_64), 95U);
  EXPECT_EQ(ErrnoFromName("EPERM", Arch::kMips), 1U);
  EXPECT_EQ(ErrnoFromName("ENOSYS", Arch::kMips), std::nullopt);
  EXPECT_EQ(ErrnoFromName("eperm", Arch::kX86_64), std::nullopt);
  EXPECT_EQ(ErrnoFromName("", Arch::kX86_64), std::nullopt);
}

TEST(ParseCapabilities, TakesNamesWithAndWithoutPrefix) {
  EXPECT_THAT(ParseCapabilities("net_raw, CAP_CHOWN,,cap_chown").names,
              ElementsAre("CAP_CHOWN", "CAP_NET_RAW"));
  EXPECT_EQ(ParseCapabilities("ALL").names.size(), AllCapabilities().size());
  EXPECT_THAT(ParseCapabilities("none").names, IsEmpty());
  EXPECT_EQ(ParseCapabilities("none").unknown, "");
  EXPECT_EQ(ParseCapabilities("CAP_CHOWN,sys_adm").unknown, "sys_adm");
}

}  // namespace
}  // namespace seccompd::seccomp
