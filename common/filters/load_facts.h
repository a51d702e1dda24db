// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/filters/load_failure.h"

namespace seccompd::filters {

// Looks at this process and this kernel; what cannot be read keeps its default. Fills everything
// but sys_errno, log and memlock_needed.
LoadFailure GatherLoadFacts();

}  // namespace seccompd::filters
