// SPDX-License-Identifier: Apache-2.0
// `seccompd rollout`, as helm test runs it, against the API server of tests/support.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "tests/integration/cluster_agent.h"

namespace seccompd {
namespace {

using test_support::RunSeccompd;

std::string DaemonSet(int wanted, int ready) {
  const std::string number = std::to_string(ready);
  return R"({"metadata":{"namespace":"seccompd","name":"seccompd","generation":1},"status":{)"
         R"("observedGeneration":1,"desiredNumberScheduled":)" +
         std::to_string(wanted) + R"(,"updatedNumberScheduled":)" + number +
         R"(,"numberAvailable":)" + number + "}}";
}

class ClusterRolloutTest : public ClusterAgentTest {
 protected:
  test_support::Outcome Rollout(const std::string& timeout,
                                const std::string& target = "seccompd/seccompd") {
    auto outcome = RunSeccompd(
        {"rollout", target, "--timeout", timeout, "--kubeconfig", temp_.Join("config")});
    EXPECT_TRUE(outcome);
    return outcome ? *outcome : test_support::Outcome{};
  }
};

TEST_F(ClusterRolloutTest, EndsWellWhenEveryNodeHasAReadyPod) {
  server_.Put("daemonsets", DaemonSet(3, 1));
  auto later = std::async(std::launch::async, [this] { return Rollout("60s"); });
  ASSERT_TRUE(Until([&] { return server_.CountRequests("get") > 0; }));
  server_.Put("daemonsets", DaemonSet(3, 3));
  const auto outcome = later.get();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("1 of 3 nodes ready"));
  EXPECT_THAT(outcome.out, HasSubstr("every node has it"));
}

TEST_F(ClusterRolloutTest, PodsThatAreNeverCreatedFailWithTheEventThatSaysWhy) {
  server_.Put("daemonsets", DaemonSet(3, 0));
  server_.Put("events", R"({"metadata":{"namespace":"seccompd","name":"seccompd.1"},
      "type":"Warning","reason":"FailedCreate","lastTimestamp":"2026-11-26T10:00:00Z",
      "message":"insufficient quota to match these scopes: system-node-critical",
      "involvedObject":{"kind":"DaemonSet","namespace":"seccompd","name":"seccompd"}})");
  server_.Put("events", R"({"metadata":{"namespace":"shop","name":"other.1"},"type":"Warning",
      "reason":"FailedCreate","message":"of somebody else",
      "involvedObject":{"kind":"DaemonSet","namespace":"shop","name":"seccompd"}})");
  const auto outcome = Rollout("1s");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FailedCreate daemonset/seccompd: insufficient quota"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("somebody else")));
}

TEST_F(ClusterRolloutTest, NoNodeAtAllIsNoSuccess) {
  server_.Put("daemonsets", DaemonSet(0, 0));
  const auto outcome = Rollout("1s");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("no node is wanted"));
}

TEST_F(ClusterRolloutTest, WhatCannotBeReadIsSaid) {
  const auto absent = Rollout("1s");
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.err, HasSubstr("not found"));
  Behave([](auto& behaviour) { behaviour.denied = {{.resource = "daemonsets"}}; });
  EXPECT_THAT(Rollout("1s").err, HasSubstr("forbidden"));
  for (const char* target : {"seccompd", "a/b/c", "../x", "/x", "x/"}) {
    EXPECT_EQ(Rollout("1s", target).exit_code, 2) << target;
  }
}

}  // namespace
}  // namespace seccompd
