// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/node_state.h"
#include "common/audit/verdict.h"
#include "common/audit/workload.h"
#include "common/metrics/metrics.h"

namespace seccompd::agent {

// The audit's values as label values of the metrics.
[[nodiscard]] metrics::Verdict VerdictOf(audit::Verdict verdict);
[[nodiscard]] metrics::Expected ExpectedOf(const audit::Asked& asked);

// One scrape's worth of the agent's state. Pure.
[[nodiscard]] metrics::MetricsSnapshot Snapshot(const NodeState& state, metrics::BuildInfo build,
                                                metrics::ProcessStats process);

}  // namespace seccompd::agent
