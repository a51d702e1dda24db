// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/config.h"
#include "agent/log.h"
#include "agent/node_state.h"
#include "agent/source/kubernetes_source.h"
#include "agent/source/node_facts.h"
#include "agent/source/pod_source.h"
#include "agent/source/source.h"
#include "common/kube/api_client.h"
#include "common/metrics/cluster.h"

namespace seccompd::agent {

// Does this --pods mean a cluster?
[[nodiscard]] inline bool IsClusterPods(std::string_view flag) {
  return flag == "kubernetes" || flag == "kubelet" || flag == "auto";
}

// The agent's dealings with one cluster: its clients, what it says of this node, and the sources
// that depend on them. Whatever fails here is tried again; nothing here ends the agent.
class Cluster : private kube::ApiObserver {
 public:
  // Reads credentials only; nothing is asked yet. Borrows config and log. `run_plugin` runs a
  // kubeconfig's credential plugin; the agent has none.
  [[nodiscard]] static base::Result<std::unique_ptr<Cluster>> Open(boost::asio::io_context& io,
                                                                   const RunConfig& config,
                                                                   const Log& log,
                                                                   std::string user_agent,
                                                                   kube::RunPlugin run_plugin = {});

  // Owned by the caller from then on; the cluster must outlive them.
  [[nodiscard]] std::unique_ptr<KubernetesProfiles> MakeProfiles();
  [[nodiscard]] std::unique_ptr<ClusterPods> MakePods(bool once = false);

  // The start-up jitter, then what the API says of this node, asked until it answers or refuses.
  // Then facts() is there. Fails only when asked to stop, or over a wrong flag.
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Begin();
  [[nodiscard]] const std::optional<ThisNode>& facts() const { return facts_; }

  // What is known just now, for metrics and status. The sources may be null.
  void Show(const KubernetesProfiles* profiles, const ClusterPods* pods, NodeState* state) const;

  [[nodiscard]] kube::ApiClient* api() { return api_.get(); }
  [[nodiscard]] const metrics::ApiCounters& counters() const { return counters_; }
  // The namespaces that profiles come from when none is named.
  [[nodiscard]] const std::string& own_namespace() const { return own_namespace_; }

 private:
  Cluster(const RunConfig& config, const Log& log) : config_(config), log_(log) {}
  [[nodiscard]] base::Result<kube::ClusterConfig> LoadConfig() const;
  [[nodiscard]] base::Result<std::unique_ptr<kube::ApiClient>> OpenClient(
      kube::ClusterConfig config);
  [[nodiscard]] base::Result<> OpenKubelet(const kube::ClusterConfig& cluster);
  [[nodiscard]] boost::asio::awaitable<base::Result<ThisNode>> AskForNode(
      std::string impersonate_user);
  [[nodiscard]] boost::asio::awaitable<base::Result<std::string>> AskForClusterUid();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> NameCluster(ThisNode* facts);

  void OnRequest(std::string_view verb, std::string_view method, std::string_view host,
                 std::string_view code, std::chrono::nanoseconds latency) override;
  void OnRetry(std::string_view verb, std::string_view host, std::string_view code) override;
  void OnWarning(std::string_view text) override;
  void OnCredentials(const kube::CredentialChange& change) override;

  const RunConfig& config_;
  const Log& log_;
  boost::asio::io_context* io_ = nullptr;
  std::string user_agent_;
  kube::RunPlugin run_plugin_;
  std::string own_namespace_;
  std::unique_ptr<kube::ApiClient> api_;
  std::unique_ptr<kube::ApiClient> kubelet_;
  metrics::ApiCounters counters_;
  std::optional<ThisNode> facts_;
};

}  // namespace seccompd::agent
