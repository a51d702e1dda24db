// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "common/audit/installed.h"
#include "common/base/result.h"
#include "common/install/ledger.h"
#include "common/install/plan.h"
#include "common/kube/pod.h"

namespace seccompd::agent {

// What the audit has to know of the profiles of this node. All of these look at the seccomp root
// given as a directory fd, borrowed, and write nothing.

// From the ledger alone: what a command sees that is not the running agent.
// `now` as in the ledger: containers' starts are told by the present wall clock, so installs are
// too.
[[nodiscard]] audit::InstalledView ViewOfLedger(const install::LedgerState& ledger,
                                                const base::Moment& now);

// From the running agent's own rows, which also know what is desired, invalid or foreign.
[[nodiscard]] audit::InstalledView ViewOf(const install::LedgerState& ledger,
                                          std::span<const install::ProfileRow> rows,
                                          const base::Moment& now);

// Reads the ledger without its lock: an append that is under way looks like a torn tail and is left
// out. A root without a ledger owns nothing; a ledger of a newer version is an error.
[[nodiscard]] base::Result<install::LedgerState> ReadLedger(int rootfd);
// The same as a view.
[[nodiscard]] base::Result<audit::InstalledView> ReadInstalledView(int rootfd,
                                                                   const base::Moment& now);

// Looks at each path of `view` and at each that a pod refers to: what stands there and is not ours
// is foreign, what is gone is not on disk.
void LookAtFiles(int rootfd, std::span<const kube::Pod> pods, audit::InstalledView* view);

}  // namespace seccompd::agent
