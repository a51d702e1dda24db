// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/bpf/program.h"
#include "common/install/prepare.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/profile.h"

namespace seccompd::install {

// What every profile of a tenant must at least refuse: policy.floor, resolved for the node.
struct ProfileFloor {
  std::string name;  // "runtime-default (containerd 1.7.32-1.7.34)", "web/floor.json"
  seccomp::Profile profile;
};

// kBelowFloor with a call that the filter permits and the floor does not, compared by meaning on
// every architecture that can be entered. What cannot be decided is refused, too: nothing is
// installed on trust.
[[nodiscard]] std::vector<seccomp::Diagnostic> FloorProblems(const bpf::Program& filter,
                                                             const ProfileFloor& floor,
                                                             const Preparer& preparer);

}  // namespace seccompd::install
