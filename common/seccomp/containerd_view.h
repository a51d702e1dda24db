// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// A profile as containerd reads its text, and what it ignores on the way.
struct ContainerdView {
  Profile profile;
  std::vector<std::string> ignored;  // "archMap", "includes", ..., each once
};

// containerd decodes into specs-go LinuxSeccomp, which has none of Docker's fields: archMap,
// includes, excludes, name, errno, defaultErrno, minKernel count for nothing, and a rule that has
// only `name` does nothing. nullopt where it would refuse the text, or where nothing is ignored.
std::optional<ContainerdView> AsContainerdReads(std::string_view text);

}  // namespace seccompd::seccomp
