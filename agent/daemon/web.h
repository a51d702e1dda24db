// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/config.h"
#include "agent/node_state.h"
#include "common/metrics/metrics.h"
#include "common/net/http_server.h"

namespace seccompd::agent {

// What the agent answers on HTTP: /metrics, /livez, /readyz, /healthz and the status page at /.
// Pure: the process figures and the time are given.
struct WebContext {
  const NodeState& state;
  const RunConfig& config;
  metrics::BuildInfo build;
  base::WallTime wall_now;  // for the ages on the page
  bool stranger = false;    // the client has not shown the certificate that is required here
};
[[nodiscard]] net::Response Answer(const net::Request& request, const WebContext& context,
                                   const metrics::ProcessStats& process, base::MonoTime now);

// What the kubelet asks: it has no client certificate to show.
[[nodiscard]] bool IsHealthPath(std::string_view path);

// Why the agent itself is stuck, or "". Never because something else is away (design section 1.5):
// a restart would not mend that, and 65,000 at once would make it worse.
[[nodiscard]] std::string StuckBecause(const NodeState& state, const RunConfig& config,
                                       base::MonoTime now);

}  // namespace seccompd::agent
