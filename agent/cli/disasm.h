// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

#include "agent/cli/target.h"

namespace seccompd::agent {

struct DisasmOptions {
  std::string target;
  bool json = false;
};

// `seccompd disasm`: the filters of a target instruction by instruction, annotated. 0: printed; 2:
// no such target.
int RunDisasm(const DisasmOptions& options, const TargetSettings& settings, std::ostream& out,
              std::ostream& err);

}  // namespace seccompd::agent
