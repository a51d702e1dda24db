// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <csignal>

namespace seccompd::agent {

// What asks the agent to end in order.
inline constexpr std::array<int, 2> kStopSignals = {SIGTERM, SIGINT};

// From here on they wait until ReleaseStopSignals(): the first instruction of `seccompd run`, so
// that no moment of its start is one in which they kill it half-way. As pid 1 of a container it
// would not even be killed: the kernel drops what an init has neither a handler for nor blocked.
void HoldStopSignals();
// Once somebody takes them.
void ReleaseStopSignals();

}  // namespace seccompd::agent
