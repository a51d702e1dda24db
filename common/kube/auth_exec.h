// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/kube/cluster_config.h"

namespace seccompd::kube {

// What a credential plugin answers (client.authentication.k8s.io ExecCredential, v1 and v1beta1).
struct ExecCredential {
  std::string token;
  std::string client_cert_pem;
  std::string client_key_pem;
  std::optional<base::WallTime> expires;

  bool operator==(const ExecCredential&) const = default;
};

// `api_version` is the one that was asked for. kInvalidArgument for anything else, for an answer
// without token and certificate, or with one half of a key pair. Errors never repeat the text.
[[nodiscard]] base::Result<ExecCredential> ParseExecCredential(std::string_view text,
                                                               std::string_view api_version);

// The value of KUBERNETES_EXEC_INFO: an ExecCredential with spec.cluster if that is wanted;
// `ca_pem` is the content of the cluster's CA.
[[nodiscard]] std::string ExecInfo(const ClusterConfig& config, std::string_view ca_pem);

}  // namespace seccompd::kube
