// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_client.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <limits>
#include <tuple>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/net/errors.h"
#include "common/net/gzip.h"
#include "common/net/http_text.h"
#include "common/net/resolve.h"
#include "common/net/tcp_options.h"
#include "common/net/tls_stream.h"

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using base::ErrorCode;
using base::Fail;
using base::MonoTime;
using base::Result;
using boost::system::error_code;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Protocol = asio::generic::stream_protocol;
using Stream = TlsStream::Wire;
using Parser = http::response_parser<http::buffer_body>;
using Transferred = std::tuple<error_code, std::size_t>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxHeaderBytes = 65'536;
constexpr std::size_t kReadBytes =
    4'096;  // an idle watch keeps that much; TLS reads whole records anyway
constexpr int kMaxInterimReplies = 8;  // 1xx before the answer

base::Error TooLate(std::string_view what) {
  return base::Error{.code = ErrorCode::kDeadlineExceeded,
                     .message = std::string(what) + ": not within the deadline"};
}

ReplyHead HeadOf(const Parser& parser) {
  ReplyHead head;
  head.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    const auto name = field.name_string();
    const auto value = field.value();
    head.headers.emplace_back(std::string(name.data(), name.size()),
                              std::string(value.data(), value.size()));
  }
  const auto seconds = base::ParseInt<std::uint32_t>(head.Header("Retry-After"));
  if (seconds) head.retry_after = std::chrono::seconds(*seconds);
  return head;
}

}  // namespace

class HttpConnection::Impl {
 public:
  Impl(const asio::any_io_executor& executor, std::string authority, std::string prefix)
      : stream_(executor), authority_(std::move(authority)), prefix_(std::move(prefix)) {}

  awaitable<Result<>> Open(Protocol::endpoint endpoint, MonoTime deadline);
  awaitable<Result<>> Handshake(TlsContext context, std::string host, MonoTime deadline);
  awaitable<Result<ReplyHead>> Begin(ClientRequest request, MonoTime deadline,
                                     std::size_t max_inflated);
  awaitable<Result<std::optional<std::string>>> ReadPiece(MonoTime deadline);
  awaitable<Result<Reply>> Exchange(ClientRequest request, MonoTime deadline, std::size_t max_body);

  [[nodiscard]] bool reusable() const {
    return open_ &&
           (!parser_ || (parser_->is_done() && parser_->keep_alive() && buffer_.size() == 0));
  }
  [[nodiscard]] std::size_t requests() const { return requests_; }
  void Close() {
    open_ = false;
    stream_.close();
  }

 private:
  awaitable<Result<bool>> ReadBytes(MonoTime deadline);
  awaitable<Result<>> WriteBytes(std::string bytes, MonoTime deadline);
  awaitable<Result<>> ReadHeader(MonoTime deadline);
  Result<> StartBody(std::size_t max_inflated);
  Result<std::string> ParseBody();
  Result<> EndOfInput();

  // An error ends the connection: nobody knows what the next byte would mean.
  tl::unexpected<base::Error> Break(base::Error error) {
    Close();
    return Fail(std::move(error));
  }
  tl::unexpected<base::Error> Break(const error_code& code, std::string_view what) {
    return Break(ErrorFrom(code, what));
  }

  Stream stream_;
  std::optional<TlsStream> tls_;
  std::string authority_;
  std::string prefix_;
  beast::flat_buffer buffer_{kMaxHeaderBytes + kReadBytes};
  std::optional<Parser> parser_;  // of the answer under way
  std::optional<GzipInflater> inflater_;
  std::size_t requests_ = 0;
  bool open_ = false;
};

