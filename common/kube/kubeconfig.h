// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/kube/cluster_config.h"

namespace seccompd::kube {

// A kubeconfig as a value (client-go tools/clientcmd). Unknown fields are ignored; what would
// change how the server is reached or who asks and is not supported is refused with the reason:
// proxy-url, auth-provider, certificates with both user and exec.

struct KubeconfigText {
  std::string path;  // for messages, and relative files are relative to its directory
  std::string text;
};

// `context` picks one by name; "" takes current-context. Of several texts (KUBECONFIG=a:b) the
// first that names a cluster, user, context or current-context wins. kInvalidArgument says what is
// wrong.
[[nodiscard]] base::Result<ClusterConfig> ParseKubeconfig(std::span<const KubeconfigText> texts,
                                                          std::string_view context = "");

// KUBECONFIG's value as paths, empty elements dropped.
[[nodiscard]] std::vector<std::string> KubeconfigPaths(std::string_view variable,
                                                       std::string_view home);

// Standard base64 with padding, white space ignored (RFC 4648 section 4).
[[nodiscard]] base::Result<std::string> DecodeBase64(std::string_view text);

}  // namespace seccompd::kube
