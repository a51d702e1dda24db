// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/floor.h"

#include <utility>

#include "common/bpf/return_value.h"

namespace seccompd::bpf {

base::Result<std::optional<BelowFloor>> CompareWithFloor(Workspace& workspace, Diagram filter,
                                                         Diagram floor,
                                                         std::span<const std::uint32_t> archs) {
  TRY_ASSIGN(const Diagram reachable, workspace.Restrict(filter, archs));
  // The filter goes further than the floor at some rank where it reaches it and the floor does not.
  for (const Permission rank :
       {Permission::kPermitted, Permission::kTraced, Permission::kSupervised}) {
    const auto reaches = [rank](std::uint32_t value) { return PermissionOf(value) >= rank; };
    TRY_ASSIGN(const Region let, workspace.Where(reachable, reaches));
    TRY_ASSIGN(const Region allowed, workspace.Where(floor, reaches));
    TRY_ASSIGN(const Region below, workspace.Subtract(let, allowed));
    const auto witness = workspace.AnyInput(below);
    if (!witness) continue;
    return BelowFloor{.witness = *witness,
                      .floor = workspace.Evaluate(floor, *witness),
                      .filter = workspace.Evaluate(filter, *witness)};
  }
  return std::nullopt;
}

}  // namespace seccompd::bpf
