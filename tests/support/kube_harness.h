// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/kube/api_client.h"
#include "common/kube/collection_loop.h"
#include "common/net/supervisor.h"

namespace seccompd::test_support {

// What the client did, in the order it told it.
class ApiLog : public kube::ApiObserver {
 public:
  void OnRequest(std::string_view verb, std::string_view method, std::string_view host,
                 std::string_view code, std::chrono::nanoseconds latency) override;
  void OnRetry(std::string_view verb, std::string_view host, std::string_view code) override;
  void OnConnect(std::string_view host) override;
  void OnWarning(std::string_view text) override { warnings.emplace_back(text); }
  void OnCredentials(const kube::CredentialChange& change) override { changes.push_back(change); }

  std::vector<std::string> requests;  // "list GET 200"
  std::vector<std::string> retries;   // "list 429"
  std::vector<std::string> warnings;
  std::vector<kube::CredentialChange> changes;
  std::size_t connects = 0;
};

// Keeps namespace/name -> resourceVersion, and a log of what came.
class NameSink : public kube::CollectionSink {
 public:
  void Collect(document::Node object) override;
  void Replace() override;
  void DropPending() override;
  void Upsert(document::Node object) override;
  void Remove(document::Node object) override;

  std::map<std::string, std::string> objects;
  std::vector<std::string> log;  // "replace 2", "upsert ns/a", "remove ns/a", "drop"

 private:
  std::map<std::string, std::string> pending_;
};

[[nodiscard]] kube::ClusterConfig ConfigFor(const std::string& url);
// Pauses of milliseconds instead of seconds.
[[nodiscard]] kube::ApiClientOptions QuickClient();
[[nodiscard]] kube::CollectionOptions QuickLoop();

// A client and loops on an io_context of the test's thread.
class KubeHarness {
 public:
  explicit KubeHarness(kube::ClusterConfig config, kube::ApiClientOptions options = QuickClient(),
                       kube::CredentialOptions credentials = {});
  ~KubeHarness();
  KubeHarness(const KubeHarness&) = delete;
  KubeHarness& operator=(const KubeHarness&) = delete;

  kube::CollectionLoop& Follow(kube::CollectionSpec spec, kube::CollectionSink& sink,
                               kube::CollectionOptions options = QuickLoop());
  // Turns the io_context until `done` holds; false if it does not within `limit`.
  [[nodiscard]] bool Until(const std::function<bool()>& done,
                           std::chrono::milliseconds limit = std::chrono::seconds(10));
  void For(std::chrono::milliseconds time);

  template <class T>
  T Run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    supervisor_->Spawn("call", Keep(std::move(work), &result));
    static_cast<void>(Until([&result] { return result.has_value(); }, std::chrono::seconds(30)));
    return std::move(result).value();
  }

  ApiLog log;
  double random = 0.5;
  boost::asio::io_context io{1};
  std::unique_ptr<kube::ApiClient> client;

 private:
  template <class T>
  [[nodiscard]] static boost::asio::awaitable<base::Result<>> Keep(boost::asio::awaitable<T> work,
                                                                   std::optional<T>* result) {
    T value = co_await std::move(work);
    result->emplace(std::move(value));
    co_return base::Result<>();
  }

  std::vector<std::unique_ptr<kube::CollectionLoop>> loops_;
  std::unique_ptr<net::Supervisor> supervisor_;
};

[[nodiscard]] kube::CollectionSpec ConfigMaps(const std::string& name_space = "web");
// A ConfigMap or Pod as JSON, for ApiServer::Put.
[[nodiscard]] std::string ConfigMapJson(const std::string& name, const std::string& text = "{}",
                                        const std::string& name_space = "web",
                                        bool labelled = true);
[[nodiscard]] std::string PodJson(const std::string& name, const std::string& node,
                                  const std::string& name_space = "web");

}  // namespace seccompd::test_support
