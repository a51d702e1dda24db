// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

namespace seccompd::agent {

struct StatusOptions {
  std::string socket;
  bool json = false;
  bool colour = false;
};

// `seccompd status`: the running agent's view. 0 all is well, 1 something needs a look, 2 no agent
// answers.
int RunStatus(const StatusOptions& options, std::ostream& out, std::ostream& err);

struct AgentAuditOptions {
  std::string socket;
  bool json = false;
  bool all = false;
  bool colour = false;
};

// `seccompd audit --agent`: the last pass of the running agent. Exit codes as of `audit`.
int RunAgentAudit(const AgentAuditOptions& options, std::ostream& out, std::ostream& err);

}  // namespace seccompd::agent
