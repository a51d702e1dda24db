// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/document/document.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// Bounds of one profile; beyond any of them it is "too large" (an error), so that libseccomp and
// the audit never meet an unbounded one. The kernel's own bound is 4,096 instructions.
struct ProfileLimits {
  std::size_t bytes = std::size_t{1} << 20;
  std::size_t rules = 4'096;
  std::size_t names = 16'384;       // summed over all rules
  std::size_t args = 16'384;        // summed over all rules
  std::size_t conditions = 65'536;  // names times args of a rule, summed: what is checked pairwise
};

// A profile is present exactly when no diagnostic is an error.
struct ParsedProfile {
  std::optional<Profile> profile;
  std::vector<Diagnostic> diagnostics;
};

// Strict reading of one OCI profile, JSON or YAML. Unknown keys are warnings (the runtimes ignore
// them). Mis-cased and duplicate keys mean what they mean to the runtimes (encoding/json folds
// case, the last one that is not null wins) and are warnings; a second `syscalls` or `args` list,
// which Go merges into the first, and Docker-only fields are errors (CheckProfile resolves them).
// Source of truth: OCI runtime-spec config-linux.md, specs-go LinuxSeccomp.
[[nodiscard]] ParsedProfile ParseProfile(std::string_view text, const ProfileLimits& limits = {});

// The same for a document that is already parsed (a bundle's linux.seccomp, a List item).
[[nodiscard]] ParsedProfile ParseProfile(const document::Node& node,
                                         const ProfileLimits& limits = {});

}  // namespace seccompd::seccomp
