// SPDX-License-Identifier: Apache-2.0
#pragma once

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

using std::chrono::milliseconds;
using test_support::AgentProcess;
using test_support::ApiServer;
using test_support::ApiServerOptions;
using test_support::ApiState;
using test_support::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

inline constexpr const char* kDeny = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)"
                                     R"({"names":["%"],"action":"SCMP_ACT_ERRNO"}]})";

inline std::string Denying(const std::string& syscall) {
  std::string text = kDeny;
  text.replace(text.find('%'), 1, syscall);
  return text;
}

inline std::string Quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

inline std::string ConfigMap(const std::string& name, const std::string& text,
                             const std::string& label = "true",
                             const std::string& annotations = "") {
  return R"({"metadata":{"namespace":"seccompd","name":")" + name +
         R"(","labels":{"seccompd.io/profiles":")" + label + R"("},"annotations":{)" + annotations +
         R"(}},"data":{"a.json":")" + Quoted(text) + R"("}})";
}

inline std::string Pod(const std::string& name, const std::string& profile) {
  return R"({"metadata":{"namespace":"shop","name":")" + name +
         R"("},"spec":{"nodeName":"node-1","securityContext":{"seccompProfile":{)"
         R"("type":"Localhost","localhostProfile":")" +
         profile + R"("}},"containers":[{"name":"app"}]},"status":{"phase":"Pending"}})";
}

inline bool Until(const std::function<bool()>& done,
                  milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

// The real agent against the API server of tests/support, over HTTPS.
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

  // The agent's token is a service account's, bound to `node`, that may do what `rules` say.
  void Grant(const std::string& rules, const std::string& node) {
    server_.With([&](ApiState& state) {
      state.users["the-token"] = {.name = "system:serviceaccount:seccompd:seccompd", .node = node};
      return 0;
    });
    server_.Put("clusterroles", R"({"metadata":{"name":"agent"},"rules":)" + rules + "}");
    server_.Put("clusterrolebindings", R"({"metadata":{"name":"agent"},
      "roleRef":{"kind":"ClusterRole","name":"agent"},
      "subjects":[{"kind":"ServiceAccount","namespace":"seccompd","name":"seccompd"}]})");
  }

  net::Certificate authority_ = net::MakeAuthority("cluster");
  net::Certificate certificate_ = net::MakeCertificate({.ips = {"127.0.0.1"}}, &authority_);
  ApiServer server_{
      ApiServerOptions{.cert_pem = certificate_.pem, .key_pem = certificate_.key_pem}};
  TempDir temp_;
  std::string pods_ = "kubernetes";
  std::optional<AgentProcess> agent_;
};

}  // namespace seccompd
