// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tests/support/api_state.h"

namespace seccompd::test_support {

// Authentication by ApiState::users and authorization by the stored Roles and ClusterRoles, with
// constrained impersonation of the token's own node (KEP-5284) and what the node authorizer then
// lets a node do. Nothing if the request is allowed; what has no resource (/version) is for
// everybody.
[[nodiscard]] std::optional<ApiResponse> RefusedByRbac(const ApiState& state,
                                                       const ApiRequest& request);

}  // namespace seccompd::test_support
