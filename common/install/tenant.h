// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "common/install/desired.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/profile.h"

namespace seccompd::install {

// Gives an error to every tenant claim beyond the limits: oldest ConfigMaps first, so that a new
// one never takes the place of what is in force. What its path holds stays, as with an invalid one.
void LimitTenants(const TenantLimits& limits, std::span<Claim> claims);

// What a tenant's profile may not have: a listener would hand the calls of any pod that uses the
// path to a socket of the tenant's choice.
[[nodiscard]] std::vector<seccomp::Diagnostic> TenantProblems(const seccomp::Profile& profile);

}  // namespace seccompd::install
