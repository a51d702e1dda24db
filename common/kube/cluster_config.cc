// SPDX-License-Identifier: Apache-2.0
#include "common/kube/cluster_config.h"

#include "common/base/strings.h"

namespace seccompd::kube {

base::Result<ClusterConfig> InClusterConfig(const InClusterInput& input) {
  if (input.host.empty() || input.port.empty()) {
    return base::Fail(base::ErrorCode::kFailedPrecondition,
                      "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must "
                      "both be set");
  }
  const bool bare_ipv6 = input.host.find(':') != std::string::npos && input.host.front() != '[';
  const std::string host = bare_ipv6 ? "[" + input.host + "]" : input.host;
  ClusterConfig config;
  TRY_ASSIGN(config.server, net::ParseUrl("https://" + host + ":" + input.port));
  config.ca.file = input.service_account_dir + "/ca.crt";
  config.user.token_file = input.service_account_dir + "/token";
  const std::string_view name = base::TrimSpace(input.namespace_text);
  if (!name.empty()) config.namespace_name = name;
  return config;
}

}  // namespace seccompd::kube
