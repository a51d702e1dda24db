// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/directory_source.h"
#include "common/audit/report.h"
#include "common/base/time.h"
#include "common/install/installer.h"
#include "common/metrics/metrics.h"

namespace seccompd::agent {

// What the running agent knows: written by its loops, read by the web. One thread, so no lock; made
// once in the composition root and borrowed by everything else.
struct NodeState {
  metrics::Counters counters;

  // The install loop's.
  bool source_complete = false;
  std::vector<SourceProblem> source_problems;
  std::vector<install::ProfileRow> profiles;
  std::vector<install::Remark> remarks;
  std::vector<metrics::InvalidProfile> invalid;
  std::size_t held_removals = 0;
  std::optional<base::Error> install_error;  // of the last pass
  std::optional<base::WallTime> last_sync;   // the last pass without error
  base::MonoTime install_heartbeat;          // the loop came round

  // The audit loop's.
  audit::Evidence evidence = audit::Evidence::kStatus;  // at work
  std::optional<audit::Report> audit;
  metrics::Per<metrics::SeccompMode> processes;
  std::optional<base::WallTime> last_audit;
  std::optional<base::Error> audit_error;
  base::MonoTime audit_heartbeat;

  std::chrono::nanoseconds loop_lag{0};

  // Ready once everything wanted was looked at and placed; an outage of a source later on does not
  // take it back, a lost seccomp root does.
  [[nodiscard]] bool Ready() const { return last_sync.has_value() && !install_error; }
};

}  // namespace seccompd::agent
