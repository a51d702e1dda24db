// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/condition.h"
#include "common/bpf/decide.h"

namespace seccompd::bpf {

// What happens under a condition on the arguments, or in all cases that the other outcomes leave.
struct Outcome {
  std::uint32_t value = 0;  // normalised return value
  bool otherwise = false;   // then the condition is empty
  Condition condition;

  bool operator==(const Outcome&) const = default;
};

// Syscall numbers (inclusive) that are decided alike. Outcomes do not overlap and leave nothing
// out; of several the one that takes the most words comes last, as `otherwise`.
struct DecidedRange {
  std::uint32_t first_nr = 0;
  std::uint32_t last_nr = 0;
  std::vector<Outcome> outcomes;

  bool operator==(const DecidedRange&) const = default;
};

// All numbers of one arch, ascending and without gaps, neighbours differ. Fails with
// kResourceExhausted beyond `max_ranges` or the workspace's limits.
[[nodiscard]] base::Result<std::vector<DecidedRange>> Explain(Workspace& workspace, Diagram diagram,
                                                              std::uint32_t arch,
                                                              std::size_t max_ranges = 4'096);

// One number only.
[[nodiscard]] base::Result<std::vector<Outcome>> ExplainSyscall(Workspace& workspace,
                                                                Diagram diagram, std::uint32_t arch,
                                                                std::uint32_t nr);

}  // namespace seccompd::bpf
