// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/validate.h"
#include "common/base/result.h"

namespace seccompd::agent {

// One --target: the nodes a profile is meant for.
struct ValidateTarget {
  std::string name;  // as given
  seccomp::NodeFacts node;
};

// "x86_64", "aarch64/6.1". What the profile means does not depend on the runtime that loads it, so
// a third part is refused rather than ignored. `base` gives what the text does not say.
[[nodiscard]] base::Result<ValidateTarget> ParseValidateTarget(std::string_view text,
                                                               const seccomp::NodeFacts& base);

// RunValidate for each target in turn, the worst exit code of all. Text: each report under its
// target's name; JSON: {"version":1,"targets":[{"target":...,"report":...}]}; SARIF takes one
// target only. Standard input is read once.
int RunValidateTargets(const ValidateOptions& options, const std::vector<ValidateTarget>& targets,
                       std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace seccompd::agent