awaitable<Result<>> HttpConnection::Impl::Open(Protocol::endpoint endpoint, MonoTime deadline) {
  stream_.close();
  const int family = endpoint.protocol().family();
  CO_TRY_ASSIGN(base::UniqueFd fd, MakeClientSocket(family));
  error_code code;
  stream_.socket().assign(endpoint.protocol(), fd.get(), code);
  if (code) co_return Fail(ErrorFrom(code, "socket"));
  static_cast<void>(fd.release());
  stream_.expires_at(deadline);
  const std::tuple<error_code> connected = co_await stream_.async_connect(endpoint, kAwait);
  code = std::get<0>(connected);
  if (code) co_return Break(code, "connect to " + authority_);
  open_ = true;
  co_return Result<>();
}

awaitable<Result<>> HttpConnection::Impl::Handshake(TlsContext context, std::string host,
                                                    MonoTime deadline) {
  SSL* session = SSL_new(context.native());
  if (session == nullptr) co_return Fail(ErrorCode::kResourceExhausted, "TLS: no memory");
  tls_.emplace(stream_, session);  // owns the session from here on
  CO_TRY(context.Prepare(session, host));
  stream_.expires_at(deadline);
  const error_code code = co_await tls_->Handshake(TlsRole::kClient);
  if (!code) co_return Result<>();
  const std::string problem = VerifyProblem(session);
  const std::string what = "TLS handshake with " + authority_;
  if (!problem.empty()) {
    co_return Break(
        base::Error{.code = ErrorCode::kPermissionDenied, .message = what + ": " + problem});
  }
  co_return Break(code, what);
}

// Adds what the wire has to the buffer; false at the end of the stream.
awaitable<Result<bool>> HttpConnection::Impl::ReadBytes(MonoTime deadline) {
  if (Clock::now() >= deadline) co_return Break(TooLate("answer of " + authority_));
  const std::size_t space = buffer_.max_size() - buffer_.size();
  if (space == 0) {
    co_return Break(base::Error{.code = ErrorCode::kCorrupt,
                                .message = "answer of " + authority_ + ": a line without end"});
  }
  const auto room = buffer_.prepare(std::min(space, kReadBytes));
  stream_.expires_at(deadline);
  TlsStream::Moved read;
  if (tls_) {
    read = co_await tls_->ReadSome(room.data(), room.size());
  } else {
    const Transferred plain = co_await stream_.async_read_some(room, kAwait);
    read.code = std::get<0>(plain);
    read.bytes = std::get<1>(plain);
  }
  if (read.code == asio::error::eof) co_return false;
  if (read.code) co_return Break(read.code, "answer of " + authority_);
  buffer_.commit(read.bytes);
  co_return true;
}

awaitable<Result<>> HttpConnection::Impl::WriteBytes(std::string bytes, MonoTime deadline) {
  asio::const_buffer rest = asio::buffer(bytes);
  while (rest.size() > 0) {
    if (Clock::now() >= deadline) co_return Break(TooLate("send to " + authority_));
    stream_.expires_at(deadline);
    if (tls_) {
      const error_code code = co_await tls_->Write(bytes);
      if (code) co_return Break(code, "send to " + authority_);
      break;
    }
    const Transferred written = co_await stream_.async_write_some(rest, kAwait);
    const error_code code = std::get<0>(written);
    if (code) co_return Break(code, "send to " + authority_);
    rest += std::get<1>(written);
  }
  co_return Result<>();
}

awaitable<Result<>> HttpConnection::Impl::ReadHeader(MonoTime deadline) {
  while (!parser_->is_header_done()) {
    error_code code;
    if (buffer_.size() > 0) {
      const std::size_t used = parser_->put(buffer_.data(), code);
      buffer_.consume(used);
      if (code && code != http::error::need_more) co_return Break(code, "answer of " + authority_);
      if (parser_->is_header_done()) break;
    }
    CO_TRY_ASSIGN(const bool more, co_await ReadBytes(deadline));
    if (!more) {
      co_return Break(base::Error{.code = ErrorCode::kUnavailable,
                                  .message = authority_ + " closed the connection"});
    }
  }
  co_return Result<>();
}

