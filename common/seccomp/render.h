// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/digest.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// Canonical OCI JSON of a profile: fixed key order, one rule a line, a final newline; a fixed point
// of ParseProfile. This, not the user's text, is what lands on disk.
std::string RenderOci(const Profile& profile);

}  // namespace seccompd::seccomp
