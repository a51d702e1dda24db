// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "agent/cli/target.h"
#include "common/seccomp/arch.h"

namespace seccompd::agent {

struct ExplainOptions {
  std::string target;
  std::vector<std::string> syscalls{};  // names; empty: all
  std::vector<seccomp::Arch> archs{};   // --arch; empty: the node's, the others in short
  bool checks = false;                  // --checks: the built-in ones instead of a table
  std::vector<std::string> patterns{};  // --check 'socket(AF_ALG)', as many as wanted
  bool json = false;
  bool colour = false;  // `out` is a terminal
};

// `seccompd explain`: what a filter does with each system call, or whether calls are blocked. 0:
// told, all checks blocked; 1: a check is not blocked, or the filter is too complex to be decided;
// 2: no such target, architecture, system call or pattern.
int RunExplain(const ExplainOptions& options, const TargetSettings& settings, std::ostream& out,
               std::ostream& err);

}  // namespace seccompd::agent
