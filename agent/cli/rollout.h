// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "agent/config.h"
#include "common/document/document.h"

namespace seccompd::agent {

// What a DaemonSet's status says of its pods.
struct RolloutView {
  std::int64_t wanted = 0;   // nodes that should run one
  std::int64_t updated = 0;  // of the present template
  std::int64_t ready = 0;    // for minReadySeconds, that is, available
  bool observed = false;     // the controller has seen the present specification

  // Every node that should has one; no node at all is no success.
  [[nodiscard]] bool Done() const {
    return observed && wanted > 0 && updated >= wanted && ready >= wanted;
  }
  bool operator==(const RolloutView&) const = default;
};
[[nodiscard]] RolloutView ViewRollout(const document::Node& daemon_set);
[[nodiscard]] std::string Describe(const RolloutView& view);

// Of an EventList: warnings of this DaemonSet and of its pods, newest last, at most ten, each one
// printable line: "FailedCreate daemonset/seccompd: pods ... is forbidden (12 times)".
[[nodiscard]] std::vector<std::string> WarningsOf(const document::Node& events,
                                                  const std::string& daemon_set);

struct RolloutOptions {
  std::string target;  // NAMESPACE/NAME
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
};

// Waits until the DaemonSet is on every node that should have it. 1: it was not in time, and the
// warnings are printed that say why. `config` says how the API server is reached.
int RunRollout(const RolloutOptions& options, const RunConfig& config, std::string user_agent,
               std::ostream& out, std::ostream& err);

}  // namespace seccompd::agent
