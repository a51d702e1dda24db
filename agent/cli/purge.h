// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

#include "common/base/time.h"
#include "common/install/plan.h"

namespace seccompd::agent {

struct PurgeOptions {
  std::string seccomp_root = "/var/lib/kubelet/seccomp";
  bool force = false;              // also what pods refer to
  bool json = false;               // -o json
  bool kept_is_fine = false;       // --fail-on none: what pods refer to may stay
  install::References references;  // from --pods; not known: only --force removes anything
  base::WallTime now;
};

// `seccompd purge`. 0: all that the ledger owns is gone; 1: something was kept (0 if
// that is fine); 2: cannot work here
// (no such root, an agent runs, a newer ledger); 70: an I/O error.
int RunPurge(const PurgeOptions& options, std::ostream& out, std::ostream& err);

}  // namespace seccompd::agent
