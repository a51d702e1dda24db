// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "agent/cli/rollout.h"
#include "agent/config.h"

namespace seccompd::agent {

// What the chart and the documents run: rollout, wait and metrics.
class SmallCommands {
 public:
  void Add(CLI::App& top);
  [[nodiscard]] bool Parsed() const;
  [[nodiscard]] int Execute() const;

 private:
  CLI::App* rollout_app_ = nullptr;
  CLI::App* wait_app_ = nullptr;
  CLI::App* metrics_app_ = nullptr;
  RunConfig config_;
  RolloutOptions rollout_;
};

}  // namespace seccompd::agent
