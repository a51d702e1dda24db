// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/kube/cluster_config.h"

namespace seccompd::kube {

// A credential or configuration file, opened by its path each time because the kubelet swaps them
// by symlink; at most `max_bytes`.
[[nodiscard]] base::Result<std::string> ReadConfigFile(const std::string& path,
                                                       std::size_t max_bytes = std::size_t{4}
                                                                               << 20);

// In a pod. `host` and `port` are the values of KUBERNETES_SERVICE_HOST and _PORT.
[[nodiscard]] base::Result<ClusterConfig> LoadInCluster(
    const std::string& host, const std::string& port,
    const std::string& service_account_dir = InClusterInput().service_account_dir);

// The kubeconfig files that exist among `paths`; kNotFound if none does.
[[nodiscard]] base::Result<ClusterConfig> LoadKubeconfig(const std::vector<std::string>& paths,
                                                         std::string_view context = "");

}  // namespace seccompd::kube
