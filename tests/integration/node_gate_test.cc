// SPDX-License-Identifier: Apache-2.0
// The node gate against an API server: who changes the node meanwhile, who refuses, who is away.
#include "agent/source/node_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/api_server.h"
#include "tests/support/kube_harness.h"

namespace seccompd::agent {
namespace {

using namespace std::chrono_literals;
using test_support::ApiServer;
using test_support::ConfigFor;
using test_support::KubeHarness;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kKey =
    "startup-taint.cluster-autoscaler.kubernetes.io/seccompd-not-ready";

std::string Taint(std::string_view key) {
  return R"({"key":")" + std::string(key) + R"(","effect":"NoSchedule"})";
}

std::string NodeJson(const std::string& taints) {
  return R"({"metadata":{"name":"n1"},"spec":{"podCIDR":"10.0.0.0/24","taints":[)" + taints + "]}}";
}

class NodeGateTest : public testing::Test {
 protected:
  NodeGateTest() : harness_(ConfigFor(server_.Url())) {}

  base::Result<> Open(std::function<bool()> ready = [] { return true; }) {
    NodeGateOptions options{
        .node_name = "n1", .taint_key = std::string(kKey), .look_again = 2ms, .most_pause = 20ms};
    return harness_.Run(OpenNodeGate(*harness_.client, options, std::move(ready), log_));
  }
  std::string NodeText() {
    const auto reply = harness_.Run(harness_.client->Call({.target = "/api/v1/nodes/n1"}));
    return reply ? reply->body : reply.error().message;
  }

  ApiServer server_;
  KubeHarness harness_;
  Log log_{LogLevel::kError, LogFormat::kText};
};

TEST_F(NodeGateTest, TakesItsTaintAndLeavesTheOthers) {
  server_.Put("nodes", NodeJson(Taint("gpu") + "," + Taint(kKey)));
  ASSERT_TRUE(Open());
  EXPECT_THAT(NodeText(), HasSubstr("\"gpu\""));
  EXPECT_THAT(NodeText(), Not(HasSubstr("seccompd-not-ready")));
  EXPECT_THAT(NodeText(), HasSubstr("10.0.0.0/24"));
}

TEST_F(NodeGateTest, ANodeWithoutTheTaintIsNotWrittenTo) {
  server_.Put("nodes", NodeJson(Taint("gpu")));
  ASSERT_TRUE(Open());
  EXPECT_EQ(server_.CountRequests("patch"), 0U);
}

TEST_F(NodeGateTest, NothingIsAskedBeforeTheProfilesAreThere) {
  server_.Put("nodes", NodeJson(Taint(kKey)));
  int looks = 0;
  ASSERT_TRUE(Open([&] {
    EXPECT_EQ(server_.CountRequests(), 0U);
    return ++looks == 5;
  }));
  EXPECT_EQ(looks, 5);
}

// Somebody adds a taint between our read and our patch: it must survive.
TEST_F(NodeGateTest, ATaintThatIsAddedMeanwhileSurvives) {
  server_.Put("nodes", NodeJson(Taint(kKey)));
  // The first patch is answered as a server does whose object has other taints than the test says.
  server_.Fail(
      {.verb = "patch",
       .resource = "nodes",
       .times = 2,
       .response = {.status = 422, .body = R"({"kind":"Status","message":"test failed"})"}});
  bool added = false;
  ASSERT_TRUE(Open([&] {
    if (!added) server_.Put("nodes", NodeJson(Taint(kKey) + "," + Taint("cordon")));
    added = true;
    return true;
  }));
  EXPECT_EQ(server_.CountRequests("patch"), 3U);
  EXPECT_THAT(NodeText(), HasSubstr("cordon"));
  EXPECT_THAT(NodeText(), Not(HasSubstr("seccompd-not-ready")));
}

TEST_F(NodeGateTest, AStalePatchIsRefusedByTheServerItself) {
  server_.Put("nodes", NodeJson(Taint(kKey)));
  const auto before = document::ParseJson(NodeText());
  ASSERT_TRUE(before);
  const auto patch = TaintPatch(*before, std::string(kKey));
  ASSERT_TRUE(patch && patch->has_value());
  server_.Put("nodes", NodeJson(Taint(kKey) + "," + Taint("cordon")));
  const auto stale =
      harness_.Run(harness_.client->Patch("/api/v1/nodes/n1", kube::PatchType::kJson, **patch));
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_THAT(NodeText(), HasSubstr("cordon"));
}

TEST_F(NodeGateTest, ARefusalIsTriedAgainUntilTheRoleIsThere) {
  server_.Put("nodes", NodeJson(Taint(kKey)));
  server_.Fail({.verb = "patch",
                .resource = "nodes",
                .times = 3,
                .response = {.status = 403, .body = R"({"kind":"Status","message":"no"})"}});
  ASSERT_TRUE(Open());
  EXPECT_EQ(server_.CountRequests("patch"), 4U);
  EXPECT_THAT(NodeText(), Not(HasSubstr("seccompd-not-ready")));
}

base::Result<std::optional<std::string>> PatchOf(std::string_view json) {
  const auto node = document::ParseJson(json);
  return node ? TaintPatch(*node, "k") : base::Fail(node.error());
}

TEST(TaintPatch, TestsAllTaintsAsReadAndPutsBackTheOthers) {
  const auto patch = PatchOf(
      R"({"spec":{"taints":[{"key":"a","effect":"NoExecute","timeAdded":"2026-01-01T00:00:00Z"},{"key":"k","value":"x\"y","effect":"NoSchedule"}]}})");
  ASSERT_TRUE(patch && patch->has_value());
  EXPECT_EQ(
      **patch,
      R"([{"op":"test","path":"/spec/taints","value":[{"key":"a","effect":"NoExecute","timeAdded":"2026-01-01T00:00:00Z"},{"key":"k","value":"x\"y","effect":"NoSchedule"}]},)"
      R"({"op":"replace","path":"/spec/taints","value":[{"key":"a","effect":"NoExecute","timeAdded":"2026-01-01T00:00:00Z"}]}])");
}

TEST(TaintPatch, NothingToDoIsNoPatchAndNonsenseIsAnError) {
  for (const std::string_view json : {R"({})", R"({"spec":{}})", R"({"spec":{"taints":null}})",
                                      R"({"spec":{"taints":[{"key":"kk"}]}})"}) {
    const auto patch = PatchOf(json);
    ASSERT_TRUE(patch) << json;
    EXPECT_FALSE(patch->has_value()) << json;
  }
  EXPECT_FALSE(PatchOf(R"({"spec":{"taints":{}}})"));
  EXPECT_FALSE(PatchOf(R"({"spec":{"taints":["k"]}})"));
  EXPECT_FALSE(PatchOf(R"({"spec":{"taints":[{"key":"k","x":[1]}]}})"));
}

TEST(AllPlaced, OnlyWhatWaitsToBeWrittenHoldsTheNode) {
  install::ProfileRow row;
  for (const auto state : {install::ProfileState::kInstalled, install::ProfileState::kInvalid,
                           install::ProfileState::kForeign, install::ProfileState::kShadowed}) {
    row.state = state;
    EXPECT_TRUE(AllPlaced({&row, 1}));
  }
  row.state = install::ProfileState::kPending;
  EXPECT_FALSE(AllPlaced({&row, 1}));
}

}  // namespace
}  // namespace seccompd::agent
