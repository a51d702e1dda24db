// SPDX-License-Identifier: Apache-2.0
// Docker's format, bases and weakening through the real agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/node.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::IsOk;
using test_support::ReadFile;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

constexpr char kDocker[] = R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS",
  "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]})";
constexpr char kNoAlg[] = R"({"syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO",
  "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]}]})";

TEST(FormatsTest, DockersFormatIsInstalledAsPlainOciForTheAnnotatedCapabilities) {
  Node node;
  node.Apply({.name = "usual", .data = {{"a.json", kDocker}}});
  node.Apply({.name = "admin",
              .data = {{"a.json", kDocker}},
              .annotations = {{"seccompd.io/capabilities", "SYS_ADMIN"}}});
  ASSERT_THAT(node.StartAgent(), IsOk());
  ASSERT_TRUE(node.WaitInstalled("usual/a.json"));
  ASSERT_TRUE(node.WaitInstalled("admin/a.json"));
  EXPECT_THAT(ReadFile(node.Path("usual/a.json")),
              Optional(AllOf(HasSubstr("\"defaultErrnoRet\": 38"), Not(HasSubstr("mount")),
                             Not(HasSubstr("includes")))));
  EXPECT_THAT(ReadFile(node.Path("admin/a.json")), Optional(HasSubstr("mount")));
}

TEST(FormatsTest, AProfileExtendsTheDefaultOfTheNodesRuntimeAndFollowsItsBase) {
  Node node;
  node.Apply({.name = "base", .data = {{"b.json", kDocker}}});
  node.Apply({.name = "web",
              .data = {{"no-alg.json", kNoAlg}},
              .annotations = {{"seccompd.io/base", "runtime-default"}}});
  node.Apply({.name = "own",
              .data = {{"no-alg.json", kNoAlg}},
              .annotations = {{"seccompd.io/base", "base/b.json"}}});
  node.Apply({.name = "lost",
              .data = {{"no-alg.json", kNoAlg}},
              .annotations = {{"seccompd.io/base", "base/c.json"}}});
  ASSERT_THAT(node.StartAgent({"--runtime", "containerd://1.7.34"}), IsOk());
  ASSERT_TRUE(node.WaitInstalled("web/no-alg.json"));
  EXPECT_THAT(ReadFile(node.Path("web/no-alg.json")), Optional(HasSubstr("epoll_pwait2")));
  ASSERT_TRUE(node.WaitInstalled("own/no-alg.json"));
  EXPECT_TRUE(node.WaitMetric(R"(seccompd_profiles{state="invalid"})", 1));
  node.Apply({.name = "base", .data = {{"b.json", kAudit}}});
  EXPECT_TRUE(node.WaitInstalled("base/b.json", Rendered(kAudit)));
  for (int i = 0; i < 200; ++i) {
    if (ReadFile(node.Path("own/no-alg.json")).value_or("").find("SCMP_ACT_LOG") !=
        std::string::npos) {
      break;
    }
    ASSERT_TRUE(node.WaitInstalled("own/no-alg.json"));
  }
  EXPECT_THAT(ReadFile(node.Path("own/no-alg.json")), Optional(HasSubstr("SCMP_ACT_LOG")));
}

TEST(FormatsTest, AWeakerUpdateIsReportedOrRefused) {
  for (const std::string policy : {"warn", "reject"}) {
    Node node;
    node.Apply({.name = "web", .data = {{"a.json", kViolation}}});
    ASSERT_THAT(node.StartAgent({"--weakening", policy}), IsOk());
    ASSERT_TRUE(node.WaitInstalled("web/a.json", Rendered(kViolation)));
    node.Apply({.name = "web", .data = {{"a.json", kAudit}}});
    EXPECT_TRUE(node.WaitMetric("seccompd_profile_weakenings_total", 1)) << policy;
    if (policy == "warn") {
      EXPECT_TRUE(node.WaitInstalled("web/a.json", Rendered(kAudit)));
    } else {
      EXPECT_TRUE(node.WaitMetric(R"(seccompd_profiles{state="invalid"})", 1));
      EXPECT_EQ(ReadFile(node.Path("web/a.json")), Rendered(kViolation));
    }
  }
}

}  // namespace
}  // namespace seccompd::e2e
