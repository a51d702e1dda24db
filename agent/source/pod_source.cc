// SPDX-License-Identifier: Apache-2.0
#include "agent/source/pod_source.h"

#include <utility>

#include "common/base/strings.h"
#include "common/kube/list_framer.h"
#include "common/net/url.h"
#include "common/net/waits.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::ErrorCode;
using base::Fail;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kBodyIdle{30'000};
constexpr std::size_t kMaxErrorBody = 65'536;
constexpr std::size_t kMaxPodBytes = std::size_t{2} << 20;

bool IsRefusal(const base::Error& error) {
  return error.code == ErrorCode::kUnauthorized || error.code == ErrorCode::kForbidden ||
         error.code == ErrorCode::kNotFound || error.code == ErrorCode::kInvalidArgument;
}

milliseconds Stretched(milliseconds pause, double random) {
  return std::chrono::duration_cast<milliseconds>(pause * (1.0 + random));
}

}  // namespace

std::string_view PodRouteName(PodRoute route) {
  switch (route) {
    case PodRoute::kOwnNode:
      return "kubernetes (as the node)";
    case PodRoute::kApi:
      return "kubernetes";
    case PodRoute::kKubelet:
      break;
  }
  return "kubelet";
}

ClusterPods::ClusterPods(kube::ApiClient* api, kube::ApiClient* kubelet, ClusterPodsOptions options,
                         const Log& log)
    : api_(api), kubelet_(kubelet), options_(std::move(options)), log_(log) {}

void ClusterPods::Start(net::Supervisor& supervisor, OnChange changed) {
  changed_ = std::move(changed);
  supervisor.Spawn("pods", Run());
}

std::string_view ClusterPods::kind() const {
  return route_ ? PodRouteName(*route_) : std::string_view("none yet");
}

kube::CollectionSpec ClusterPods::Spec(PodRoute route) const {
  kube::CollectionSpec spec{.resource = "pods",
                            .path = "/api/v1/pods",
                            .field_selector = "spec.nodeName=" + options_.node_name};
  if (route == PodRoute::kOwnNode) spec.impersonate_user = "system:node:" + options_.node_name;
  return spec;
}

asio::awaitable<Result<>> ClusterPods::Run() {
  auto chosen = co_await Choose();
  if (!chosen) co_return chosen;
  if (*route_ == PodRoute::kKubelet) {
    auto polled = co_await PollKubelet();
    co_return polled;
  }
  auto followed = co_await loop_->Run();
  co_return followed;
}

// The first route that works; where none does, what each of them said.
asio::awaitable<Result<PodRoute>> ClusterPods::FirstWorking() {
  std::string problems;
  for (const PodRoute route : options_.routes) {
    auto probed = co_await Probe(route);
    if (probed) co_return route;
    if (probed.error().code == ErrorCode::kCancelled) co_return Fail(probed.error());
    if (!problems.empty()) problems += "; ";
    problems += std::string(PodRouteName(route)) + ": " + probed.error().message;
    if (!IsRefusal(probed.error())) break;  // it may work in a moment
  }
  co_return Fail(ErrorCode::kUnavailable, problems);
}

// Ends when a route works.
asio::awaitable<Result<>> ClusterPods::Choose() {
  while (!route_) {
    auto working = co_await FirstWorking();
    if (working) {
      route_ = *working;
      break;
    }
    const base::Error& error = working.error();
    if (options_.once || error.code == ErrorCode::kCancelled) co_return Fail(error);
    if (problem_ != error.message) {
      log_.Warning("no pod source works yet, nothing will be removed", {{"error", error.message}});
    }
    problem_ = error.message;
    const milliseconds pause =
        Stretched(options_.retry, (api_ != nullptr ? api_ : kubelet_)->random());
    auto slept = co_await net::SleepFor(pause);
    if (!slept) co_return slept;
  }
  problem_.clear();
  log_.Info("pods come from", {{"source", PodRouteName(*route_)}});
  if (*route_ != PodRoute::kKubelet) {
    kube::CollectionSink& sink = *this;
    loop_ = std::make_unique<kube::CollectionLoop>(*api_, Spec(*route_), options_.collection, sink);
  }
  co_return Result<>{};
}

