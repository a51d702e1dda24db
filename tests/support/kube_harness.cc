// SPDX-License-Identifier: Apache-2.0
#include "tests/support/kube_harness.h"

#include "common/base/strings.h"

namespace seccompd::test_support {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using document::Node;

std::string Meta(const Node& object, std::string_view field) {
  const Node* metadata = object.Find("metadata");
  const Node* value = metadata == nullptr ? nullptr : metadata->Find(field);
  return value == nullptr ? "" : value->scalar;
}
std::string NameOf(const Node& object) {
  const std::string space = Meta(object, "namespace");
  return space.empty() ? Meta(object, "name") : space + "/" + Meta(object, "name");
}

}  // namespace

void ApiLog::OnRequest(std::string_view verb, std::string_view method, std::string_view host,
                       std::string_view code, std::chrono::nanoseconds latency) {
  static_cast<void>(host);
  static_cast<void>(latency);
  requests.push_back(std::string(verb) + " " + std::string(method) + " " + std::string(code));
}
void ApiLog::OnRetry(std::string_view verb, std::string_view host, std::string_view code) {
  static_cast<void>(host);
  retries.push_back(std::string(verb) + " " + std::string(code));
}
void ApiLog::OnConnect(std::string_view host) {
  static_cast<void>(host);
  ++connects;
}

void NameSink::Collect(Node object) { pending_[NameOf(object)] = Meta(object, "resourceVersion"); }
void NameSink::Replace() {
  objects = std::move(pending_);
  pending_.clear();
  log.push_back("replace " + std::to_string(objects.size()));
}
void NameSink::DropPending() {
  pending_.clear();
  log.emplace_back("drop");
}
void NameSink::Upsert(Node object) {
  objects[NameOf(object)] = Meta(object, "resourceVersion");
  log.push_back("upsert " + NameOf(object));
}
void NameSink::Remove(Node object) {
  objects.erase(NameOf(object));
  log.push_back("remove " + NameOf(object));
}

kube::ClusterConfig ConfigFor(const std::string& url) {
  kube::ClusterConfig config;
  config.server = net::ParseUrl(url).value();
  return config;
}

kube::ApiClientOptions QuickClient() {
  kube::ApiClientOptions options;
  options.user_agent = "seccompd/test (linux/amd64) kubernetes/0000000";
  options.request_timeout = 2s;
  options.reset_pause = 10ms;
  return options;
}

kube::CollectionOptions QuickLoop() {
  kube::CollectionOptions options;
  options.reflector.backoff_first = 20ms;
  options.reflector.backoff_most = 200ms;
  options.reflector.very_short_watch = 50ms;
  return options;
}

KubeHarness::KubeHarness(kube::ClusterConfig config, kube::ApiClientOptions options,
                         kube::CredentialOptions credentials) {
  const base::WallTime wall =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  auto opened =
      kube::Credentials::Open(std::move(config), std::move(credentials), Clock::now(), wall);
  client = std::make_unique<kube::ApiClient>(std::move(opened).value(), std::move(options), &log,
                                             [this] { return random; });
  supervisor_ = std::make_unique<net::Supervisor>(io);
}

KubeHarness::~KubeHarness() {
  supervisor_->Stop();
  static_cast<void>(supervisor_->Run());
}

kube::CollectionLoop& KubeHarness::Follow(kube::CollectionSpec spec, kube::CollectionSink& sink,
                                          kube::CollectionOptions options) {
  loops_.push_back(std::make_unique<kube::CollectionLoop>(*client, std::move(spec), options, sink));
  supervisor_->Spawn("loop", loops_.back()->Run());
  return *loops_.back();
}

bool KubeHarness::Until(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (!done()) {
    if (Clock::now() >= deadline) return false;
    io.restart();
    io.run_for(5ms);
  }
  return true;
}

void KubeHarness::For(std::chrono::milliseconds time) {
  const auto deadline = Clock::now() + time;
  while (Clock::now() < deadline) {
    io.restart();
    io.run_for(5ms);
  }
}

kube::CollectionSpec ConfigMaps(const std::string& name_space) {
  return {.resource = "configmaps",
          .path = "/api/v1/namespaces/" + name_space + "/configmaps",
          .label_selector = "seccompd.io/profiles=true"};
}

std::string ConfigMapJson(const std::string& name, const std::string& text,
                          const std::string& name_space, bool labelled) {
  const std::string labels = labelled ? R"(,"labels":{"seccompd.io/profiles":"true"})" : "";
  return R"({"metadata":{"name":")" + name + R"(","namespace":")" + name_space + '"' + labels +
         R"(},"data":{"a.json":")" + base::EscapeJson(text) + R"("}})";
}

std::string PodJson(const std::string& name, const std::string& node,
                    const std::string& name_space) {
  return R"({"metadata":{"name":")" + name + R"(","namespace":")" + name_space +
         R"("},"spec":{"nodeName":")" + node +
         R"(","containers":[{"name":"app","image":"registry.k8s.io/pause:3.9"}]},)" +
         R"("status":{"phase":"Running"}})";
}

}  // namespace seccompd::test_support
