// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tests/support/api_state.h"

namespace seccompd::test_support {

struct ApiServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string cert_pem = {};  // with its key: HTTPS
  std::string key_pem = {};
};

// How open watches are ended from outside.
enum class WatchEnd : std::uint8_t { kClean, kTrailer, kMidChunk, kReset };

// A Kubernetes API server for tests: real storage, history and selectors behind real HTTP/1.1, on a
// thread of its own. Answers have the shapes of a real server's; what fails, and how, is set in
// ApiBehaviour. Everything public may be called from the test's thread.
class ApiServer {
 public:
  explicit ApiServer(ApiServerOptions options = ApiServerOptions());
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  [[nodiscard]] std::string Url(std::string_view host = "") const;
  [[nodiscard]] std::uint16_t port() const { return port_; }

  // Runs `work` on the server's thread, gives its value, and lets watches see what changed.
  template <class Work>
  auto With(Work work) -> std::invoke_result_t<Work, ApiState&> {
    using Value = std::invoke_result_t<Work, ApiState&>;
    std::packaged_task<Value(ApiState&)> task(std::move(work));
    std::future<Value> value = task.get_future();
    Post([&task](ApiState& state) { task(state); });
    return value.get();
  }

  // Shorthands. `json` is an object without apiVersion and kind.
  std::uint64_t Put(const std::string& resource, const std::string& json);
  void Remove(const std::string& resource, const std::string& name_space, const std::string& name);
  void Fail(ApiFault fault);

  // To every open watch of `resource` ("": all), as one chunk, whatever it is.
  void SendRaw(const std::string& resource, const std::string& bytes);
  void EndWatches(WatchEnd end = WatchEnd::kClean, const std::string& resource = "");
  [[nodiscard]] std::size_t open_watches();

  // Requests so far, or those of one verb.
  [[nodiscard]] std::vector<ApiRequest> Requests(const std::string& verb = "");
  [[nodiscard]] std::size_t CountRequests(const std::string& verb = "");
  [[nodiscard]] std::size_t connections();

  // Nobody listens, every connection is cut; and then again, at the same port.
  void Stop();
  void Start();
  // New connections get this certificate.
  void UseCertificate(const std::string& cert_pem, const std::string& key_pem);

 private:
  class Impl;
  void Post(std::function<void(ApiState&)> work);

  std::uint16_t port_ = 0;
  ApiServerOptions options_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace seccompd::test_support
