// SPDX-License-Identifier: Apache-2.0
// The real agent and where it learns of its pods.
#include "tests/integration/cluster_agent.h"

namespace seccompd {
namespace {

TEST_F(ClusterAgentTest, AReferredProfileStaysUntilItsPodIsGone) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  server_.Put("configmaps", ConfigMap("api", Denying("mount")));
  server_.Put("pods", Pod("pay", "web/a.json"));
  server_.Put("pods", R"({"metadata":{"namespace":"shop","name":"elsewhere"},"spec":{
      "nodeName":"node-2","containers":[{"name":"app"}]}})");
  StartAgent();
  ASSERT_TRUE(UntilMetric("seccompd_cache_objects{resource=\"pods\"}", 1));
  EXPECT_EQ(agent_->Metric("seccompd_cache_objects{resource=\"pods\"}"), 1);
  server_.Remove("configmaps", "seccompd", "web");
  EXPECT_TRUE(UntilMetric("seccompd_profiles_orphaned", 1));
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));
  server_.Remove("pods", "shop", "pay");
  EXPECT_TRUE(UntilGone("web/a.json"));
  EXPECT_THAT(File("api/a.json"), HasSubstr("mount"));
}

TEST_F(ClusterAgentTest, APodsOwnNodeIsAskedForFirstAndTheAgentFallsBack) {
  Behave([](auto& behaviour) { behaviour.denied = {{.verb = "impersonate"}}; });
  pods_ = "auto";
  StartAgent();
  ASSERT_TRUE(UntilMetric("seccompd_watch_last_activity_timestamp_seconds{resource=\"pods\"}", 1));
  bool as_node = false;
  for (const auto& request : server_.Requests("list")) {
    as_node = as_node || request.Header("impersonate-user") == "system:node:node-1";
    if (request.resource == "pods") {
      EXPECT_EQ(request.Query("fieldSelector"), "spec.nodeName=node-1");
    }
  }
  EXPECT_TRUE(as_node);
}

// RBAC as a server of 1.36 keeps it: pods may be read as the token's own node and not otherwise.
TEST_F(ClusterAgentTest, WhereItIsGrantedTheAgentReadsItsPodsAsItsOwnNode) {
  Grant(R"([{"apiGroups":[""],"resources":["configmaps"],"verbs":["list","watch"]},
            {"apiGroups":[""],"resources":["nodes"],"verbs":["get"]},
            {"apiGroups":["authentication.k8s.io"],"resources":["nodes"],
             "verbs":["impersonate:associated-node"]},
            {"apiGroups":[""],"resources":["pods"],
             "verbs":["impersonate-on:associated-node:list",
                      "impersonate-on:associated-node:watch"]}])",
        "node-1");
  server_.Put("pods", Pod("pay", "web/a.json"));
  pods_ = "auto";
  StartAgent();
  EXPECT_TRUE(UntilMetric("seccompd_cache_objects{resource=\"pods\"}", 1));
  constexpr const char* kRoute = R"x("source":"kubernetes (as the node)")x";
  EXPECT_THAT(agent_->LogSoFar(), HasSubstr(kRoute));
  EXPECT_TRUE(Until([&] { return server_.open_watches() == 2; }));
  for (const auto& request : server_.Requests()) {
    EXPECT_EQ(request.Header("impersonate-user"),
              request.resource == "pods" ? "system:node:node-1" : "")
        << request.path;
  }
}

TEST_F(ClusterAgentTest, ATokenOfAnotherNodeCannotBeUsedToReadThisOnesPods) {
  Grant(R"([{"apiGroups":[""],"resources":["configmaps"],"verbs":["list","watch"]},
            {"apiGroups":[""],"resources":["nodes"],"verbs":["get"]},
            {"apiGroups":["authentication.k8s.io"],"resources":["nodes"],
             "verbs":["impersonate:associated-node"]},
            {"apiGroups":[""],"resources":["pods"],
             "verbs":["list","watch","impersonate-on:associated-node:list"]}])",
        "node-2");
  server_.Put("pods", Pod("pay", "web/a.json"));
  pods_ = "auto";
  StartAgent();
  EXPECT_TRUE(UntilMetric("seccompd_cache_objects{resource=\"pods\"}", 1));
  EXPECT_THAT(agent_->LogSoFar(), HasSubstr(R"("msg":"pods come from","source":"kubernetes")"));
}

TEST_F(ClusterAgentTest, AKubeletAloneNamesPodsAndNothingElseIsAskedOfIt) {
  // A kubelet's list has no resourceVersion.
  ApiServer kubelet{
      ApiServerOptions{.cert_pem = certificate_.pem, .key_pem = certificate_.key_pem}};
  const std::string list = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)" +
                           Pod("pay", "web/a.json") + "]}";
  kubelet.Fail({.times = 1'000, .response = {.body = list}});
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  pods_ = "kubelet";
  StartAgent({"--kubelet.address", kubelet.Url().substr(8)});
  EXPECT_TRUE(
      Until([&] { return agent_->LogSoFar().find(R"("source":"kubelet")") != std::string::npos; }));
  for (const auto& request : kubelet.Requests()) EXPECT_EQ(request.path, "/pods");
  for (const auto& request : server_.Requests()) EXPECT_NE(request.resource, "pods");
  // Not believed complete yet: nothing is removed.
  server_.Remove("configmaps", "seccompd", "web");
  EXPECT_TRUE(UntilMetric("seccompd_profiles_orphaned", 1));
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));
}

TEST_F(ClusterAgentTest, AutoGoesOnToTheKubeletWhenTheApiRefuses) {
  ApiServer kubelet{
      ApiServerOptions{.cert_pem = certificate_.pem, .key_pem = certificate_.key_pem}};
  kubelet.Fail(
      {.times = 1'000, .response = {.body = R"({"kind":"PodList","metadata":{},"items":[]})"}});
  Behave([](auto& behaviour) { behaviour.denied = {{.resource = "pods"}}; });
  pods_ = "auto";
  StartAgent({"--kubelet.address", kubelet.Url().substr(8)});
  EXPECT_TRUE(
      Until([&] { return agent_->LogSoFar().find(R"("source":"kubelet")") != std::string::npos; }));
}

}  // namespace
}  // namespace seccompd
