// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/seccomp/node_facts.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// What a runtime gives a container that asks for RuntimeDefault.
struct RuntimeDefault {
  Profile profile;
  std::string name;  // the releases that share it: "containerd 1.7.13-1.7.31", "CRI-O 1.32-1.34"
};

// Is this "runtime-default" or "runtime-default:VERSION"?
[[nodiscard]] bool IsRuntimeDefault(std::string_view text);

// "runtime-default:containerd-1.7", ":1.7.13", ":crio-1.32", or bare: then the default of
// `runtime`, as the node reports it ("containerd://1.7.13"). kInvalidArgument: a version that is
// not known; kFailedPrecondition: bare, and `runtime` is "". Never a guess. Where `node` names no
// capabilities they are what that runtime gives by default.
[[nodiscard]] base::Result<RuntimeDefault> ResolveRuntimeDefault(std::string_view text,
                                                                 const NodeFacts& node,
                                                                 std::string_view runtime = {});

}  // namespace seccompd::seccomp
