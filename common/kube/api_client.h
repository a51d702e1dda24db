// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/document/document.h"
#include "common/kube/auth_credentials.h"
#include "common/net/http_client.h"

namespace seccompd::kube {

// What an API client does, told to whoever counts it. Label values are client-go's
// (component-base/metrics/prometheus/restclient): `code` is the HTTP status or "<error>".
class ApiObserver {
 public:
  virtual ~ApiObserver() = default;
  // One request and the head of its answer; a watch's latency is that of its head.
  virtual void OnRequest(std::string_view verb, std::string_view method, std::string_view host,
                         std::string_view code, std::chrono::nanoseconds latency) {
    static_cast<void>(verb), static_cast<void>(method), static_cast<void>(host);
    static_cast<void>(code), static_cast<void>(latency);
  }
  virtual void OnRetry(std::string_view verb, std::string_view host, std::string_view code) {
    static_cast<void>(verb), static_cast<void>(host), static_cast<void>(code);
  }
  virtual void OnConnect(std::string_view host) { static_cast<void>(host); }
  // Once per text; already printable.
  virtual void OnWarning(std::string_view text) { static_cast<void>(text); }
  virtual void OnCredentials(const CredentialChange& change) { static_cast<void>(change); }
};

struct ApiClientOptions {
  std::string user_agent;  // "seccompd/1.4.0 (linux/amd64) kubernetes/1a2b3c4"
  net::ConnectOptions connect = {};
  std::chrono::milliseconds request_timeout{60'000};  // the server's own for all but watches
  int max_retries = 10;                               // of one request (rest/with_retry.go)
  std::chrono::milliseconds reset_pause{1'000};       // after a lost connection, stretched by 1..2
  std::chrono::milliseconds most_retry_after{120'000};  // a longer one goes back to the caller
  std::chrono::milliseconds redial_after{3'600'000};    // a connection serves for 0.5 .. 1.5 of it
  std::chrono::milliseconds idle_close{30'000};
  std::size_t max_body = std::size_t{8} << 20;  // of a whole answer
};

struct ApiCall {
  std::string verb = "get";  // get, list, watch, create, patch: for the metrics
  std::string method = "GET";
  std::string target;  // "/api/v1/pods?limit=500", already escaped
  std::string body = {};
  std::string content_type = {};
  std::string accept = "application/json";
  std::string impersonate_user = {};                      // beats the configuration's
  std::optional<std::chrono::milliseconds> timeout = {};  // instead of request_timeout
};

// The answer to a call under way, its body still on the wire.
class ApiStream {
 public:
  [[nodiscard]] int status() const { return head_.status; }
  [[nodiscard]] const net::ReplyHead& head() const { return head_; }
  // As HttpConnection::ReadSome.
  [[nodiscard]] boost::asio::awaitable<base::Result<std::optional<std::string>>> ReadSome(
      std::chrono::milliseconds idle);
  // A read under way ends with an error.
  void Close() { connection_.Close(); }

 private:
  friend class ApiClient;
  ApiStream(net::HttpConnection connection, net::ReplyHead head, base::MonoTime retire,
            std::uint64_t generation)
      : connection_(std::move(connection)),
        head_(std::move(head)),
        retire_(retire),
        generation_(generation) {}

  net::HttpConnection connection_;
  net::ReplyHead head_;
  base::MonoTime retire_;
  std::uint64_t generation_;
};

struct ApiReply {
  int status = 0;
  std::optional<std::chrono::seconds> retry_after = {};
  std::string body = {};
};

enum class PatchType : std::uint8_t { kJson, kMerge, kStrategicMerge };

// Talks to one API server over HTTP/1.1 connections that it keeps while they are fresh. One thread;
// several coroutines may call at once, each call has a connection of its own. Semantics are
// client-go's (rest/request.go, rest/with_retry.go): Retry-After of 429 and 5xx is obeyed at most
// `max_retries` times, a GET whose connection was lost is sent again, a 401 re-reads the
// credentials and is tried once more if they changed. Must outlive its calls and streams.
class ApiClient {
 public:
  using Random = std::function<double()>;  // [0, 1)
  // `observer` may be null; it is borrowed.
  ApiClient(Credentials credentials, ApiClientOptions options, ApiObserver* observer,
            Random random);
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  // Any HTTP status is an answer; an Error means that there was none.
  [[nodiscard]] boost::asio::awaitable<base::Result<ApiStream>> Open(ApiCall call);
  [[nodiscard]] boost::asio::awaitable<base::Result<ApiReply>> Call(ApiCall call);
  // The rest of a body that is worth reading whole, at most `max_bytes`; then Release.
  [[nodiscard]] boost::asio::awaitable<base::Result<std::string>> ReadRest(ApiStream* stream,
                                                                           std::size_t max_bytes);
  // Gives the connection of a stream back; it is used again if its body was read to the end.
  void Release(ApiStream stream);

  // Objects. An HTTP status other than 2xx is an Error: 401 kUnauthorized, 403 kForbidden, 404
  // kNotFound, 409 kAlreadyExists, 410 kGone, 422 kInvalidArgument, 429 and 5xx kUnavailable.
  [[nodiscard]] boost::asio::awaitable<base::Result<document::Node>> Get(std::string target);
  [[nodiscard]] boost::asio::awaitable<base::Result<document::Node>> Create(std::string target,
                                                                            std::string json);
  [[nodiscard]] boost::asio::awaitable<base::Result<document::Node>> Patch(std::string target,
                                                                           PatchType type,
                                                                           std::string json);

  // Closes connections that have been idle for `idle_close` or are too old; every call does, too.
  void CloseIdle(base::MonoTime now);

  [[nodiscard]] const ClusterConfig& config() const { return credentials_.config(); }
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::size_t idle_connections() const { return idle_.size(); }
  [[nodiscard]] double random() const { return random_(); }

 private:
  struct Idle {
    net::HttpConnection connection;
    base::MonoTime retire;
    base::MonoTime since;
    std::uint64_t generation;
  };
  struct Attempt {  // of one call
    bool fresh_connection = false;
    bool retried_unauthorized = false;
    int retries = 0;
  };

  [[nodiscard]] boost::asio::awaitable<base::Result<Idle>> TakeConnection(bool fresh);
  [[nodiscard]] boost::asio::awaitable<base::Result<ApiStream>> TryOnce(const ApiCall* call,
                                                                        bool fresh, bool* was_used);
  [[nodiscard]] boost::asio::awaitable<base::Result<bool>> ShouldRetry(
      const ApiCall* call, base::Result<ApiStream>* answer, bool was_used, Attempt* attempt);
  [[nodiscard]] boost::asio::awaitable<base::Result<bool>> RetryStatus(const ApiCall* call,
                                                                       ApiStream* stream,
                                                                       Attempt* attempt);
  [[nodiscard]] boost::asio::awaitable<base::Result<document::Node>> CallForObject(ApiCall call);
  bool RefreshCredentials();
  void ReportWarnings(const net::ReplyHead& head);
  [[nodiscard]] net::ClientRequest RequestOf(const ApiCall& call) const;

  Credentials credentials_;
  ApiClientOptions options_;
  ApiObserver* observer_;
  Random random_;
  std::string host_;
  std::vector<Idle> idle_;
  std::vector<std::string> warnings_;  // already reported
};

// A non-2xx answer as an Error; `body` is a Status or plain text.
[[nodiscard]] base::Error ErrorOfReply(int status, std::string_view body, std::string_view what);

}  // namespace seccompd::kube
