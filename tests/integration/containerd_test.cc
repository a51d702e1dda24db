// SPDX-License-Identifier: Apache-2.0
// Containers of a real containerd: what it makes of RuntimeDefault, of files and of privileged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "common/seccomp/runtime_default.h"
#include "tests/integration/audit_node.h"
#include "tests/support/container_host.h"
#include "tests/support/containerd_host.h"

namespace seccompd::agent {
namespace {

using test_support::ContainerdContainer;
using test_support::ContainerdHost;
using testing::HasSubstr;

constexpr std::string_view kOld = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kNew = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","keyctl"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kAllowAll = R"({"defaultAction":"SCMP_ACT_ALLOW"})";

class ContainerdTest : public testing::Test, protected AuditNode {
 protected:
  void SetUp() override {
    const std::string why = test_support::WhyNoContainerd();
    if (!why.empty() && test_support::InCi()) FAIL() << why;
    if (!why.empty()) GTEST_SKIP() << why;
    auto host = ContainerdHost::Start();
    ASSERT_TRUE(host.has_value()) << host.error().message;
    host_ = *std::move(host);
    Install({{.path = "web/app.json", .number = 1, .body = kOld, .age = std::chrono::hours(48)},
             {.path = "web/app.json", .number = 2, .body = kNew}});
  }

  ContainerdContainer Start(const std::string& pod, const std::string& asked,
                            std::vector<std::string> flags, bool privileged = false) {
    auto container = host_->Run(std::move(flags));
    EXPECT_TRUE(container.has_value()) << container.error().message;
    if (!container) return {};
    test_support::PodRow row;
    row.name = pod;
    row.uid = container->pod_uid;
    row.container_id = container->id;
    row.seccomp = asked;
    row.privileged = privileged;
    pods().push_back(row);
    return *container;
  }

  std::unique_ptr<ContainerdHost> host_;
};

TEST_F(ContainerdTest, EveryWayToStartAContainer) {
  PutFile("../old.json", kOld);
  PutFile("../all.json", kAllowAll);
  const std::string asked = "Localhost:web/app.json";
  const auto file = [](const std::string& path) {
    return std::vector<std::string>{"--seccomp", "--seccomp-profile", path};
  };
  const ContainerdContainer match = Start("match", asked, file(seccomp_root() + "/web/app.json"));
  Start("stale", asked, file(Join("old.json")));
  Start("weaker", asked, file(Join("all.json")));
  Start("bare", asked, {});
  Start("privileged", asked, {"--privileged"}, true);
  Start("nothing", "Unconfined", {});
  ASSERT_TRUE(host_->Exec(match, {"/bin/sleep", "1000"}).has_value());
  EXPECT_THAT(Audit(), testing::ElementsAre(testing::Pair("bare", "not_enforced"),
                                            testing::Pair("match", "match"),
                                            testing::Pair("nothing", "unconfined"),
                                            testing::Pair("privileged", "not_enforced(privileged)"),
                                            testing::Pair("stale", "stale(old-revision)/weaker"),
                                            testing::Pair("weaker", "weaker")));
  EXPECT_THAT(json(), HasSubstr(R"("threads":{"total":2,"same":2})"));
}

// By its bundle the default is proven, whatever its version; without, only where the version is one
// whose default is known here: else it is unknown, and never a match by guess.
TEST_F(ContainerdTest, RuntimeDefaultIsProvenByItsBundleOrByAKnownVersion) {
  Start("default", "RuntimeDefault", {"--seccomp"});
  const std::string by_data = Audit()["default"];
  const auto known = seccomp::ContainerdDefaultOf("containerd://" + host_->version());
  if (known) {
    EXPECT_EQ(by_data, "match") << "containerd " << host_->version();
    options().runtime = "containerd-" + host_->version();
    EXPECT_EQ(Audit()["default"], "match");
    options().runtime.clear();
  } else {
    EXPECT_THAT(by_data, testing::AnyOf("match", "unknown(runtime-version)"));
  }
  options().bundles = host_->Bundles();
  EXPECT_EQ(Audit()["default"], "match") << Why("default");
  EXPECT_THAT(json(), HasSubstr(R"("same_as":"its bundle")"));
  EXPECT_THAT(json(), HasSubstr(R"("told":{"digest":"sha256:)"));
}

// What the runtime was told is what its bundle says, and that is not what the pod asks.
TEST_F(ContainerdTest, ABundleSaysThatTheRuntimeWasToldAnotherProfile) {
  PutFile("../all.json", kAllowAll);
  Start("told", "Localhost:web/app.json", {"--seccomp", "--seccomp-profile", Join("all.json")});
  options().bundles = host_->Bundles();
  EXPECT_EQ(Audit()["told"], "weaker");
  EXPECT_THAT(json(), HasSubstr(R"("cause":"told-otherwise")"));
}

}  // namespace
}  // namespace seccompd::agent
