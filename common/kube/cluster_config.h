// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/url.h"

namespace seccompd::kube {

// How an API server is reached and who asks; values only, files are named and read by auth_files
// and auth_credentials. Source of truth: client-go rest/config.go, tools/clientcmd/api/v1/types.go.

// Bytes that are given as they are or as the path of a file, which may change.
struct PemSource {
  std::string pem = {};   // wins over the file
  std::string file = {};  // absolute
  [[nodiscard]] bool empty() const { return pem.empty() && file.empty(); }
  bool operator==(const PemSource&) const = default;
};

// A credential plugin: a program that prints an ExecCredential.
struct ExecConfig {
  std::string api_version;  // client.authentication.k8s.io/v1 or /v1beta1
  std::string command;      // absolute, or looked up in PATH
  std::vector<std::string> args = {};
  std::vector<std::pair<std::string, std::string>> env = {};
  std::string install_hint = {};
  bool provide_cluster_info = false;
  std::string cluster_extension = {};  // JSON of the cluster's extension for plugins, "" for none
  bool operator==(const ExecConfig&) const = default;
};

struct UserConfig {
  std::string token = {};
  std::string token_file = {};  // wins over `token`
  PemSource client_cert = {};
  PemSource client_key = {};
  std::optional<ExecConfig> exec = {};
  bool operator==(const UserConfig&) const = default;
};

struct ClusterConfig {
  net::Url server;
  PemSource ca = {};  // empty: the system's roots
  std::string tls_server_name = {};
  bool insecure_skip_verify = false;
  bool compression = true;
  UserConfig user = {};
  std::string namespace_name = "default";
  std::string impersonate_user = {};  // Impersonate-User, "" for none
  std::vector<std::string> impersonate_groups = {};
  std::string context = {};  // of the kubeconfig, for messages
  bool operator==(const ClusterConfig&) const = default;
};

// What a pod is told: KUBERNETES_SERVICE_HOST and _PORT and the service account's directory.
struct InClusterInput {
  std::string host;
  std::string port;
  std::string service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string namespace_text = {};  // content of <dir>/namespace, "" if there is none
};

// kFailedPrecondition if host or port is absent: not in a cluster.
[[nodiscard]] base::Result<ClusterConfig> InClusterConfig(const InClusterInput& input);

}  // namespace seccompd::kube