Result<> HttpConnection::Impl::StartBody(std::size_t max_inflated) {
  const auto encoding = parser_->get()[http::field::content_encoding];
  const std::string_view name(encoding.data(), encoding.size());
  inflater_.reset();
  if (EqualIgnoringCase(name, "gzip") || EqualIgnoringCase(name, "x-gzip")) {
    inflater_.emplace(max_inflated);
  } else if (!name.empty() && !EqualIgnoringCase(name, "identity")) {
    return Break(
        base::Error{.code = ErrorCode::kCorrupt,
                    .message = "unknown content encoding '" + base::Printable(name) + "'"});
  }
  return {};
}

awaitable<Result<ReplyHead>> HttpConnection::Impl::Begin(ClientRequest request, MonoTime deadline,
                                                         std::size_t max_inflated) {
  if (!reusable()) {
    co_return Fail(ErrorCode::kFailedPrecondition, "the connection takes no further request");
  }
  CO_TRY_ASSIGN(std::string bytes, SerializeRequest(request, authority_, prefix_));
  ++requests_;
  parser_.emplace();
  parser_->skip(request.method == "HEAD");
  CO_TRY(co_await WriteBytes(std::move(bytes), deadline));
  for (int interim = 0;; ++interim) {
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(boost::none);
    CO_TRY(co_await ReadHeader(deadline));
    const unsigned status = parser_->get().result_int();
    if (status >= 200) break;
    if (status == 101 || interim == kMaxInterimReplies) {
      co_return Break(base::Error{.code = ErrorCode::kCorrupt,
                                  .message = authority_ + " does not speak HTTP/1.1 as asked"});
    }
    parser_.emplace();
    parser_->skip(request.method == "HEAD");
  }
  CO_TRY(StartBody(max_inflated));
  co_return HeadOf(*parser_);
}

// What the bytes in the buffer add to the body; may be nothing.
Result<std::string> HttpConnection::Impl::ParseBody() {
  std::array<char, kReadBytes> chunk{};
  auto& body = parser_->get().body();
  body.data = chunk.data();
  body.size = chunk.size();
  error_code code;
  const std::size_t used = parser_->put(buffer_.data(), code);
  buffer_.consume(used);
  const std::size_t got = chunk.size() - body.size;
  body.data = nullptr;
  body.size = 0;
  if (code && code != http::error::need_more && code != http::error::need_buffer) {
    return Break(code, "answer of " + authority_);
  }
  const std::string_view piece(chunk.data(), got);
  if (!inflater_) return std::string(piece);
  std::string inflated;
  Result<> pushed = inflater_->Push(piece, &inflated);
  if (!pushed) return Break(base::WithContext(pushed.error(), "answer of " + authority_));
  return inflated;
}

// The stream ended: fine only where nothing but the end of the connection ends the body.
Result<> HttpConnection::Impl::EndOfInput() {
  error_code code;
  parser_->put_eof(code);
  if (code || !parser_->is_done()) {
    return Break(base::Error{.code = ErrorCode::kUnavailable,
                             .message = authority_ + " closed the connection in the middle"});
  }
  return {};
}

awaitable<Result<std::optional<std::string>>> HttpConnection::Impl::ReadPiece(MonoTime deadline) {
  if (!open_ || !parser_ || !parser_->is_header_done()) {
    co_return Fail(ErrorCode::kFailedPrecondition, "no answer is under way");
  }
  bool waited = false;
  while (!parser_->is_done()) {
    if (buffer_.size() > 0) {
      const std::size_t before = buffer_.size();
      CO_TRY_ASSIGN(std::string piece, ParseBody());
      if (!piece.empty()) co_return std::optional<std::string>(std::move(piece));
      if (buffer_.size() != before) continue;
    }
    if (waited) co_return std::optional<std::string>(std::in_place);
    CO_TRY_ASSIGN(const bool more, co_await ReadBytes(deadline));
    waited = true;
    if (!more) CO_TRY(EndOfInput());
  }
  if (inflater_ && !inflater_->complete()) {
    co_return Break(base::Error{.code = ErrorCode::kCorrupt,
                                .message = "answer of " + authority_ + ": gzip cut off"});
  }
  if (!reusable()) Close();
  co_return std::optional<std::string>();
}