// One cheap question that shows whether the route is allowed.
asio::awaitable<Result<>> ClusterPods::Probe(PodRoute route) {
  if (route == PodRoute::kKubelet) {
    if (kubelet_ == nullptr) {
      co_return Fail(ErrorCode::kForbidden, "the kubelet's address is not known");
    }
    auto read = co_await ReadKubelet();
    if (!read) co_return Fail(read.error());
    co_return Result<>{};
  }
  const kube::CollectionSpec spec = Spec(route);
  kube::ApiCall call{.verb = "list", .target = spec.path};
  call.target += "?fieldSelector=" + net::EncodeUrlText(spec.field_selector);
  call.target += "&limit=1&resourceVersion=0";
  call.impersonate_user = spec.impersonate_user;
  call.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
  auto reply = co_await api_->Call(std::move(call));
  if (!reply) co_return Fail(reply.error());
  if (reply->status != 200) {
    co_return Fail(kube::ErrorOfReply(reply->status, reply->body, "list pods of this node"));
  }
  co_return Result<>{};
}

asio::awaitable<Result<>> ClusterPods::PollKubelet() {
  for (;;) {
    const milliseconds pause =
        Stretched(options_.kubelet_poll, (kubelet_->random() - 0.5) / 2);  // 0.75 .. 1.25 of it
    auto slept = co_await net::SleepFor(pause);
    if (!slept) co_return slept;
    auto read = co_await ReadKubelet();
    if (read) {
      problem_.clear();
      if (unsettled_until_ && steady_clock::now() >= *unsettled_until_) {
        unsettled_until_.reset();
        changed_();
      }
      continue;
    }
    if (read.error().code == ErrorCode::kCancelled) co_return Fail(read.error());
    unsettled_until_ = steady_clock::now() + options_.kubelet_settle;
    if (problem_ != read.error().message) {
      log_.Warning("the kubelet's pods cannot be read, keeping what is known",
                   {{"error", read.error().message}});
    }
    problem_ = read.error().message;
  }
}

bool ClusterPods::complete() const { return listed_ && pods_.problems() == 0 && !unsettled_until_; }

// GET /pods, item by item. True if something changed.
asio::awaitable<Result<bool>> ClusterPods::ReadKubelet() {
  kube::ApiCall call{.verb = "list", .target = "/pods"};
  auto opened = co_await kubelet_->Open(std::move(call));
  if (!opened) co_return Fail(opened.error());
  kube::ApiStream stream = *std::move(opened);
  if (stream.status() != 200) {
    auto rest = co_await kubelet_->ReadRest(&stream, kMaxErrorBody);
    const std::string body = rest ? *rest : std::string();
    co_return Fail(kube::ErrorOfReply(stream.status(), body, "GET /pods of the kubelet"));
  }
  pods_.DropPending();
  auto read = co_await ReadKubeletBody(&stream);
  if (!read) co_return Fail(read.error());
  kubelet_->Release(std::move(stream));
  if (!listed_) unsettled_until_ = steady_clock::now() + options_.kubelet_settle;
  const bool changed = pods_.Replace();
  if (!std::exchange(listed_, true) || changed) changed_();
  co_return changed;
}

asio::awaitable<Result<>> ClusterPods::ReadKubeletBody(kube::ApiStream* stream) {
  kube::ListFramer framer(kMaxPodBytes);
  for (;;) {
    auto piece = co_await stream->ReadSome(kBodyIdle);
    if (!piece) co_return Fail(piece.error());
    if (!*piece) break;
    auto items = framer.Feed(**piece);
    if (!items) co_return Fail(items.error());
    for (const std::string& item : *items) {
      auto object = document::ParseJson(item);
      if (!object) co_return Fail(object.error());
      pods_.Collect(*object);
    }
  }
  if (!framer.whole()) co_return Fail(ErrorCode::kCorrupt, "the kubelet's list of pods was cut");
  co_return Result<>{};
}

void ClusterPods::Replace() {
  const bool changed = pods_.Replace();
  if (!std::exchange(listed_, true) || changed) changed_();
}

void ClusterPods::Upsert(document::Node object) {
  if (pods_.Upsert(object)) changed_();
}

void ClusterPods::Remove(document::Node object) {
  if (pods_.Remove(object)) changed_();
}

}  // namespace seccompd::agent
