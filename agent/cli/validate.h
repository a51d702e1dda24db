// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "common/seccomp/diagnose.h"

namespace seccompd::agent {

enum class ValidateFormat : std::uint8_t { kText, kJson, kSarif };

struct ValidateOptions {
  std::vector<std::string> inputs;  // files, directories (walked in sorted order) and "-"
  ValidateFormat format = ValidateFormat::kText;  // -o text|json|sarif
  bool fail_on_warning = false;                   // --fail-on warning
  bool colour = false;                            // `out` is a terminal
  seccomp::NodeFacts node{};                      // that would load the profiles
  std::string runtime{};  // --node-runtime: whose default a bare `runtime-default` base is
  std::string agent_version{};
};

// `seccompd validate`: diagnostics of every profile in bare files and ConfigMap manifests, and the
// localhostProfile line a pod would use. 0: all valid; 1: an error (with fail_on_warning a warning)
// or a file that cannot be read; 2: no input; 70: an error of ours. `in` is read for "-".
int RunValidate(const ValidateOptions& options, std::istream& in, std::ostream& out,
                std::ostream& err);

}  // namespace seccompd::agent
