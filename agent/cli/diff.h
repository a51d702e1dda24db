// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "agent/cli/target.h"

namespace seccompd::agent {

enum class DiffFailOn : std::uint8_t { kAny, kWeaker, kNone };

struct DiffOptions {
  std::string a;  // what should be
  std::string b;  // what is, or will be
  DiffFailOn fail_on = DiffFailOn::kAny;
  bool json = false;
  bool colour = false;  // `out` is a terminal
};

// `seccompd diff`: every input on which two filters decide differently. 0: none that matters to
// `fail_on`; runc's ENOSYS above the last system call never does; 1: some, or a filter is too
// complex to be decided; 2: no such target.
int RunDiff(const DiffOptions& options, const TargetSettings& settings, std::ostream& out,
            std::ostream& err);

}  // namespace seccompd::agent
