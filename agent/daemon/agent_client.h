// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace seccompd::agent {

inline constexpr const char* kDefaultSocket = "/run/seccompd/agent.sock";

// Header of its answers: "1" if a person has to look at something, else "0".
inline constexpr std::string_view kFindingsHeader = "Seccompd-Findings";

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
