// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/net/http_message.h"
#include "common/net/tls.h"
#include "common/net/url.h"

namespace seccompd::net {

// An HTTP/1.1 client: one connection, one request at a time, every wait with a deadline. Timeouts
// of connecting are client-go's. Source of truth: RFC 9110, RFC 9112; facts on API servers stand in
// common/kube.

struct ConnectOptions {
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(30);  // name, TCP
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(10);
};

// Errors: kDeadlineExceeded; kUnavailable (refused, reset, closed: try again); kPermissionDenied
// (the certificate is not what it must be); kCorrupt (no TLS, no HTTP, bad gzip);
// kResourceExhausted (more than a limit); kCancelled. After any error the connection is closed.
class HttpConnection {
 public:
  // `tls` is needed for an https URL and ignored for http. An IP address is used as it is; a name
  // is looked up by getaddrinfo on a thread that Asio keeps from then on, all addresses are tried
  // in turn. The TCP connection notices a dead peer within about a minute (keepalive,
  // TCP_USER_TIMEOUT).
  [[nodiscard]] static boost::asio::awaitable<base::Result<HttpConnection>> Connect(
      Url url, std::optional<TlsContext> tls, ConnectOptions options = ConnectOptions());
  // A server on a unix socket, spoken to without TLS.
  [[nodiscard]] static boost::asio::awaitable<base::Result<HttpConnection>> ConnectUnix(
      std::string path, ConnectOptions options = ConnectOptions());

  HttpConnection(HttpConnection&&) noexcept;
  HttpConnection& operator=(HttpConnection&&) noexcept;
  ~HttpConnection();

  // A request and its whole answer within `timeout`, the inflated body at most `max_body` bytes.
  [[nodiscard]] boost::asio::awaitable<base::Result<Reply>> Exchange(
      ClientRequest request, std::chrono::milliseconds timeout, std::size_t max_body);

  // A request whose answer is a stream. First the head, within `timeout` ...
  [[nodiscard]] boost::asio::awaitable<base::Result<ReplyHead>> Begin(
      ClientRequest request, std::chrono::milliseconds timeout);
  // ... then pieces of the body as they come, framing and compression removed, split anywhere.
  // nullopt is the proper end; a connection that just ends is kUnavailable. `idle` is the longest
  // wait for a byte from the wire; a piece may be empty if what came does not yet make one.
  [[nodiscard]] boost::asio::awaitable<base::Result<std::optional<std::string>>> ReadSome(
      std::chrono::milliseconds idle);

  // The last answer was read to its end and the server will take another request.
  [[nodiscard]] bool reusable() const;
  // Requests begun; the first one's failure says more than that of one on a connection gone stale.
  [[nodiscard]] std::size_t requests() const;
  void Close();

 private:
  class Impl;
  explicit HttpConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace seccompd::net
