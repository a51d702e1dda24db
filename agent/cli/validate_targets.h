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
  seccomp::LoaderFacts loader{};
};

// "x86_64", "aarch64/6.1", "x86_64/6.1/containerd-1.7/runc-1.1.12/libseccomp-2.5.4": after the
// architecture and the kernel what loads the profile, in any order. `base` gives what the text does
// not say of the node.
[[nodiscard]] base::Result<ValidateTarget> ParseValidateTarget(std::string_view text,
                                                               const seccomp::NodeFacts& base);

// RunValidate for each target in turn, the worst exit code of all. Text: each report under its
// target's name; JSON: {"version":1,"targets":[{"target":...,"report":...}]}; SARIF takes one
// target only. Standard input is read once.
int RunValidateTargets(const ValidateOptions& options, const std::vector<ValidateTarget>& targets,
                       std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace seccompd::agent
