// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/cluster_agent_fixture.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace seccompd {
namespace {

using std::chrono::milliseconds;
using test_support::AgentProcess;
using test_support::ApiBehaviour;
using test_support::ApiState;

constexpr const char* kDeny = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)"
                              R"({"names":["%"],"action":"SCMP_ACT_ERRNO"}]})";

std::string Quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string Denying(const std::string& syscall) {
  std::string text = kDeny;
  text.replace(text.find('%'), 1, syscall);
  return text;
}

std::string ConfigMap(const std::string& name, const std::string& text, const std::string& label,
                      const std::string& annotations) {
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

bool Until(const std::function<bool()>& done, milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

ClusterAgentTest::ClusterAgentTest() {
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

void ClusterAgentTest::StartAgent(std::vector<std::string> more) {
  std::vector<std::string> flags = {"--source", "kubernetes", "--pods", pods_, "--kubeconfig",
                                    temp_.Join("config"), "--node-name", "node-1", "--seccomp-root",
                                    root(), "--startup-jitter", "0s", "--delete-grace", "0s",
                                    "--removal-delay", "200ms", "--evidence", "status",
                                    // Whatever a call to the API server needs is in its filter.
                                    "--confinement", "kill"};
  flags.insert(flags.end(), more.begin(), more.end());
  auto agent = AgentProcess::Start(std::move(flags));
  ASSERT_TRUE(agent) << agent.error().message;
  agent_.emplace(*std::move(agent));
}

std::string ClusterAgentTest::File(const std::string& path) const {
  std::ifstream file(root() + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool ClusterAgentTest::UntilFile(const std::string& path, const std::string& part) {
  return Until([&] { return File(path).find(part) != std::string::npos; });
}

bool ClusterAgentTest::UntilGone(const std::string& path) {
  return Until([&] { return File(path).empty(); });
}

bool ClusterAgentTest::UntilMetric(const std::string& series, double least) {
  return Until([&] { return agent_->Metric(series).value_or(-1) >= least; });
}

void ClusterAgentTest::Behave(const std::function<void(ApiBehaviour&)>& change) {
  server_.With([&change](ApiState& state) {
    change(state.behaviour);
    return 0;
  });
}

}  // namespace seccompd
