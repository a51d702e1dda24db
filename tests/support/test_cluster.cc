// SPDX-License-Identifier: Apache-2.0
// The test API server as a process of its own, for clients that are programs: kubectl and the
// agent. Usage: test_cluster FOLDER [--token-secrets]. Writes FOLDER/kubeconfig of an
// administrator, prints "ready"; SIGUSR1: restarts after a second of silence; SIGTERM: ends.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "tests/support/api_server.h"
#include "tests/unit/net/certificates.h"

namespace {

using seccompd::test_support::ApiServer;
using seccompd::test_support::ApiState;
using seccompd::test_support::ApiUser;

constexpr const char* kAdministrator = "the-administrators-token";

bool WriteKubeconfig(const std::string& folder, const std::string& url, const std::string& ca) {
  std::ofstream(folder + "/ca.crt") << ca;
  std::ofstream file(folder + "/kubeconfig");
  file << "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n"
       << "- {name: test, cluster: {server: '" << url << "', certificate-authority: '" << folder
       << "/ca.crt'}}\nusers:\n- {name: admin, user: {token: " << kAdministrator
       << "}}\ncontexts:\n- {name: test, context: {cluster: test, user: admin}}\n";
  return static_cast<bool>(file.flush());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string folder = argv[1];
  const bool secrets = argc > 2 && std::string_view(argv[2]) == "--token-secrets";
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // Before the server's thread starts, which inherits the mask.
  if (pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) return 70;

  const auto authority = seccompd::net::MakeAuthority("authority");
  const auto certificate = seccompd::net::MakeCertificate({.ips = {"127.0.0.1"}}, &authority);
  ApiServer server({.cert_pem = certificate.pem, .key_pem = certificate.key_pem});
  server.With([secrets](ApiState& state) {
    state.users[kAdministrator] = ApiUser{.name = "admin", .administrator = true};
    state.behaviour.token_requests = !secrets;
    state.keep_requests = false;
  });
  server.Put("namespaces", R"({"metadata":{"name":"default"}})");
  server.Put("nodes", R"({"metadata":{"name":"node-1","labels":{"kubernetes.io/os":"linux"}},
    "status":{"nodeInfo":{"operatingSystem":"linux",
                          "containerRuntimeVersion":"containerd://1.7.13"}}})");
  if (!WriteKubeconfig(folder, server.Url(), authority.pem)) return 1;
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    int number = 0;
    if (sigwait(&signals, &number) != 0) return 70;
    if (number != SIGUSR1) return 0;
    server.Stop();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    server.Start();
  }
}
