// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "agent/cli/node_flags.h"
#include "agent/cli/validate.h"

namespace seccompd::agent {

// `validate` and what its flags set.
struct ValidateCommand {
  CLI::App* app = nullptr;
  ValidateOptions options;
  NodeFlags node;
  std::string output;
  std::string fail_on = "error";
  std::vector<std::string> targets;
  std::vector<std::string> tenants;

  void Add(CLI::App& top);
  int Execute();

 private:
  [[nodiscard]] int ExecuteForTargets() const;
};

}  // namespace seccompd::agent