awaitable<Result<Reply>> HttpConnection::Impl::Exchange(ClientRequest request, MonoTime deadline,
                                                        std::size_t max_body) {
  Reply reply;
  CO_TRY_ASSIGN(reply.head, co_await Begin(std::move(request), deadline, max_body));
  for (;;) {
    CO_TRY_ASSIGN(const std::optional<std::string> piece, co_await ReadPiece(deadline));
    if (!piece) break;
    if (piece->size() > max_body - reply.body.size()) {
      co_return Break(base::Error{.code = ErrorCode::kResourceExhausted,
                                  .message = "answer of " + authority_ + ": more than " +
                                             std::to_string(max_body) + " bytes"});
    }
    reply.body += *piece;
  }
  co_return reply;
}

HttpConnection::HttpConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpConnection::HttpConnection(HttpConnection&&) noexcept = default;
HttpConnection& HttpConnection::operator=(HttpConnection&&) noexcept = default;
HttpConnection::~HttpConnection() = default;

awaitable<Result<HttpConnection>> HttpConnection::Connect(Url url, std::optional<TlsContext> tls,
                                                          ConnectOptions options) {
  if (url.tls && !tls) {
    co_return Fail(ErrorCode::kInvalidArgument, "https needs to know whom to trust");
  }
  const MonoTime deadline = Clock::now() + options.connect_timeout;
  CO_TRY_ASSIGN(const auto endpoints, co_await Resolve(url.host, url.port, deadline));
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto impl = std::make_unique<Impl>(executor, url.Authority(), url.prefix);
  Result<> opened;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const auto share = (deadline - Clock::now()) / static_cast<int>(endpoints.size() - i);
    opened = co_await impl->Open(endpoints[i], Clock::now() + share);
    if (opened || opened.error().code == ErrorCode::kCancelled) break;
  }
  if (!opened) co_return Fail(opened.error());
  if (url.tls) {
    const MonoTime shaken = Clock::now() + options.handshake_timeout;
    CO_TRY(co_await impl->Handshake(*tls, url.host, shaken));
  }
  co_return HttpConnection(std::move(impl));
}

awaitable<Result<HttpConnection>> HttpConnection::ConnectUnix(std::string path,
                                                              ConnectOptions options) {
  if (path.empty() || path.size() > 107 || path.front() != '/') {
    co_return Fail(ErrorCode::kInvalidArgument,
                   "a socket's path is absolute and has at most 107 bytes");
  }
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto impl = std::make_unique<Impl>(executor, "localhost", "");
  const asio::local::stream_protocol::endpoint endpoint(path);
  const MonoTime deadline = Clock::now() + options.connect_timeout;
  Result<> opened = co_await impl->Open(endpoint, deadline);
  if (!opened) {
    co_return Fail(base::WithContext(opened.error(), "socket '" + base::Printable(path) + "'"));
  }
  co_return HttpConnection(std::move(impl));
}

awaitable<Result<Reply>> HttpConnection::Exchange(ClientRequest request, milliseconds timeout,
                                                  std::size_t max_body) {
  return impl_->Exchange(std::move(request), Clock::now() + timeout, max_body);
}

awaitable<Result<ReplyHead>> HttpConnection::Begin(ClientRequest request, milliseconds timeout) {
  constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  return impl_->Begin(std::move(request), Clock::now() + timeout, kNoLimit);
}

awaitable<Result<std::optional<std::string>>> HttpConnection::ReadSome(milliseconds idle) {
  return impl_->ReadPiece(Clock::now() + idle);
}

bool HttpConnection::reusable() const { return impl_ && impl_->reusable(); }
std::size_t HttpConnection::requests() const { return impl_->requests(); }
void HttpConnection::Close() { impl_->Close(); }

}  // namespace seccompd::net
