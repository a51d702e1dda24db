// SPDX-License-Identifier: Apache-2.0
#include "common/net/server_stream.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <tuple>
#include <utility>

#include "common/net/tls_stream.h"

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Transferred = std::tuple<error_code, std::size_t>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace

class ServerStream::Impl {
 public:
  Impl(Socket socket, const std::optional<TlsServerContext>& tls) : plain(std::move(socket)) {
    if (tls) secure.emplace(plain, SSL_new(tls->native()));
  }

  TlsStream::Wire plain;
  std::optional<TlsStream> secure;  // after what it refers to
};

std::unique_ptr<ServerStream> ServerStream::Make(asio::io_context& io, base::UniqueFd fd,
                                                 bool unix_domain,
                                                 const std::optional<TlsServerContext>& tls) {
  Socket socket(io);
  const int family = unix_domain ? AF_UNIX : AF_INET;  // only asio's bookkeeping
  error_code code;
  socket.assign(asio::generic::stream_protocol(family, 0), fd.get(), code);
  if (code) return nullptr;
  static_cast<void>(fd.release());
  auto impl = std::make_unique<Impl>(std::move(socket), tls);
  return std::unique_ptr<ServerStream>(new ServerStream(std::move(impl)));
}

ServerStream::ServerStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServerStream::~ServerStream() = default;

void ServerStream::ExpiresAfter(std::chrono::milliseconds time) {
  impl_->plain.expires_after(time);
}

awaitable<error_code> ServerStream::Handshake() {
  if (!impl_->secure) co_return error_code();
  co_return co_await impl_->secure->Handshake(TlsRole::kServer);
}

awaitable<ServerStream::Moved> ServerStream::ReadSome(void* room, std::size_t bytes) {
  Moved moved;
  if (impl_->secure) {
    const TlsStream::Moved read = co_await impl_->secure->ReadSome(room, bytes);
    moved.code = read.code;
    moved.bytes = read.bytes;
  } else {
    const auto buffer = asio::buffer(room, bytes);
    const Transferred read = co_await impl_->plain.async_read_some(buffer, kAwait);
    moved.code = std::get<0>(read);
    moved.bytes = std::get<1>(read);
  }
  co_return moved;
}

awaitable<error_code> ServerStream::Write(std::string_view head, std::string_view body) {
  if (impl_->secure) {
    const error_code code = co_await impl_->secure->Write(head);
    if (code) co_return code;
    co_return co_await impl_->secure->Write(body);
  }
  const std::array<asio::const_buffer, 2> both = {asio::buffer(head), asio::buffer(body)};
  const Transferred written = co_await asio::async_write(impl_->plain, both, kAwait);
  co_return std::get<0>(written);
}

void ServerStream::ShutdownSend() {
  error_code ignored;
  impl_->plain.socket().shutdown(asio::socket_base::shutdown_send, ignored);
}

void ServerStream::Close() { impl_->plain.close(); }

bool ServerStream::client_verified() const {
  return impl_->secure && ClientVerified(impl_->secure->native());
}

}  // namespace seccompd::net
