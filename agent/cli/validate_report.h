// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/cli/pod_references.h"
#include "common/seccomp/diagnostic.h"

namespace seccompd::agent {

// What `validate` found, as one value from which text, JSON and SARIF are written. Lines and
// columns are those of the file.
struct ProfileFinding {
  std::string config_map;  // "" for a bare profile
  std::string key;
  std::string path;  // localhostProfile; "" if unknown
  bool valid = false;
  std::vector<seccomp::Diagnostic> diagnostics{};
};

struct FileFinding {
  std::string name;
  std::vector<ProfileFinding> profiles{};
  std::vector<seccomp::Diagnostic> problems{};  // of the file itself
  std::vector<std::string> ignored{};
  std::vector<PodReference> references{};  // of a file of --pods
};

struct ValidateCounts {
  std::size_t files = 0;
  std::size_t profiles = 0;
  std::size_t valid = 0;
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::size_t references = 0;  // containers that name a profile
  std::size_t provided = 0;    // ... that is there
};

struct ValidateReport {
  std::string agent_version;
  std::vector<FileFinding> files;

  [[nodiscard]] ValidateCounts Count() const;
};

// For people: "file:line:column: error E0105 /syscalls/0/action: ..." and the localhostProfile
// lines.
std::string RenderText(const ValidateReport& report, bool colour);
// One object; "version" grows when a field changes its meaning.
std::string RenderJson(const ValidateReport& report);
// SARIF 2.1.0 (OASIS), for code scanning.
std::string RenderSarif(const ValidateReport& report);

// "file:line:column: severity CODE pointer: message", without line break.
std::string DiagnosticLine(const std::string& file, const seccomp::Diagnostic& diagnostic,
                           const std::string& origin, bool colour);

}  // namespace seccompd::agent
