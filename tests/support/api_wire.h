// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/api_state.h"

namespace seccompd::test_support {

// The server's end of one connection, with or without TLS. False means that the client is gone.
class ApiWire {
 public:
  ApiWire(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls);

  boost::asio::awaitable<bool> Handshake();
  // The next request with its body; its fields from the path are not set yet.
  boost::asio::awaitable<bool> ReadRequest(ApiRequest* request);
  boost::asio::awaitable<bool> Write(std::string bytes);
  // Calls `gone` when bytes or the end of the stream come, once.
  void WhenReadable(std::function<void()> gone);
  void Close();
  [[nodiscard]] boost::asio::any_io_executor executor() { return socket_.get_executor(); }
  // By RST: the client sees ECONNRESET.
  void Reset();

 private:
  boost::asio::awaitable<bool> ReadMore();

  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  std::string buffer_;
};

[[nodiscard]] std::string RenderResponseHead(const ApiResponse& response,
                                             const std::string& framing);
[[nodiscard]] std::string ChunkOf(const std::string& bytes);

}  // namespace seccompd::test_support
