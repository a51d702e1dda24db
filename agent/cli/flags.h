// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "agent/config.h"
#include "common/base/result.h"

namespace seccompd::agent {

// --audit-interval -> SECCOMPD_AUDIT_INTERVAL; dots and dashes become underscores.
std::string EnvironmentName(std::string_view flag);

// Flags that say where the node is: --seccomp-root, --path.procfs, --path.cgroupfs, --pods,
// --node-default, --node-name. Each has its environment variable.
void AddNodeFlags(CLI::App& app, RunConfig& config);

// Everything else that `run` takes.
void AddRunFlags(CLI::App& app, RunConfig& config);

// Applies a --config file to the flags that neither the command line nor the environment has set.
// Unknown names are errors that suggest the nearest flag.
// The text of a configuration file; an error names it.
[[nodiscard]] base::Result<std::string> ReadConfigFile(const std::string& path);

[[nodiscard]] base::Result<void> ApplyConfigFile(CLI::App& app, const std::string& path);

}  // namespace seccompd::agent
