// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "agent/log.h"
#include "common/base/result.h"
#include "common/document/document.h"
#include "common/install/plan.h"
#include "common/kube/api_client.h"

namespace seccompd::agent {

// The start-up taint of this node: taken away once, when every valid profile is on disk. From then
// on the agent never touches the node again.

// Nothing valid is still to be written. A refused, foreign or shadowed profile does not hold a node
// back: no waiting would place it.
[[nodiscard]] bool AllPlaced(std::span<const install::ProfileRow> profiles);

// A JSON patch (RFC 6902) that removes every taint of `key` from `node` and fails if its taints
// have changed since; nullopt if it has none. kInvalidArgument: this is no Node with taints of
// scalars.
[[nodiscard]] base::Result<std::optional<std::string>> TaintPatch(const document::Node& node,
                                                                  const std::string& key);

struct NodeGateOptions {
  std::string node_name;
  std::string taint_key;
  std::chrono::milliseconds look_again{1'000};  // for profiles; and the first pause after a failure
  std::chrono::milliseconds most_pause{60'000};
};

// Waits for `ready`, then reads the node and patches it until the taint is gone, however often
// others change the taints meanwhile. Ends with success then, and only then but for a stop.
[[nodiscard]] boost::asio::awaitable<base::Result<>> OpenNodeGate(kube::ApiClient& client,
                                                                  NodeGateOptions options,
                                                                  std::function<bool()> ready,
                                                                  const Log& log);

}  // namespace seccompd::agent
