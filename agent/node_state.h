// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/confinement/confinement.h"
#include "agent/source/node_facts.h"
#include "agent/source/source.h"
#include "common/audit/report.h"
#include "common/base/time.h"
#include "common/install/installer.h"
#include "common/kube/collection_loop.h"
#include "common/metrics/metrics.h"

namespace seccompd::agent {

// An installed file that something else changed.
struct DriftSeen {
  std::string path;
  install::DriftKind kind = install::DriftKind::kContent;
  base::WallTime time;
};

// How one collection of the API server is followed; as of the last RefreshWatches.
struct WatchHealth {
  std::string resource;        // "configmaps"
  std::string namespace_name;  // "" for all
  kube::CollectionHealth health;
  kube::CollectionCounters counters;
};

// What the running agent knows: written by its loops, read by the web. One thread, so no lock; made
// once in the composition root and borrowed by everything else.
struct NodeState {
  metrics::Counters counters;

  // The install loop's.
  bool installs = true;  // false: --mode audit
  bool source_complete = false;
  bool synced = false;  // the source was once read whole and a pass came after; stays true
  std::vector<SourceProblem> source_problems;
  std::vector<install::ProfileRow> profiles;
  std::vector<install::Remark> remarks;
  std::vector<metrics::InvalidProfile> invalid;
  std::size_t held_removals = 0;
  std::optional<base::Error> install_error;  // of the last pass
  std::optional<base::WallTime> last_sync;   // the last pass without error
  std::optional<DriftSeen> last_drift;
  base::MonoTime install_heartbeat;  // the loop came round

  // Of the cluster, if there is one.
  bool has_cluster = false;
  bool writes_events = false;
  bool node_gate_open = true;  // false while --node-gate=taint has its taint to remove
  ThisNode facts;
  std::vector<WatchHealth> watches;
  std::string pod_source;          // which one is in use, "kubernetes"
  std::string pod_source_problem;  // why none works, "" if one does
  std::uint64_t cached_config_maps = 0;
  std::uint64_t cached_pods = 0;
  metrics::ApiCounters api;
  metrics::Per<metrics::EventReason> events_emitted;
  metrics::Per<metrics::EventReason> events_dropped;
  metrics::Histogram propagation_seconds = metrics::PropagationHistogram();

  // The audit loop's.
  audit::Evidence evidence = audit::Evidence::kStatus;  // at work
  std::optional<audit::Report> audit;
  metrics::Per<metrics::SeccompMode> processes;
  std::optional<base::WallTime> last_audit;
  std::optional<base::Error> audit_error;
  base::MonoTime audit_heartbeat;

  // Of --web.config.file; absent without one.
  std::optional<bool> web_config_ok;
  std::optional<base::WallTime> web_config_read;  // when it was last put to use

  Confinement confinement;  // what this process is left with

  std::chrono::nanoseconds loop_lag{0};

  // Ready once everything wanted was looked at and placed; an outage of a source later on does not
  // take it back, a lost seccomp root does. Where there is nothing to do that is done at once.
  [[nodiscard]] bool Ready() const {
    if (!facts.unsupported.empty()) return true;
    return installs ? synced && last_sync.has_value() && !install_error : last_audit.has_value();
  }
};

}  // namespace seccompd::agent
