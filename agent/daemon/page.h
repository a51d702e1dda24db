// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/node_state.h"
#include "common/base/time.h"
#include "common/metrics/metrics.h"

namespace seccompd::agent {

// The status page at /. Pure. It shows what one scrape of /metrics shows and no more; with `detail`
// (--web.detail) also the node's facts, every profile, and the findings with their first
// difference.
struct PageInput {
  const metrics::MetricsSnapshot& metrics;
  const NodeState& state;  // looked at only for detail, and for whether things go well
  bool detail = false;
  base::WallTime now;
};
[[nodiscard]] std::string RenderPage(const PageInput& input);

}  // namespace seccompd::agent
