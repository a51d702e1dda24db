// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct bio_st;  // BIO of OpenSSL
struct ssl_st;  // SSL

namespace seccompd::net {

enum class TlsRole : std::uint8_t { kClient, kServer };

// A TLS session over an open stream, whose deadlines count. asio::ssl::stream keeps 68 KiB of
// record buffers a session; this one keeps a page while it waits, and OpenSSL's own only for a
// record under way (SSL_CTX_set_mode(3), SSL_MODE_RELEASE_BUFFERS). One operation at a time.
// Private to this folder.
class TlsStream {
 public:
  using Wire = boost::beast::basic_stream<boost::asio::generic::stream_protocol>;

  // `session` becomes its own (SSL_new(3); with null every operation fails); `wire` is borrowed.
  TlsStream(Wire& wire, ssl_st* session);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  struct Moved {
    boost::system::error_code code;
    std::size_t bytes = 0;
  };
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> Handshake(TlsRole role);
  // eof: the peer said that it ends; stream_truncated: the connection ended without.
  [[nodiscard]] boost::asio::awaitable<Moved> ReadSome(void* room, std::size_t bytes);
  // All of it; it must stay until then.
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> Write(std::string_view bytes);

  [[nodiscard]] ssl_st* native() const { return session_.get(); }

 private:
  enum class Operation : std::uint8_t { kHandshake, kRead, kWrite };
  struct Free {
    void operator()(ssl_st* session) const;
  };
  struct Attempt {
    bool done = false;
    bool wants_input = false;
    boost::system::error_code problem;
    std::size_t bytes = 0;
  };

  [[nodiscard]] Attempt Try(Operation operation, void* data, std::size_t bytes);
  [[nodiscard]] boost::asio::awaitable<Moved> Run(Operation operation, void* data,
                                                  std::size_t bytes);
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> Flush();
  [[nodiscard]] boost::asio::awaitable<boost::system::error_code> Fill();

  Wire& wire_;
  std::unique_ptr<ssl_st, Free> session_;
  bio_st* in_ = nullptr;   // of session_: what the peer sent, not decrypted yet
  bio_st* out_ = nullptr;  // of session_: what is to be sent
};

}  // namespace seccompd::net
