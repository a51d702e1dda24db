// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/base/result.h"
#include "common/bpf/decide.h"

namespace seccompd::bpf {

// A call that gets further under a filter than the floor lets it.
struct BelowFloor {
  SeccompData witness;
  std::uint32_t floor = 0;  // normalised return values for the witness
  std::uint32_t filter = 0;

  bool operator==(const BelowFloor&) const = default;
};

// Does the filter permit something that the floor forbids, on an architecture (AUDIT_ARCH_*) that
// can be entered? Compared by Permission: another errno or a kill instead of one is no matter,
// NOTIFY and TRACE count as less than ALLOW. nullopt: it is at or above the floor, for all inputs.
[[nodiscard]] base::Result<std::optional<BelowFloor>> CompareWithFloor(
    Workspace& workspace, Diagram filter, Diagram floor, std::span<const std::uint32_t> archs);

}  // namespace seccompd::bpf
