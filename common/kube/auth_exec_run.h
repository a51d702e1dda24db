// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "common/base/result.h"
#include "common/kube/cluster_config.h"

namespace seccompd::kube {

inline constexpr std::chrono::seconds kPluginTimeout{60};

// Runs a credential plugin, looked up in PATH, with the caller's environment, exec.env and
// KUBERNETES_EXEC_INFO; stdin is /dev/null, stderr the caller's. What it printed, at most 1 MiB.
// Blocks and forks: for the command line, never for the agent. The plugin is killed at the
// deadline. kNotFound if there is no such program (with its install hint), kUnavailable if it
// failed.
[[nodiscard]] base::Result<std::string> RunExecPlugin(
    const ExecConfig& exec, const std::string& exec_info,
    std::chrono::milliseconds timeout = kPluginTimeout);

}  // namespace seccompd::kube
