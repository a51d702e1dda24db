// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/net/http.h"

namespace seccompd::net {

struct HttpServerOptions {
  std::size_t max_connections = 64;  // one more closes the one that has been idle longest
  std::uint32_t max_header_bytes = 8 * 1024;
  std::uint64_t max_body_bytes = 1024;  // no path of ours takes one
  std::chrono::seconds read_deadline{10};
  std::chrono::seconds idle_deadline{75};  // longer than a scrape interval of one minute
  std::chrono::seconds write_deadline{20};
};

// A small HTTP/1.1 server on our loop (RFC 9112): GET and HEAD, keep-alive, gzip. Memory per
// connection is bounded by the options; a slow or silent client costs one connection until a
// deadline.
class HttpServer {
 public:
  // Borrows `io`; the handler is called on it.
  HttpServer(boost::asio::io_context& io, HttpHandler handler, HttpServerOptions options = {});
  ~HttpServer();

  // Binds and listens; returns the address in use, "127.0.0.1:41234". Only numeric hosts.
  [[nodiscard]] base::Result<std::string> Listen(const std::string& address);

  // Accepts until the loop is stopped; then closes every connection.
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Run();

  [[nodiscard]] std::size_t connections() const;
  // Answers by path (unknown ones as "other") and status.
  [[nodiscard]] const std::map<std::pair<std::string, int>, std::uint64_t>& answers() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace seccompd::net
