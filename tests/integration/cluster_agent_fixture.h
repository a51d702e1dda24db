// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/agent_process.h"
#include "tests/support/api_server.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/net/certificates.h"

namespace seccompd {

// A profile that refuses one call; the ConfigMap `name` with the profile `text` at a.json; a pod of
// node-1 that asks for `profile`.
[[nodiscard]] std::string Denying(const std::string& syscall);
[[nodiscard]] std::string ConfigMap(const std::string& name, const std::string& text,
                                    const std::string& label = "true",
                                    const std::string& annotations = "");
[[nodiscard]] std::string Pod(const std::string& name, const std::string& profile);

bool Until(const std::function<bool()>& done,
           std::chrono::milliseconds limit = std::chrono::seconds(20));

// A server with one node, an empty seccomp root, and a kubeconfig that leads from one to the other.
class ClusterAgentTest : public ::testing::Test {
 protected:
  ClusterAgentTest();

  [[nodiscard]] std::string root() const { return temp_.Join("seccomp"); }
  void StartAgent(std::vector<std::string> more = {});

  // "" while there is no such file.
  [[nodiscard]] std::string File(const std::string& path) const;
  bool UntilFile(const std::string& path, const std::string& part);
  bool UntilGone(const std::string& path);
  bool UntilMetric(const std::string& series, double least);
  void Behave(const std::function<void(test_support::ApiBehaviour&)>& change);

  net::Certificate authority_ = net::MakeAuthority("cluster");
  net::Certificate certificate_ = net::MakeCertificate({.ips = {"127.0.0.1"}}, &authority_);
  test_support::ApiServer server_{test_support::ApiServerOptions{.cert_pem = certificate_.pem,
                                                                 .key_pem = certificate_.key_pem}};
  test_support::TempDir temp_;
  std::string pods_ = "kubernetes";
  std::optional<test_support::AgentProcess> agent_;
};

}  // namespace seccompd
