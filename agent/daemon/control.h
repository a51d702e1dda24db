// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agent/config.h"
#include "agent/daemon/status.h"
#include "agent/log.h"
#include "agent/node_state.h"
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

// The server of AnswerControl at `path`; null where that is "" or cannot be listened on, which is
// logged: the agent does its duty without it. `context` is asked at every request.
[[nodiscard]] std::unique_ptr<net::HttpServer> ListenControl(
    boost::asio::io_context& io, const std::string& path, const Log& log,
    std::function<ControlContext()> context);

}  // namespace seccompd::agent
