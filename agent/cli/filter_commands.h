// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "agent/cli/diff.h"
#include "agent/cli/disasm.h"
#include "agent/cli/explain.h"
#include "agent/cli/live_target.h"
#include "agent/cli/node_flags.h"
#include "agent/cli/target.h"

namespace seccompd::agent {

// explain, diff and disasm: the commands that look at filters and change nothing.
class FilterCommands {
 public:
  void Add(CLI::App& top);
  [[nodiscard]] bool Parsed() const;
  [[nodiscard]] int Execute();

 private:
  void AddShared(CLI::App& app);
  [[nodiscard]] int ExecuteWith(const TargetSettings& settings, bool colour);

  CLI::App* explain_app_ = nullptr;
  CLI::App* diff_app_ = nullptr;
  CLI::App* disasm_app_ = nullptr;
  ExplainOptions explain_;
  DiffOptions diff_;
  DisasmOptions disasm_;
  NodeFlags node_;
  LiveTargetOptions live_;
  std::vector<std::string> archs_;
  std::string oci_runtime_ = "crun";
  std::string fail_on_ = "any";
  std::string output_;
};

}  // namespace seccompd::agent
