// SPDX-License-Identifier: Apache-2.0
// Real containers of both runtimes, judged by `seccompd audit` and by the running agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::Container;
using test_support::ContainerHost;
using test_support::IsOk;
using test_support::PodRow;
using test_support::Runtime;
using ::testing::Not;

class VerdictsTest : public ::testing::TestWithParam<Runtime> {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    node_.Apply(TutorialProfiles());
    node_.Apply({.name = "web", .data = {{"cache.json", kDenyBpf}}});
    ASSERT_THAT(node_.StartAgent(), IsOk());
    for (const char* profile : {"profiles/audit.json", "profiles/violation.json",
                                "profiles/fine-grained.json", "web/cache.json"}) {
      ASSERT_TRUE(node_.WaitInstalled(profile)) << profile << "\n" << node_.agent().LogSoFar();
    }
  }

  // A container under the profile installed at `loaded` ("" = no filter), in a pod that asks as
  // `pod` says; with an empty pod name there is no pod record.
  void Start(const std::string& label, const std::string& loaded, PodRow pod) {
    test_support::ContainerSpec spec;
    spec.cgroups = containers_.size() % 2 == 0 ? test_support::CgroupStyle::kCgroupfs
                                               : test_support::CgroupStyle::kSystemd;
    if (!loaded.empty()) spec.seccomp = test_support::ReadFile(node_.Path(loaded));
    auto container = host_.Run(spec);
    ASSERT_THAT(container, IsOk()) << label;
    if (!pod.name.empty()) {
      pod.uid = (*container)->pod_uid();
      pod.container_id = (*container)->id();
      pods_.push_back(pod);
      node_.SetPods(pods_);
    }
    ids_[label] = (*container)->id();
    containers_.push_back(*std::move(container));
  }

  std::string Verdict(const std::string& label) {
    const auto report = node_.Audit();
    return report ? VerdictOf(*report, ids_[label]) : report.error().message;
  }

  static constexpr char kDenyBpf[] =
      R"({"defaultAction":"SCMP_ACT_ALLOW",
          "syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]})";
  static constexpr char kDenyBpfAndKeyctl[] =
      R"({"defaultAction":"SCMP_ACT_ALLOW",
          "syscalls":[{"names":["bpf","keyctl"],"action":"SCMP_ACT_ERRNO"}]})";

  Node node_;
  ContainerHost host_{GetParam()};
  std::vector<PodRow> pods_;
  std::vector<std::unique_ptr<Container>> containers_;
  std::map<std::string, std::string> ids_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, VerdictsTest, ::testing::Values(Runtime::kCrun, Runtime::kRunc),
                         [](const auto& test) { return RuntimeName(test.param); });

TEST_P(VerdictsTest, FollowWhatWasAskedAndWhatIsLoaded) {
  Start("audit", "profiles/audit.json", {.name = "a", .seccomp = "Localhost:profiles/audit.json"});
  Start("fine", "profiles/fine-grained.json",
        {.name = "f", .pod_seccomp = "Localhost:profiles/fine-grained.json"});
  Start("unprotected", "", {.name = "u", .seccomp = "Localhost:profiles/audit.json"});
  Start("privileged", "",
        {.name = "p", .seccomp = "Localhost:profiles/audit.json", .privileged = true});
  Start("unset", "", {.name = "n"});
  Start("said", "", {.name = "s", .seccomp = "Unconfined"});
  Start("stranger", "", {});
  EXPECT_EQ(Verdict("audit"), "match");
  EXPECT_EQ(Verdict("fine"), "match");
  EXPECT_EQ(Verdict("unprotected"), "not_enforced");
  EXPECT_EQ(Verdict("privileged"), "not_enforced(privileged)");
  EXPECT_EQ(Verdict("unset"), "unconfined");
  EXPECT_EQ(Verdict("said"), "unconfined");
  EXPECT_EQ(Verdict("stranger"), "unknown(no-pod)");
}

TEST_P(VerdictsTest, MetricsCountTheSameVerdicts) {
  Start("audit", "profiles/audit.json", {.name = "a", .seccomp = "Localhost:profiles/audit.json"});
  Start("unprotected", "", {.name = "u", .seccomp = "Localhost:profiles/audit.json"});
  Start("unset", "", {.name = "n"});
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_containers{expected="localhost",verdict="match"})", 1));
  EXPECT_TRUE(
      node_.WaitMetric(R"(seccompd_containers{expected="localhost",verdict="not_enforced"})", 1));
  EXPECT_TRUE(node_.WaitMetric(
      R"(seccompd_container_violation{namespace="demo",pod="u",verdict="not_enforced"})", 1));
  EXPECT_EQ(node_.agent().Metric(R"(seccompd_container_violation{pod="a"})"), std::nullopt);
  containers_.erase(containers_.begin() + 1);
  pods_.erase(pods_.begin() + 1);
  node_.SetPods(pods_);
  EXPECT_TRUE(
      node_.WaitMetric(R"(seccompd_containers{expected="localhost",verdict="not_enforced"})", 0));
}

TEST_P(VerdictsTest, ContainerOlderThanTheProfilesMeaningIsStale) {
  Start("cache", "web/cache.json", {.name = "c", .seccomp = "Localhost:web/cache.json"});
  EXPECT_EQ(Verdict("cache"), "match");
  node_.Apply({.name = "web", .data = {{"cache.json", kDenyBpfAndKeyctl}}});
  ASSERT_TRUE(node_.WaitInstalled("web/cache.json", Rendered(kDenyBpfAndKeyctl)));
  EXPECT_THAT(Verdict("cache"), ::testing::StartsWith("stale"));
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_containers{expected="localhost",verdict="stale"})", 1));
  // A container that starts now has the new one, however near to the install: its program says so.
  Start("next", "web/cache.json", {.name = "d", .seccomp = "Localhost:web/cache.json"});
  EXPECT_EQ(Verdict("next"), "match");
}

// The tutorial's violation profile forbids what the runtime itself needs.
TEST_P(VerdictsTest, ProfileThatForbidsEverythingLetsNothingRun) {
  const auto container =
      host_.Run({.seccomp = test_support::ReadFile(node_.Path("profiles/violation.json"))});
  EXPECT_THAT(container, Not(IsOk()));
}

// The same text was on the node before, as containerd reads it: without Docker's fields.
TEST_P(VerdictsTest, WhatContainerdIgnoredInAnAuthorsTextIsNamedAsTheCause) {
  node_.Apply(
      {.name = "docker", .data = {{"a.json", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
                 {"names":["bpf"],"action":"SCMP_ACT_ERRNO"},
                 {"names":["keyctl"],"action":"SCMP_ACT_ERRNO",
                  "excludes":{"caps":["CAP_CHOWN"]}}]})"}}});
  ASSERT_TRUE(node_.WaitInstalled("docker/a.json")) << node_.agent().LogSoFar();
  test_support::ContainerSpec spec;
  spec.seccomp = kDenyBpfAndKeyctl;
  const auto container = host_.Run(spec);
  ASSERT_THAT(container, IsOk());
  node_.SetPods({{.name = "d",
                  .uid = (*container)->pod_uid(),
                  .container_id = (*container)->id(),
                  .seccomp = "Localhost:docker/a.json"}});
  EXPECT_TRUE(test_support::WaitFor(std::chrono::seconds(20), [&] {
    return node_.agent().LogSoFar().find(R"("cause":"docker-fields","finding":"true")") !=
           std::string::npos;
  })) << node_.agent().LogSoFar();
}

}  // namespace
}  // namespace seccompd::e2e
