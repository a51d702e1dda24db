// SPDX-License-Identifier: Apache-2.0
// The real agent and the ConfigMaps of an API server.
#include "tests/integration/cluster_agent.h"

namespace seccompd {
namespace {

TEST_F(ClusterAgentTest, InstallsUpdatesAndKeepsTheLastGood) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent();
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));  // ready means installed
  server_.Put("configmaps", ConfigMap("web", Denying("bpf")));
  EXPECT_TRUE(UntilFile("web/a.json", "bpf"));
  server_.Put("configmaps", ConfigMap("web", R"({"defaultAction":"SCMP_ACT_NONSENSE"})"));
  EXPECT_TRUE(UntilMetric("seccompd_profiles{state=\"invalid\"}", 1));
  EXPECT_THAT(File("web/a.json"), HasSubstr("bpf"));
  server_.Put("configmaps", ConfigMap("web", Denying("reboot")));
  EXPECT_TRUE(UntilFile("web/a.json", "reboot"));
  EXPECT_GE(agent_->Metric("seccompd_propagation_duration_seconds_count").value_or(0), 3);
  EXPECT_EQ(agent_->Metric("seccompd_cache_objects{resource=\"configmaps\"}"), 1);
  EXPECT_EQ(agent_->Stop(), 0);
}

// An auditor asks of which cluster a report is.
TEST_F(ClusterAgentTest, ItsReportNamesTheClusterOrSaysWhyNot) {
  const std::string socket = temp_.Join("agent.sock");
  const auto report = [&] {
    const auto reply = test_support::RunCommand(
        {.argv = {"curl", "-s", "--unix-socket", socket, "http://agent/v1/audit"}});
    return reply ? reply->out : reply.error().message;
  };
  const auto says = [&](const std::string& part) {
    return Until([&] { return report().find(part) != std::string::npos; });
  };
  StartAgent({"--socket", socket});
  EXPECT_TRUE(says(R"("cluster_uid":null,"cluster_uid_unknown":"get namespace kube-system: )"))
      << report();
  EXPECT_EQ(agent_->Stop(), 0);
  server_.Put("namespaces", R"({"metadata":{"name":"kube-system","uid":"5f3c-1"}})");
  StartAgent({"--socket", socket});
  EXPECT_TRUE(says(R"("cluster_uid":"5f3c-1","cluster_uid_unknown":null)")) << report();
}

TEST_F(ClusterAgentTest, ALabelTakenAwayIsARemovalAndIsConfirmedByTheStorage) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent();
  server_.Put("configmaps", ConfigMap("web", Denying("mount"), "false"));
  EXPECT_TRUE(UntilGone("web/a.json"));  // all that there was: asked for once more
  bool quorum = false;
  for (const auto& request : server_.Requests("list")) {
    quorum =
        quorum || (request.resource == "configmaps" && request.Query("resourceVersion").empty());
  }
  EXPECT_TRUE(quorum);
}

TEST_F(ClusterAgentTest, AListThatLiesRemovesNothing) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent();
  // One answer from a cache that has lost everything; the storage still has it.
  const std::string empty = R"({"kind":"ConfigMapList","apiVersion":"v1",)"
                            R"("metadata":{"resourceVersion":"900000"},"items":[]})";
  server_.Fail({.verb = "list", .resource = "configmaps", .response = {.body = empty}});
  server_.Fail(
      {.verb = "watch",
       .resource = "configmaps",
       .response = {.status = 410, .body = test_support::StatusJson(410, "Expired", "too old")}});
  server_.EndWatches(test_support::WatchEnd::kClean, "configmaps");
  EXPECT_TRUE(UntilMetric("seccompd_profile_removals_held", 1));
  EXPECT_TRUE(Until([&] { return agent_->Metric("seccompd_profile_removals_held") == 0; }));
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));
  EXPECT_EQ(agent_->Metric("seccompd_profiles_orphaned"), 0);
}

TEST_F(ClusterAgentTest, AnOutageChangesNothingAndTamperingIsStillRepaired) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent();
  server_.Stop();
  std::ofstream(root() + "/web/a.json") << "{}";
  EXPECT_TRUE(UntilFile("web/a.json", "mount"));
  EXPECT_EQ(agent_->Get("/livez")->status, 200);
  EXPECT_EQ(agent_->Get("/readyz")->status, 200);
  server_.Start();
  server_.Put("configmaps", ConfigMap("web", Denying("bpf")));
  EXPECT_TRUE(UntilFile("web/a.json", "bpf"));
}

TEST_F(ClusterAgentTest, RbacLostAndGivenBack) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent();
  Behave([](auto& behaviour) { behaviour.denied = {{.resource = "configmaps"}}; });
  server_.EndWatches();
  EXPECT_TRUE(
      UntilMetric("seccompd_watch_restarts_total{resource=\"configmaps\",reason=\"eof\"}", 1));
  server_.Put("configmaps", ConfigMap("web", Denying("bpf")));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));
  Behave([](auto& behaviour) { behaviour.denied.clear(); });
  EXPECT_TRUE(Until([&] { return File("web/a.json").find("bpf") != std::string::npos; },
                    std::chrono::seconds(60)));
}

TEST_F(ClusterAgentTest, AServerRestoredFromABackupIsFollowed) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent();
  server_.Stop();
  server_.With([](ApiState& state) {
    state.store.GoBackTo(500);
    return 0;
  });
  server_.Start();
  server_.Put("configmaps", ConfigMap("web", Denying("bpf")));
  EXPECT_TRUE(Until([&] { return File("web/a.json").find("bpf") != std::string::npos; },
                    std::chrono::seconds(60)));
}

