// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/http_text.h"
#include "common/net/tls_server.h"

namespace seccompd::net {

// A small HTTP/1.1 server for GET and HEAD on our own loop: keep-alive, pipelining, gzip, no
// request bodies, bounded in connections, memory and time. Source of truth: RFC 9110, RFC 9112.

struct Request {
  std::string path;                   // decoded, starts with '/'
  std::vector<QueryParameter> query;  // decoded, in order
  std::string accept;                 // Accept as sent, "" if absent: see QualityOf
  std::optional<uid_t> peer_uid;      // of a unix socket's client
  bool client_verified = false;       // by TLS: it has shown a certificate that verified
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::string handler = "other";  // label of the request counter; one of a few constants
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// Called on the loop: it must not block. For HEAD, too; the server leaves out the body.
using Handler = std::function<Response(const Request&)>;

// Asked for each connection: nullopt serves it in plain text.
using TlsSource = std::function<std::optional<TlsServerContext>()>;

struct HttpServerLimits {
  std::size_t max_connections = 64;  // when full, who waits longest for a request is closed
  std::size_t max_header_bytes = 8'192;
  std::size_t gzip_from_bytes = 1'024;  // smaller bodies are not worth compressing
  std::chrono::milliseconds header_timeout = std::chrono::seconds(10);  // first byte to last
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);    // between two requests
  std::chrono::milliseconds write_timeout = std::chrono::seconds(10);   // for a whole response
  std::chrono::milliseconds stop_grace =
      std::chrono::seconds(1);  // for responses under way at stop
};

struct RequestKey {
  std::string handler;  // Response::handler; "none" where the server itself answered
  int code = 0;

  auto operator<=>(const RequestKey&) const = default;  // NOLINT(modernize-use-nullptr): no pointer
};
using RequestCounts = std::map<RequestKey, std::uint64_t>;

class HttpServer {
 public:
  // HOST:PORT as ParseListenAddress takes it. The socket listens on return; port 0 picks one.
  [[nodiscard]] static base::Result<HttpServer> ListenTcp(boost::asio::io_context& io,
                                                          std::string_view address, Handler handler,
                                                          HttpServerLimits limits = {},
                                                          TlsSource tls = {});
  // A socket of mode 0600. Its folder is made with 0700 if missing, and must belong to this uid and
  // be writable by nobody else. A dead server's socket is replaced, a live one's is kUnavailable.
  // Clients other than root and this uid get their connection closed.
  [[nodiscard]] static base::Result<HttpServer> ListenUnix(boost::asio::io_context& io,
                                                           const std::string& path, Handler handler,
                                                           HttpServerLimits limits = {});
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  ~HttpServer();

  // Where it really listens: "127.0.0.1:43211", "[::1]:80", or the path of the unix socket.
  [[nodiscard]] const std::string& address() const;

  // Serves until cancelled: then it closes waiting connections at once, lets responses under way
  // finish within stop_grace, and returns kCancelled. No error of a client or of accept ends it.
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Serve();

  [[nodiscard]] const RequestCounts& requests() const;
  [[nodiscard]] std::size_t connections() const;  // open now

 private:
  class Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with the coroutines, whose frames the io_context owns
};

}  // namespace seccompd::net
