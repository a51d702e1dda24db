// SPDX-License-Identifier: Apache-2.0
// The real agent against the API server of tests/support, over HTTPS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/agent_process.h"
#include "tests/support/api_server.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/net/certificates.h"

namespace seccompd {
namespace {

using std::chrono::milliseconds;
using test_support::AgentProcess;
using test_support::ApiServer;
using test_support::ApiServerOptions;
using test_support::ApiState;
using test_support::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kDeny = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)"
                              R"({"names":["%"],"action":"SCMP_ACT_ERRNO"}]})";

std::string Denying(const std::string& syscall) {
  std::string text = kDeny;
  text.replace(text.find('%'), 1, syscall);
  return text;
}

std::string Quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string ConfigMap(const std::string& name, const std::string& text,
                      const std::string& label = "true", const std::string& annotations = "") {
  return R"({"metadata":{"namespace":"seccompd","name":")" + name +
         R"(","labels":{"seccompd.io/profiles":")" + label + R"("},"annotations":{)" + annotations +
         R"(}},"data":{"a.json":")" + Quoted(text) + R"("}})";
}

std::string Pod(const std::string& name, const std::string& profile) {
  return R"({"metadata":{"namespace":"shop","name":")" + name +
         R"("},"spec":{"nodeName":"node-1","securityContext":{"seccompProfile":{)"
         R"("type":"Localhost","localhostProfile":")" +
         profile + R"("}},"containers":[{"name":"app"}]},"status":{"phase":"Pending"}})";
}

bool Until(const std::function<bool()>& done, milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

// A server with one node, an empty seccomp root, and a kubeconfig that leads from one to the other.
class ClusterAgentTest : public ::testing::Test {
 protected:
  ClusterAgentTest() {
    server_.Put("nodes", R"({"metadata":{"name":"node-1","labels":{"pool":"canary"}},
      "status":{"nodeInfo":{"operatingSystem":"linux",
                            "containerRuntimeVersion":"containerd://1.7.13"}}})");
    std::filesystem::create_directory(root());
    std::ofstream(temp_.Join("ca.crt")) << authority_.pem;
    std::ofstream(temp_.Join("token")) << "the-token";
    std::ofstream(temp_.Join("config"))
        << "apiVersion: v1\nkind: Config\ncurrent-context: t\n"
           "clusters:\n- name: c\n  cluster: {server: '"
        << server_.Url() << "', certificate-authority: " << temp_.Join("ca.crt")
        << "}\nusers:\n- name: u\n  user: {tokenFile: " << temp_.Join("token")
        << "}\ncontexts:\n- name: t\n  context: {cluster: c, user: "
           "u, namespace: seccompd}\n";
    server_.With([](ApiState& state) {
      state.behaviour.tokens = {"the-token"};
      return 0;
    });
  }

  [[nodiscard]] std::string root() const { return temp_.Join("seccomp"); }

  void StartAgent(std::vector<std::string> more = {}) {
    std::vector<std::string> flags = {
        "--source", "kubernetes", "--pods", pods_, "--kubeconfig", temp_.Join("config"),
        "--node-name", "node-1", "--seccomp-root", root(), "--startup-jitter", "0s",
        "--delete-grace", "0s", "--removal-delay", "200ms", "--evidence", "status",
        // Whatever a call to the API server needs is in its filter.
        "--confinement", "kill"};
    flags.insert(flags.end(), more.begin(), more.end());
    auto agent = AgentProcess::Start(std::move(flags));
    ASSERT_TRUE(agent) << agent.error().message;
    agent_.emplace(*std::move(agent));
  }

  // "" while there is no such file.
  [[nodiscard]] std::string File(const std::string& path) const {
    std::ifstream file(root() + "/" + path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  bool UntilFile(const std::string& path, const std::string& part) {
    return Until([&] { return File(path).find(part) != std::string::npos; });
  }
  bool UntilGone(const std::string& path) {
    return Until([&] { return File(path).empty(); });
  }
  bool UntilMetric(const std::string& series, double least) {
    return Until([&] { return agent_->Metric(series).value_or(-1) >= least; });
  }
  void Behave(const std::function<void(test_support::ApiBehaviour&)>& change) {
    server_.With([&change](ApiState& state) {
      change(state.behaviour);
      return 0;
    });
  }

  net::Certificate authority_ = net::MakeAuthority("cluster");
  net::Certificate certificate_ = net::MakeCertificate({.ips = {"127.0.0.1"}}, &authority_);
  ApiServer server_{
      ApiServerOptions{.cert_pem = certificate_.pem, .key_pem = certificate_.key_pem}};
  TempDir temp_;
  std::string pods_ = "kubernetes";
  std::optional<AgentProcess> agent_;
};

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

TEST_F(ClusterAgentTest, ANodeToBeLeftAloneIsLeftAlone) {
  server_.Put("configmaps", ConfigMap("web", Denying("mount")));
  StartAgent({"--node.leave-alone", "pool=canary"});
  EXPECT_THAT(agent_->Get("/readyz")->body, HasSubstr("nothing to do"));
  EXPECT_EQ(agent_->Metric("seccompd_node_unsupported"), 1);
  EXPECT_EQ(File("web/a.json"), "");
  for (const auto& request : server_.Requests()) EXPECT_EQ(request.resource, "nodes");
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