TEST_F(ClusterAgentTest, CanariesAndTenants) {
  server_.Put("configmaps",
              ConfigMap("all", Denying("mount"), "true", R"("seccompd.io/path":"p")"));
  server_.Put("configmaps",
              ConfigMap("canary", Denying("bpf"), "true",
                        R"("seccompd.io/path":"p","seccompd.io/nodes":"pool=canary")"));
  std::string tenant = ConfigMap("web", Denying("reboot"));
  tenant.replace(tenant.find("\"seccompd\""), 10, "\"team\"");
  server_.Put("configmaps", tenant);
  StartAgent({"--profiles.tenant-namespace", "team"});
  EXPECT_THAT(File("p/a.json"), HasSubstr("bpf"));
  EXPECT_THAT(File("ns/team/web/a.json"), HasSubstr("reboot"));
  server_.Remove("configmaps", "seccompd", "canary");
  EXPECT_TRUE(UntilFile("p/a.json", "mount"));
}

// A bare `runtime-default` is that of the runtime which the API names: containerd 1.7.13, which
// still allows io_uring. It is a base, and a floor that a tenant's allow-all may not go below.
TEST_F(ClusterAgentTest, TheNodesOwnRuntimeDefaultIsABaseAndAFloor) {
  server_.Put("configmaps",
              ConfigMap("web", R"({"syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]})",
                        "true", R"("seccompd.io/base":"runtime-default")"));
  server_.Put("configmaps", R"({"metadata":{"namespace":"tenant","name":"own","labels":)"
                            R"({"seccompd.io/profiles":"true"}},"data":{"a.json":")" +
                                Quoted(Denying("mkdir")) + R"(","b.json":")" +
                                Quoted(R"({"defaultAction":"SCMP_ACT_ERRNO"})") + R"("}})");
  StartAgent({"--profiles.tenant-namespace", "tenant", "--policy.floor", "runtime-default"});
  EXPECT_TRUE(UntilFile("web/a.json", "io_uring_setup"));
  EXPECT_TRUE(UntilFile("ns/tenant/own/b.json", "SCMP_ACT_ERRNO"));
  EXPECT_TRUE(UntilMetric("seccompd_profiles{state=\"invalid\"}", 1));
  EXPECT_EQ(File("ns/tenant/own/a.json"), "");
}

TEST_F(ClusterAgentTest, ANodeToBeLeftAloneIsLeftAlone) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent({"--node.leave-alone", "pool=canary"});
  EXPECT_THAT(agent_->Get("/readyz")->body, HasSubstr("nothing to do"));
  EXPECT_EQ(agent_->Metric("seccompd_node_unsupported"), 1);
  EXPECT_EQ(File("web/a.json"), "");
  for (const auto& request : server_.Requests()) EXPECT_EQ(request.resource, "nodes");
}

TEST_F(ClusterAgentTest, InstallingAloneAuditsNothingAndAuditingAloneTouchesNothing) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent({"--mode", "install"});
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));
  EXPECT_EQ(agent_->Metric("seccompd_audits_total"), 0);
  EXPECT_EQ(agent_->Get("/livez")->status, 200);
  EXPECT_EQ(agent_->Stop(), 0);
  server_.Put("configmaps", ConfigMap("web", Denying("bpf")));
  StartAgent({"--mode", "audit"});
  EXPECT_TRUE(UntilMetric("seccompd_audits_total", 1));
  EXPECT_EQ(agent_->Metric("seccompd_syncs_total"), 0);
  EXPECT_THAT(File("web/a.json"), HasSubstr("mount"));
}

TEST_F(ClusterAgentTest, TheCommandLineNamesPodsOfTheCluster) {
  server_.Put("pods", Pod("pay", "web/pay.json"));
  const std::vector<std::string> common = {
      "audit",          "--pods", "kubernetes", "--kubeconfig", temp_.Join("config"),
      "--seccomp-root", root()};
  std::vector<std::string> here = common;
  here.insert(here.end(), {"--node-name", "node-1", "--context", "t"});
  const auto outcome = test_support::RunSeccompd(here);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 1) << outcome->err;
  EXPECT_THAT(outcome->out, HasSubstr("shop/pay"));
  std::vector<std::string> wrong = common;
  wrong.insert(wrong.end(), {"--context", "nowhere"});
  const auto refused = test_support::RunSeccompd(wrong);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->exit_code, 2);
  EXPECT_THAT(refused->err, HasSubstr("nowhere"));
  Behave([](auto& behaviour) { behaviour.denied = {{.resource = "pods"}}; });
  const auto denied = test_support::RunSeccompd(here);
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->exit_code, 2);
  EXPECT_THAT(denied->err, HasSubstr("forbidden"));
}

TEST_F(ClusterAgentTest, AMissingProfileBecomesAnEventOnItsPod) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  server_.Put("pods", Pod("pay", "web/aa.json"));
  StartAgent();
  ASSERT_TRUE(Until([&] { return server_.CountRequests("create") > 0; }, std::chrono::seconds(50)));
  const auto created = server_.Requests("create");
  EXPECT_EQ(created[0].path, "/apis/events.k8s.io/v1/namespaces/shop/events");
  EXPECT_THAT(created[0].body, AllOf(HasSubstr(R"("reason":"SeccompProfileMissing")"),
                                     HasSubstr(R"("fieldPath":"spec.containers{app}")"),
                                     HasSubstr("did you mean web/a.json?")));
  EXPECT_TRUE(UntilMetric("seccompd_events_emitted_total{reason=\"SeccompProfileMissing\"}", 1));
}

TEST_F(ClusterAgentTest, NoCredentialIsLogged) {
  StartAgent();
  EXPECT_EQ(agent_->Stop(), 0);
  EXPECT_THAT(agent_->LogSoFar(), AllOf(HasSubstr("pods come from"), Not(HasSubstr("the-token"))));
}

}  // namespace
}  // namespace seccompd
