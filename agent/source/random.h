// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace seccompd::agent {

// [0, 1), for jitter; seeded from the system, of no use for secrets.
using Random = std::function<double()>;
[[nodiscard]] Random MakeRandom();

}  // namespace seccompd::agent
