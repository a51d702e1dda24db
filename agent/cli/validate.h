// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <set>
#include <string>
#include <vector>

#include "common/seccomp/diagnose.h"
#include "common/seccomp/loader.h"

namespace seccompd::agent {

enum class ValidateFormat : std::uint8_t { kText, kJson, kSarif };

struct ValidateOptions {
  std::vector<std::string> inputs;  // files, directories (walked in sorted order) and "-"
  ValidateFormat format = ValidateFormat::kText;  // -o text|json|sarif
  bool fail_on_warning = false;                   // --fail-on warning
  bool colour = false;                            // `out` is a terminal
  seccomp::NodeFacts node{};                      // that would load the profiles
  std::string runtime{};          // --runtime: whose default a bare `runtime-default` base is
  seccomp::LoaderFacts loader{};  // what loads them there, as far as it is said
  std::set<std::string> tenant_namespaces{};  // --profiles.tenant-namespace
  std::string floor =
      "none";  // --policy.floor: none, runtime-default[:VERSION] or a profile's file
  std::vector<std::string> pods{};  // --pods: files and directories of manifests that use them
  std::string agent_version{};
};

// `seccompd validate`: diagnostics of every profile in bare files and ConfigMap manifests, and the
// localhostProfile line a pod would use; with `pods`, whether each pod template's profile is among
// them. 0: all valid; 1: an error (with fail_on_warning a warning)
// or a file that cannot be read; 2: no input; 70: an error of ours. `in` is read for "-".
int RunValidate(const ValidateOptions& options, std::istream& in, std::ostream& out,
                std::ostream& err);

}  // namespace seccompd::agent
