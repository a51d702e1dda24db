// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "common/base/time.h"
#include "common/metrics/histogram.h"
#include "common/metrics/labels.h"

namespace seccompd::metrics {

// Requests to API servers and what became of them: client-go's names and labels.
struct ApiCounters {
  using CodeMethodHost = std::tuple<std::string, std::string, std::string>;
  using CodeVerbHost = std::tuple<std::string, std::string, std::string>;
  using VerbHost = std::pair<std::string, std::string>;

  void CountRequest(std::string_view verb, std::string_view method, std::string_view host,
                    std::string_view code, std::chrono::nanoseconds latency);
  void CountRetry(std::string_view verb, std::string_view host, std::string_view code);

  std::map<CodeMethodHost, std::uint64_t> requests;
  std::map<VerbHost, Histogram> seconds;  // without watches
  std::map<CodeVerbHost, std::uint64_t> retries;
  std::uint64_t token_reloads = 0;
  std::uint64_t ca_reloads = 0;
};

// One kind of object that is followed; several collections of one resource are one row.
struct WatchStats {
  Per<WatchEvent> events;
  Per<Rewatch> restarts;
  Per<Relist> relists;
  std::optional<base::WallTime> last_activity;  // the oldest of its collections
  std::uint64_t objects = 0;
};

// What a scrape shows of the agent's dealings with a cluster.
struct ClusterSnapshot {
  ApiCounters api;
  std::map<std::string, WatchStats> watches;  // by resource
  Histogram propagation_seconds{{}};
  Per<EventReason> events_emitted;
  Per<EventReason> events_dropped;
  bool events = false;  // they are written at all
  bool unsupported = false;
  bool node_gate_open = true;
};

// Bounds of seccompd_propagation_duration_seconds.
[[nodiscard]] Histogram PropagationHistogram();

}  // namespace seccompd::metrics
