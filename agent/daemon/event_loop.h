// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "agent/log.h"
#include "agent/node_state.h"
#include "common/install/prepare.h"
#include "common/kube/api_client.h"
#include "common/kube/event_budget.h"
#include "common/net/waits.h"

namespace seccompd::agent {

// What the last audit and the last look at the sources give cause to say. Pure.
[[nodiscard]] std::vector<kube::EventOffer> OffersOf(const NodeState& state,
                                                     std::span<const kube::Pod> pods,
                                                     const install::Desired& desired,
                                                     std::span<const kube::ConfigMap> maps);

// Writes Kubernetes Events within their budget (kube/event_budget.h). Losing one is no harm: the
// metrics carry everything.
class EventLoop {
 public:
  using Offers = std::function<std::vector<kube::EventOffer>()>;
  // Borrowed: client, log, state. `sampled`: the share of nodes that speak of a shared ConfigMap.
  EventLoop(kube::ApiClient& client, std::string node_name, double sampled, Offers offers,
            const Log& log, NodeState& state);

  [[nodiscard]] boost::asio::awaitable<base::Result<>> Run();

 private:
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Write(kube::EventWrite write);
  [[nodiscard]] kube::ApiCall CallFor(const kube::EventWrite& write) const;
  void TakeAnswer(const kube::EventWrite& write, const base::Result<kube::ApiReply>& reply);

  kube::ApiClient& client_;
  kube::EventReporter reporter_;
  kube::EventBudget budget_;
  Offers offers_;
  const Log& log_;
  NodeState& state_;
  std::string problem_;  // last logged
};

}  // namespace seccompd::agent
