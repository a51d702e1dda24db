// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bpf/check.h"
#include "common/bpf/explain.h"
#include "common/seccomp/arch.h"

namespace seccompd::agent {

// What `explain` found, as one value from which text and JSON are written.
struct ExplainedCall {
  std::string name;
  std::uint32_t nr = 0;
  bool critical = false;
  std::vector<bpf::Outcome> outcomes;
};

// Numbers without a name on this node that are decided alike.
struct UnnamedNumbers {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::vector<bpf::Outcome> outcomes;
};

struct ExplainedArch {
  seccomp::Arch arch = seccomp::Arch::kX86_64;
  bool summary = false;              // only counts are shown as text
  std::vector<ExplainedCall> calls;  // critical ones first, then by number
  std::vector<UnnamedNumbers> unnamed;
};

struct ExplainedCheck {
  bpf::CallPattern pattern;
  bpf::CheckOutcome outcome;
};

struct ExplainReport {
  std::string target;
  std::vector<std::string> notes;
  std::vector<std::size_t> instructions;  // of each filter, oldest first
  std::string fingerprint;                // of the meaning
  bool named = false;                     // syscalls were asked for by name
  std::vector<ExplainedArch> archs;
  std::vector<ExplainedCheck> checks;

  // Is a check something else than blocked?
  [[nodiscard]] bool HasFindings() const;
};

// For people.
std::string RenderText(const ExplainReport& report, bool colour);
// One object; "version" grows when a field changes its meaning.
std::string RenderJson(const ExplainReport& report);

}  // namespace seccompd::agent
