// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "agent/cli/live_target.h"
#include "common/seccomp/diagnose.h"

namespace seccompd::agent {

// Which node a profile is validated, rendered or compiled for: this one, unless told otherwise.
struct NodeFlags {
  std::string arch;
  std::string kernel;
  std::string capabilities;
  std::string runtime;  // the container runtime, whose default a bare `runtime-default` is

  void Add(CLI::App& app);
  // False: said on stderr what is wrong.
  bool Resolve(seccomp::NodeFacts* node) const;
};

// --socket: where the running agent answers.
void AddSocket(CLI::App& app, std::string& socket);

// --socket, -c, --path.procfs and --path.cgroupfs: where a TARGET that runs is found.
void AddLiveFlags(CLI::App& app, LiveTargetOptions& live);

// -o text|json|...
void AddOutput(CLI::App& app, std::string& output, const std::vector<std::string>& forms);

}  // namespace seccompd::agent
