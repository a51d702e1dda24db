// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <tuple>

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using Transferred = std::tuple<error_code, std::size_t>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 4'096;  // what an idle session keeps
constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;

error_code Truncated() {
  return asio::ssl::error::make_error_code(asio::ssl::error::stream_truncated);
}

// Of an operation that did not succeed; none where it waits for input.
error_code ProblemOf(int why) {
  switch (why) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
      return {};
    case SSL_ERROR_ZERO_RETURN:
      return asio::error::make_error_code(asio::error::eof);
    default: {
      const unsigned long first = ERR_get_error();
      if (first == 0) return Truncated();
      return {static_cast<int>(first), asio::error::get_ssl_category()};
    }
  }
}

}  // namespace

void TlsStream::Free::operator()(ssl_st* session) const { SSL_free(session); }

TlsStream::TlsStream(Wire& wire, ssl_st* session) : wire_(wire), session_(session) {
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  if (session_ && in_ != nullptr && out_ != nullptr) {
    SSL_set_bio(session, in_, out_);  // owns both
    return;
  }
  BIO_free(in_);
  BIO_free(out_);
  session_.reset();
}

TlsStream::~TlsStream() = default;

TlsStream::Attempt TlsStream::Try(Operation operation, void* data, std::size_t bytes) {
  Attempt attempt;
  if (!session_) {
    attempt.problem = asio::error::make_error_code(asio::error::no_memory);
    return attempt;
  }
  ERR_clear_error();  // SSL_get_error(3) looks at the whole queue
  int result = 0;
  switch (operation) {
    case Operation::kHandshake:
      result = SSL_do_handshake(session_.get());
      break;
    case Operation::kRead:
      result = SSL_read_ex(session_.get(), data, bytes, &attempt.bytes);
      break;
    case Operation::kWrite:
      result = SSL_write_ex(session_.get(), data, bytes, &attempt.bytes);
      break;
  }
  attempt.done = result == 1;
  if (attempt.done) return attempt;
  const int why = SSL_get_error(session_.get(), result);
  attempt.wants_input = why == SSL_ERROR_WANT_READ;
  attempt.problem = ProblemOf(why);
  return attempt;
}

// What was to be sent is sent in any case: it may be the alert that tells the peer what is wrong.
awaitable<TlsStream::Moved> TlsStream::Run(Operation operation, void* data, std::size_t bytes) {
  for (;;) {
    const Attempt attempt = Try(operation, data, bytes);
    error_code flushed;
    if (session_) {
      flushed = co_await Flush();
    }
    Moved moved;
    moved.bytes = attempt.bytes;
    if (attempt.done && operation == Operation::kRead) co_return moved;
    moved.code = attempt.problem ? attempt.problem : flushed;
    if (attempt.done || moved.code) co_return moved;
    if (attempt.wants_input) {
      moved.code = co_await Fill();
    }
    if (moved.code) co_return moved;
  }
}

awaitable<error_code> TlsStream::Flush() {
  char* data = nullptr;
  const long size = BIO_get_mem_data(out_, &data);
  asio::const_buffer rest = asio::buffer(data, static_cast<std::size_t>(std::max(size, 0L)));
  while (rest.size() > 0) {
    const Transferred sent = co_await wire_.async_write_some(rest, kAwait);
    const error_code code = std::get<0>(sent);
    if (code) co_return code;
    rest += std::get<1>(sent);
  }
  if (size > 0) BIO_reset(out_);
  co_return error_code();
}

awaitable<error_code> TlsStream::Fill() {
  std::array<char, kReadBytes> bytes{};
  const auto room = asio::buffer(bytes);
  const Transferred read = co_await wire_.async_read_some(room, kAwait);
  const error_code code = std::get<0>(read);
  if (code == asio::error::eof) co_return Truncated();
  if (code) co_return code;
  const auto size = static_cast<int>(std::get<1>(read));
  const bool taken = BIO_write(in_, bytes.data(), size) == size;
  co_return taken ? error_code() : asio::error::make_error_code(asio::error::no_memory);
}

awaitable<error_code> TlsStream::Handshake(TlsRole role) {
  if (role == TlsRole::kServer) {
    SSL_set_accept_state(session_.get());
  } else {
    SSL_set_connect_state(session_.get());
  }
  const Moved moved = co_await Run(Operation::kHandshake, nullptr, 0);
  co_return moved.code;
}

awaitable<TlsStream::Moved> TlsStream::ReadSome(void* room, std::size_t bytes) {
  return Run(Operation::kRead, room, bytes);
}

// A record at a time, so that no more than one is held.
awaitable<error_code> TlsStream::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kRecordBytes);
    auto* data = const_cast<char*>(piece.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    const Moved moved = co_await Run(Operation::kWrite, data, piece.size());
    if (moved.code) co_return moved.code;
    bytes.remove_prefix(moved.bytes);
  }
  co_return error_code();
}

}  // namespace seccompd::net
