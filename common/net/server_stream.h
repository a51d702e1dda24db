// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "common/base/unique_fd.h"
#include "common/net/tls_server.h"

namespace seccompd::net {

// One accepted connection of the HTTP server, plain or TLS. Every operation ends by the deadline
// that ExpiresAfter set last. Private to this folder.
class ServerStream {
 public:
  // nullptr: the descriptor cannot be used.
  [[nodiscard]] static std::unique_ptr<ServerStream> Make(
      boost::asio::io_context& io, base::UniqueFd fd, bool unix_domain,
      const std::optional<TlsServerContext>& tls);
  ~ServerStream();

  struct Moved {
    boost::system::error_code code;
    std::size_t bytes = 0;
  };
  void ExpiresAfter(std::chrono::milliseconds time);
  // Nothing to do on a plain connection.
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> Handshake();
  [[nodiscard]] boost::asio::awaitable<Moved> ReadSome(void* room, std::size_t bytes);
  // All of both; they must stay until then.
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> Write(std::string_view head,
                                                                        std::string_view body);
  void ShutdownSend();  // the client sees the end; what it still sends can be read
  void Close();         // whatever is under way ends

  // The client has shown a certificate that verified.
  [[nodiscard]] bool client_verified() const;

 private:
  class Impl;
  explicit ServerStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace seccompd::net
