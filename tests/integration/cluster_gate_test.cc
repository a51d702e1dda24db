// SPDX-License-Identifier: Apache-2.0
// The real agent and its node's start-up taint, against the API server of tests/support.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster_agent.h"

namespace seccompd {
namespace {

constexpr const char* kOurs = "startup-taint.cluster-autoscaler.kubernetes.io/seccompd-not-ready";

std::string Taint(const std::string& key) {
  return R"({"key":")" + key + R"(","effect":"NoSchedule"})";
}

std::string Node(const std::string& taints) {
  return R"({"metadata":{"name":"node-1","labels":{"pool":"canary"}},"spec":{"taints":[)" + taints +
         R"(]},"status":{"nodeInfo":{"operatingSystem":"linux",)"
         R"("containerRuntimeVersion":"containerd://1.7.13"}}})";
}

class ClusterGateTest : public ClusterAgentTest {
 protected:
  void StartGated(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--node-gate", "taint", "--mode", "install"});
    StartAgent(std::move(more));
  }
  std::string Taints() {
    return server_.With([](ApiState& state) -> std::string {
      const auto* node = state.store.Find("nodes", "", "node-1");
      if (node == nullptr) return "no node";
      return boost::json::serialize(node->at("spec").at("taints"));
    });
  }
  bool UntilOpen() { return UntilMetric("seccompd_node_gate_open", 1); }
  void Deny(const std::string& verb, const std::string& resource) {
    Behave([&](auto& behaviour) { behaviour.denied = {{.verb = verb, .resource = resource}}; });
  }
};

TEST_F(ClusterGateTest, OpensWhenEveryProfileIsOnDiskAndLeavesOtherTaints) {
  server_.Put("nodes", Node(Taint("gpu") + "," + Taint(kOurs)));
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  std::string on_disk;
  Behave([&](auto& behaviour) {
    behaviour.before_patch = [&](ApiState&) { on_disk = File("web/a.json"); };
  });
  StartGated();
  ASSERT_TRUE(UntilOpen());
  EXPECT_THAT(on_disk, HasSubstr("mount"));
  EXPECT_EQ(Taints(), "[" + Taint("gpu") + "]");
  EXPECT_EQ(server_.CountRequests("patch"), 1U);
  // From then on the node is nobody's business but others'.
  server_.Put("nodes", Node(Taint(kOurs)));
  server_.Put("configmaps", ConfigMap("web", Denying("bpf")));
  EXPECT_TRUE(UntilFile("web/a.json", "bpf"));
  EXPECT_EQ(server_.CountRequests("patch"), 1U);
  EXPECT_EQ(agent_->Stop(), 0);
}

TEST_F(ClusterGateTest, StaysShutWhileProfilesCannotBeRead) {
  server_.Put("nodes", Node(Taint(kOurs)));
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  Deny("list", "configmaps");
  // The agent dies with the thread that starts it, so this one waits until it is ready.
  auto patches_while_shut = std::async(std::launch::async, [this] {
    EXPECT_TRUE(Until([&] { return server_.CountRequests("list") > 1; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
    const std::size_t patches = server_.CountRequests("patch");
    Behave([](auto& behaviour) { behaviour.denied.clear(); });
    return patches;
  });
  StartGated();
  EXPECT_EQ(patches_while_shut.get(), 0U);
  ASSERT_TRUE(UntilOpen());
  EXPECT_EQ(Taints(), "[]");
}

TEST_F(ClusterGateTest, ARefusedProfileDoesNotHoldTheNode) {
  server_.Put("nodes", Node(Taint(kOurs)));
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  server_.Put("configmaps", ConfigMap("bad", R"({"defaultAction":"SCMP_ACT_NONSENSE"})"));
  StartGated();
  EXPECT_TRUE(UntilOpen());
}

TEST_F(ClusterGateTest, ATaintAddedBetweenReadAndPatchSurvives) {
  server_.Put("nodes", Node(Taint(kOurs)));
  int others = 0;
  Behave([&](auto& behaviour) {
    behaviour.before_patch = [&](ApiState& state) {
      if (others == 3) return;
      const std::string added =
          Node(Taint("race-" + std::to_string(++others)) + "," + Taint(kOurs));
      state.store.Put("nodes", boost::json::parse(added).as_object());
    };
  });
  StartGated();
  ASSERT_TRUE(UntilOpen());
  EXPECT_EQ(Taints(), "[" + Taint("race-3") + "]");
  EXPECT_EQ(server_.CountRequests("patch"), 4U);
}

// The autoscaler, or another agent of ours that was slow to die.
TEST_F(ClusterGateTest, SomebodyElseMayTakeTheTaintFirst) {
  server_.Put("nodes", Node(Taint(kOurs)));
  Behave([&](auto& behaviour) {
    behaviour.before_patch = [](ApiState& state) {
      state.store.Put("nodes", boost::json::parse(Node(Taint("gpu"))).as_object());
    };
  });
  StartGated();
  ASSERT_TRUE(UntilOpen());
  EXPECT_EQ(Taints(), "[" + Taint("gpu") + "]");
}

TEST_F(ClusterGateTest, WithoutTheRightItStaysShutSaysSoAndTriesAgain) {
  server_.Put("nodes", Node(Taint(kOurs)));
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  Deny("patch", "nodes");
  StartGated();
  EXPECT_EQ(agent_->Metric("seccompd_node_gate_open"), 0);
  ASSERT_TRUE(Until(
      [&] { return agent_->LogSoFar().find("cannot open the node gate") != std::string::npos; }));
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));  // installing goes on meanwhile
  EXPECT_EQ(agent_->Get("/readyz")->status, 200);
  Behave([](auto& behaviour) { behaviour.denied.clear(); });
  EXPECT_TRUE(UntilOpen());
}

TEST_F(ClusterGateTest, AnAgentKilledBeforeItOpenedLeavesTheRestToTheNext) {
  server_.Put("nodes", Node(Taint(kOurs)));
  Deny("patch", "nodes");
  StartGated();
  ASSERT_EQ(agent_->Metric("seccompd_node_gate_open"), 0);
  agent_->Kill();
  EXPECT_THAT(Taints(), HasSubstr(kOurs));
  Behave([](auto& behaviour) { behaviour.denied.clear(); });
  StartGated();
  EXPECT_TRUE(UntilOpen());
  EXPECT_EQ(Taints(), "[]");
}

TEST_F(ClusterGateTest, ANodeToBeLeftAloneIsNotLockedForEver) {
  server_.Put("nodes", Node(Taint(kOurs)));
  StartGated({"--node.leave-alone", "pool=canary"});
  EXPECT_TRUE(UntilOpen());
  EXPECT_EQ(Taints(), "[]");
}

TEST_F(ClusterGateTest, WithoutAGateTheNodeIsNeverPatched) {
  server_.Put("nodes", Node(Taint(kOurs)));
  StartAgent();
  EXPECT_EQ(agent_->Metric("seccompd_node_gate_open"), 1);
  EXPECT_EQ(server_.CountRequests("patch"), 0U);
}

}  // namespace
}  // namespace seccompd
