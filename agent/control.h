// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/config.h"
#include "agent/node_state.h"
#include "agent/status.h"
#include "common/net/http_server.h"

namespace seccompd::agent {

// HTTP over the agent's unix socket, for `seccompd status|audit|inspect` of the same node: root and
// the agent's own uid only. GET /v1/status and /v1/audit; ?format=text gives what people read
// (colour=1, all=1), else JSON. 503 where there is no audit yet.
struct ControlContext {
  const NodeState& state;
  const RunConfig& config;
  std::string version;
  StatusTimes times;
};
[[nodiscard]] net::Response AnswerControl(const net::Request& request,
                                          const ControlContext& context);

}  // namespace seccompd::agent
