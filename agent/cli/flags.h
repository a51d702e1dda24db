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

// --NAME DURATION: "90s", "5m", "168h".
void AddDuration(CLI::App& app, const std::string& name, std::chrono::milliseconds& target,
                 const std::string& help);

// --kubeconfig and --context.
void AddServerFlags(CLI::App& app, RunConfig& config);

// Flags that say where the node is: --seccomp-root, --path.procfs, --path.cgroupfs, --pods,
// --node-default, --node-name. Each has its environment variable.
void AddNodeFlags(CLI::App& app, RunConfig& config);

// Everything else that `run` takes.
void AddRunFlags(CLI::App& app, RunConfig& config);

// The text of a configuration file; an error names it.
[[nodiscard]] base::Result<std::string> ReadConfigFile(const std::string& path);

// Applies a --config file to the flags that neither the command line nor the environment has set.
// Unknown names are errors that suggest the nearest flag.
[[nodiscard]] base::Result<void> ApplyConfigFile(CLI::App& app, const std::string& path);

}  // namespace seccompd::agent
