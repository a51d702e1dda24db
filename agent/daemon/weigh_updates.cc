// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "agent/daemon/install_loop.h"
#include "common/install/weakening.h"

namespace seccompd::agent {

// Updates that permit more than what is in force: said in the log, counted, perhaps refused.
void InstallLoop::WeighUpdates() {
  const auto policy = install::WeakeningPolicyFrom(config_.weakening);
  const auto read = [this](const install::Revision& revision) {
    return installer_->ReadRevision(revision);
  };
  auto found = install::WeighUpdates(desired_, installer_->ledger(), read, preparer_,
                                     policy.value_or(install::WeakeningPolicy::kWarn));
  const std::vector<install::Weakening> known = std::exchange(weakenings_, std::move(found));
  for (const install::Weakening& weakening : weakenings_) {
    // One that stays refused is found again with every change of the source.
    if (std::find(known.begin(), known.end(), weakening) != known.end()) continue;
    ++state_.counters.profile_weakenings;
    log_.Warning(weakening.refused ? "weaker update refused, the revision in force stays"
                                   : "update permits more than the revision in force",
                 {{"path", weakening.path},
                  {"revision", static_cast<std::int64_t>(weakening.revision)},
                  {"weakening", weakening.text}});
  }
}

}  // namespace seccompd::agent
