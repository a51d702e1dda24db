// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "common/base/result.h"

namespace seccompd::agent {

inline constexpr const char* kDefaultSocket = "/run/seccompd/agent.sock";

struct AgentReply {
  std::string body;
  bool findings = false;
};

// One GET over the agent's unix socket; blocks. The peer must be root or this user, so that nobody
// who made a socket there can play the agent. kUnavailable: no agent answers at `socket_path`.
[[nodiscard]] base::Result<AgentReply> AskAgent(
    const std::string& socket_path, const std::string& target,
    std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace seccompd::agent
