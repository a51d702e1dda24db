// SPDX-License-Identifier: Apache-2.0
#include "agent/source/node_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/matchers.h"

namespace seccompd::agent {
namespace {

using test_support::IsError;
using ::testing::HasSubstr;

kube::NodeRecord Node(kube::Labels labels) {
  kube::NodeRecord node;
  node.name = "gke-a-17";
  node.labels = std::move(labels);
  node.operating_system = "linux";
  node.container_runtime = "containerd://1.7.13";
  return node;
}

TEST(FactsOf, TellsTheRuntimeAndItsVersionApart) {
  const auto facts = FactsOf(Node({{"pool", "a"}}), {});
  ASSERT_THAT(facts, test_support::IsOk());
  EXPECT_EQ(facts->container_runtime, "containerd");
  EXPECT_EQ(facts->runtime_version, "1.7.13");
  EXPECT_EQ(facts->labels, (kube::Labels{{"pool", "a"}}));
  EXPECT_EQ(facts->unsupported, "");
  EXPECT_FALSE(facts->gvisor);
}

TEST(FactsOf, GvisorNodesAreNotLeftAlone) {
  const auto facts = FactsOf(Node({{"sandbox.gke.io/runtime", "gvisor"}}), {});
  EXPECT_TRUE(facts->gvisor);
  EXPECT_EQ(facts->unsupported, "");
}

TEST(FactsOf, WindowsAndSelectedNodesAreLeftAlone) {
  EXPECT_THAT(FactsOf(Node({{"kubernetes.io/os", "windows"}}), {})->unsupported,
              HasSubstr("Windows"));
  const std::vector<std::string> selectors = {"", "cloud.google.com/gke-provisioning=autopilot"};
  EXPECT_EQ(FactsOf(Node({{"pool", "a"}}), selectors)->unsupported, "");
  EXPECT_THAT(
      FactsOf(Node({{"cloud.google.com/gke-provisioning", "autopilot"}}), selectors)->unsupported,
      HasSubstr("gke-provisioning=autopilot"));
}

TEST(FactsOf, AWrongSelectorIsAnError) {
  const std::vector<std::string> selectors = {"a in b"};
  EXPECT_THAT(FactsOf(Node({}), selectors),
              IsError(base::ErrorCode::kInvalidArgument, HasSubstr("--node.leave-alone 'a in b'")));
}

}  // namespace
}  // namespace seccompd::agent
