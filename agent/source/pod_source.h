// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/log.h"
#include "agent/source/packed_pods.h"
#include "agent/source/source.h"
#include "common/kube/api_client.h"
#include "common/kube/collection_loop.h"

namespace seccompd::agent {

// What is tried, in this order, for `--pods auto`; the explicit choices try one alone.
enum class PodRoute : std::uint8_t {
  kOwnNode,  // the API, as system:node:<node>: Kubernetes 1.36 grants a pod its own node's pods
  kApi,      // the API, as ourselves: needs list and watch of pods in the whole cluster
  kKubelet,  // the kubelet's :10250/pods: needs nodes/pods
};
[[nodiscard]] std::string_view PodRouteName(PodRoute route);  // "kubernetes", "kubelet", ...

struct ClusterPodsOptions {
  std::string node_name;
  std::vector<PodRoute> routes;  // never empty
  kube::CollectionOptions collection = {};
  std::chrono::milliseconds kubelet_poll{15'000};
  // A kubelet that has just started does not know all its pods yet.
  std::chrono::milliseconds kubelet_settle{120'000};
  std::chrono::milliseconds retry{30'000};  // when no route works
  bool once = false;                        // that is an error instead: for a command
};

// `--pods kubernetes`, `kubelet` and `auto`: picks the first route that is allowed, once, then
// follows it. A route that merely fails is tried again; only a refusal (401, 403, 404) goes on to
// the next.
class ClusterPods : public PodSource, private kube::CollectionSink {
 public:
  // Borrowed. `api` or `kubelet` may be null if no route needs it.
  ClusterPods(kube::ApiClient* api, kube::ApiClient* kubelet, ClusterPodsOptions options,
              const Log& log);

  void Start(net::Supervisor& supervisor, OnChange changed) override;
  [[nodiscard]] std::vector<kube::Pod> pods() const override { return pods_.All(); }
  [[nodiscard]] bool complete() const override;
  [[nodiscard]] std::string_view kind() const override;

  [[nodiscard]] std::size_t objects() const { return pods_.size(); }
  [[nodiscard]] std::size_t unreadable() const { return pods_.problems(); }
  [[nodiscard]] const kube::CollectionLoop* loop() const { return loop_.get(); }
  [[nodiscard]] const std::string& problem() const { return problem_; }  // of the last try

 private:
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Run();
  [[nodiscard]] boost::asio::awaitable<base::Result<PodRoute>> FirstWorking();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Choose();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Probe(PodRoute route);
  [[nodiscard]] boost::asio::awaitable<base::Result<>> PollKubelet();
  [[nodiscard]] boost::asio::awaitable<base::Result<bool>> ReadKubelet();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> ReadKubeletBody(kube::ApiStream* stream);
  [[nodiscard]] kube::CollectionSpec Spec(PodRoute route) const;

  void Collect(document::Node object) override { pods_.Collect(object); }
  void Replace() override;
  void DropPending() override { pods_.DropPending(); }
  void Upsert(document::Node object) override;
  void Remove(document::Node object) override;

  kube::ApiClient* api_;
  kube::ApiClient* kubelet_;
  ClusterPodsOptions options_;
  const Log& log_;
  OnChange changed_;
  PackedPods pods_;
  std::optional<PodRoute> route_;
  std::unique_ptr<kube::CollectionLoop> loop_;
  bool listed_ = false;
  std::optional<base::MonoTime> unsettled_until_;  // kubelet only
  std::string problem_;
};

}  // namespace seccompd::agent
