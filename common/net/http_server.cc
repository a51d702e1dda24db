// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <list>
#include <memory>
#include <sstream>
#include <utility>

#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "common/net/gzip.h"
#include "common/net/listen.h"
#include "common/net/server_stream.h"
#include "common/net/waits.h"

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using base::MonoTime;
using base::Result;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Parser = http::request_parser<http::empty_body>;
using Message = http::response<http::string_body>;

constexpr std::size_t kReadAheadBytes = 4'096;  // beyond one header: pipelined requests
constexpr int kAcceptBatch = 16;                // then the connections get their turn
constexpr std::chrono::milliseconds kExhaustedPause{100};
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr std::size_t kLingerBytes = 65'536;
constexpr std::chrono::milliseconds kWriteGrace{2'000};  // a slower reader may be evicted
constexpr std::string_view kNoHandler = "none";

enum class Phase : std::uint8_t { kWaiting, kWriting };

struct Connection {
  Connection(std::unique_ptr<ServerStream> accepted, std::size_t buffer_bytes)
      : stream(std::move(accepted)), buffer(buffer_bytes) {}

  std::unique_ptr<ServerStream> stream;
  beast::flat_buffer buffer;
  Phase phase = Phase::kWaiting;
  MonoTime since;        // of the phase
  bool evicted = false;  // close instead of waiting for another request
  std::optional<uid_t> peer_uid;
};
using Connections = std::list<Connection>;

// Ends the coroutine of a connection, whatever it is doing. Not cancel(): a read that has completed
// but not been resumed yet would go on with the next one.
void Close(Connection* connection) {
  connection->evicted = true;
  connection->stream->Close();
}

Response Refusal(int status, std::string text) {
  return Response{
      .status = status, .body = std::move(text) + "\n", .handler = std::string(kNoHandler)};
}

std::string Field(const Parser& parser, http::field name) {
  const auto value = parser.get()[name];
  return std::string(value.data(), value.size());
}

// What to answer if no request could be read; nullopt: nothing, the client is gone or too slow.
std::optional<Response> RefusalOf(const error_code& code) {
  if (code == http::error::header_limit || code == http::error::buffer_overflow) {
    return Refusal(431, "the request header is too large");
  }
  if (code == http::error::end_of_stream || code == http::error::partial_message)
    return std::nullopt;
  if (code.category() != http::make_error_code(http::error::bad_target).category()) {
    return std::nullopt;
  }
  return Refusal(400, "this is no HTTP request");
}

bool HasBody(const Parser& parser) {
  const auto length = parser.content_length();
  return parser.chunked() || (length && *length > 0);
}

// The head as it goes on the wire.
std::string HeadOf(const Message& message) {
  std::ostringstream text;
  text << message.base();
  return text.str();
}

bool IsHead(const Parser& parser) { return parser.get().method() == http::verb::head; }

}  // namespace

class HttpServer::Impl {
 public:
  Impl(asio::io_context& io, Listener listener, Handler handler, HttpServerLimits limits,
       TlsSource tls = {})
      : io_(io),
        listener_(std::move(listener)),
        handler_(std::move(handler)),
        tls_(std::move(tls)),
        limits_(limits),
        ended_(io) {}

  // `self` keeps this object alive in the coroutines' frames, which the io_context may outlive.
  static awaitable<Result<>> Serve(std::shared_ptr<Impl> self);

  const std::string& address() const { return listener_.address; }
  const RequestCounts& requests() const { return requests_; }
  std::size_t connections() const { return connections_.size(); }

 private:
  static awaitable<void> Converse(std::shared_ptr<Impl> self, Connections::iterator connection);
  static awaitable<error_code> ReadMore(Connection* connection);
  static awaitable<error_code> ReadRequest(Impl* self, Connection* connection, Parser* parser,
                                           bool first);
  static awaitable<void> Linger(Connection* connection);
  static awaitable<void> Drain(Impl* self);

  bool AcceptSome(const std::shared_ptr<Impl>& self);
  void Admit(const std::shared_ptr<Impl>& self, base::UniqueFd fd);
  bool MakeRoom();
  void Begin(Connections::iterator connection, const std::shared_ptr<Impl>& self);
  Response Answer(const Connection& connection, const Parser& parser, bool* close);
  Message MakeMessage(Response response, const Parser& parser, bool close);
  void CloseWaiting();

  asio::io_context& io_;
  Listener listener_;
  Handler handler_;
  TlsSource tls_;
  HttpServerLimits limits_;
  Wakeup ended_;  // a connection did
  Connections connections_;
  RequestCounts requests_;
};

awaitable<Result<>> HttpServer::Impl::Serve(std::shared_ptr<Impl> self) {
  Result<ReadableFd> readable = ReadableFd::Make(self->io_, self->listener_.fd.get());
  if (!readable) co_return base::Fail(readable.error());
  Result<> outcome;
  while (outcome) {
    outcome = co_await readable->Wait();
    if (!outcome) break;
    const bool exhausted = !self->AcceptSome(self);
    if (exhausted) {
      outcome = co_await SleepFor(kExhaustedPause);
    } else {
      outcome = co_await Yield();
    }
  }
  co_await asio::this_coro::reset_cancellation_state();
  co_await Drain(self.get());
  co_return outcome;
}

// False if no descriptor is left: accepting again at once would spin.
bool HttpServer::Impl::AcceptSome(const std::shared_ptr<Impl>& self) {
  for (int i = 0; i < kAcceptBatch; ++i) {
    Result<std::optional<base::UniqueFd>> accepted = Accept(listener_.fd.get());
    if (!accepted) return false;
    if (!*accepted) return true;
    Admit(self, std::move(**accepted));
  }
  return true;
}

void HttpServer::Impl::Admit(const std::shared_ptr<Impl>& self, base::UniqueFd fd) {
  std::optional<uid_t> peer_uid;
  if (listener_.unix_domain) {
    const Result<uid_t> uid = PeerUid(fd.get());
    if (!uid || (*uid != 0 && *uid != ::geteuid())) return;
    peer_uid = *uid;
  }
  if (!MakeRoom()) {
    constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    static_cast<void>(::send(fd.get(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    ++requests_[{std::string(kNoHandler), 503}];
    return;
  }
  const std::optional<TlsServerContext> tls = tls_ ? tls_() : std::nullopt;
  std::unique_ptr<ServerStream> stream =
      ServerStream::Make(io_, std::move(fd), listener_.unix_domain, tls);
  if (!stream) return;
  connections_.emplace_back(std::move(stream), limits_.max_header_bytes + kReadAheadBytes);
  connections_.back().peer_uid = peer_uid;
  connections_.back().since = Clock::now();
  Begin(std::prev(connections_.end()), self);
}

void HttpServer::Impl::Begin(Connections::iterator connection, const std::shared_ptr<Impl>& self) {
  // An exception can only be a lack of memory: that connection ends, as by any other failure.
  asio::co_spawn(io_, Converse(self, connection), [self, connection](const std::exception_ptr&) {
    self->connections_.erase(connection);
    self->ended_.Notify();
  });
}

// Whoever is slowest to send a request makes way, so that slow clients cannot lock others out.
bool HttpServer::Impl::MakeRoom() {
  const MonoTime now = Clock::now();
  std::size_t staying = 0;
  Connection* slowest = nullptr;
  for (Connection& connection : connections_) {
    if (connection.evicted) continue;
    ++staying;
    const bool idle = connection.phase == Phase::kWaiting || now - connection.since > kWriteGrace;
    if (idle && (!slowest || connection.since < slowest->since)) {
      slowest = &connection;
    }
  }
  if (staying < limits_.max_connections) return true;
  if (!slowest) return false;
  Close(slowest);
  return true;
}

void HttpServer::Impl::CloseWaiting() {
  for (Connection& connection : connections_) {
    if (connection.phase == Phase::kWaiting) {
      Close(&connection);
    } else {
      connection.evicted = true;
    }
  }
}

awaitable<void> HttpServer::Impl::Drain(Impl* self) {
  self->listener_.fd.reset();
  self->CloseWaiting();
  const MonoTime deadline = Clock::now() + self->limits_.stop_grace;
  while (!self->connections_.empty() && Clock::now() < deadline) {
    co_await self->ended_.WaitUntil(deadline);
  }
  for (Connection& connection : self->connections_) Close(&connection);
  while (!self->connections_.empty()) {
    co_await self->ended_.Wait();
  }
}

// What one more read brought, in the buffer.
awaitable<error_code> HttpServer::Impl::ReadMore(Connection* connection) {
  const std::size_t left = connection->buffer.max_size() - connection->buffer.size();
  if (left == 0) co_return make_error_code(http::error::buffer_overflow);
  const auto room = connection->buffer.prepare(std::min(left, kReadAheadBytes));
  const ServerStream::Moved read = co_await connection->stream->ReadSome(room.data(), room.size());
  connection->buffer.commit(read.bytes);
  co_return read.code;
}

// Reads one header into `parser`; the deadline covers all of it, however slowly it comes.
awaitable<error_code> HttpServer::Impl::ReadRequest(Impl* self, Connection* connection,
                                                    Parser* parser, bool first) {
  ServerStream& stream = *connection->stream;
  if (!first && connection->buffer.size() == 0) {
    stream.ExpiresAfter(self->limits_.idle_timeout);
    const error_code failed = co_await ReadMore(connection);
    if (failed) co_return failed;
  }
  stream.ExpiresAfter(self->limits_.header_timeout);
  if (first) {
    const error_code failed = co_await stream.Handshake();
    if (failed) co_return failed;
  }
  for (;;) {
    error_code code;
    if (connection->buffer.size() > 0) {
      connection->buffer.consume(parser->put(connection->buffer.data(), code));
      if (parser->is_header_done()) co_return error_code();
      if (code && code != http::error::need_more) co_return code;
    }
    code = co_await ReadMore(connection);
    if (code) co_return code;
  }
}

// Closes after a refusal. What the client still sends is read for a moment: closing over unread
// bytes resets the connection, and the client may lose the answer.
awaitable<void> HttpServer::Impl::Linger(Connection* connection) {
  connection->phase = Phase::kWaiting;
  connection->since = Clock::now();
  connection->stream->ShutdownSend();
  connection->stream->ExpiresAfter(kLinger);
  connection->buffer.clear();
  for (std::size_t total = 0; total < kLingerBytes && !connection->evicted;) {
    const auto room = connection->buffer.prepare(kReadAheadBytes);
    const ServerStream::Moved read =
        co_await connection->stream->ReadSome(room.data(), room.size());
    if (read.code) co_return;
    total += read.bytes;
  }
}

awaitable<void> HttpServer::Impl::Converse(std::shared_ptr<Impl> self,
                                           Connections::iterator connection) {
  bool first = true;
  bool close = false;
  bool refused = false;
  while (!close && !connection->evicted) {
    connection->phase = Phase::kWaiting;
    connection->since = Clock::now();
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(self->limits_.max_header_bytes));
    const error_code failed = co_await ReadRequest(self.get(), &*connection, &parser, first);
    Response response;
    if (!failed) {
      response = self->Answer(*connection, parser, &close);
    } else if (std::optional<Response> refusal = RefusalOf(failed)) {
      response = std::move(*refusal);
      refused = true;
      close = true;
    } else {
      co_return;
    }
    Message message = self->MakeMessage(std::move(response), parser, close);
    connection->phase = Phase::kWriting;
    connection->since = Clock::now();
    connection->stream->ExpiresAfter(self->limits_.write_timeout);
    const std::string head = HeadOf(message);
    const error_code failed_write = co_await connection->stream->Write(head, message.body());
    if (failed_write) co_return;
    first = false;
    refused = refused || HasBody(parser);
  }
  if (!refused) co_return;
  co_await Linger(&*connection);
}

Response HttpServer::Impl::Answer(const Connection& connection, const Parser& parser, bool* close) {
  const auto& message = parser.get();
  *close = !message.keep_alive() || HasBody(parser);
  if (message.method() != http::verb::get && message.method() != http::verb::head) {
    Response refusal = Refusal(405, "only GET and HEAD are served here");
    refusal.headers.emplace_back("Allow", "GET, HEAD");
    return refusal;
  }
  if (HasBody(parser)) return Refusal(413, "a request needs no body here");
  if (message.version() == 11 && message.count(http::field::host) != 1) {
    return Refusal(400, "exactly one Host header is needed");
  }
  const auto text = message.target();
  const Result<Target> target = ParseTarget(std::string_view(text.data(), text.size()));
  if (!target) return Refusal(400, target.error().message);
  const Request request{.path = target->path,
                        .query = target->query,
                        .accept = Field(parser, http::field::accept),
                        .peer_uid = connection.peer_uid,
                        .client_verified = connection.stream->client_verified()};
  return handler_(request);
}

Message HttpServer::Impl::MakeMessage(Response response, const Parser& parser, bool close) {
  ++requests_[RequestKey{.handler = response.handler, .code = response.status}];
  Message message;
  message.version(parser.get().version() == 10 ? 10 : 11);
  message.result(static_cast<unsigned>(response.status));
  message.set(http::field::date, FormatHttpDate(std::chrono::system_clock::now()));
  message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  if (response.body.size() >= limits_.gzip_from_bytes) {
    message.set(http::field::vary, "Accept-Encoding");
    if (AcceptsGzip(Field(parser, http::field::accept_encoding))) {
      Result<std::string> packed = GzipCompress(response.body);
      if (packed) {
        response.body = std::move(*packed);
        message.set(http::field::content_encoding, "gzip");
      }
    }
  }
  message.content_length(response.body.size());
  message.keep_alive(!close);
  if (!IsHead(parser)) message.body() = std::move(response.body);
  return message;
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::ListenTcp(asio::io_context& io, std::string_view address,
                                         Handler handler, HttpServerLimits limits, TlsSource tls) {
  TRY_ASSIGN(const ListenAddress parsed, ParseListenAddress(address));
  TRY_ASSIGN(Listener listener, ListenOnTcp(parsed));
  return HttpServer(
      std::make_shared<Impl>(io, std::move(listener), std::move(handler), limits, std::move(tls)));
}

Result<HttpServer> HttpServer::ListenUnix(asio::io_context& io, const std::string& path,
                                          Handler handler, HttpServerLimits limits) {
  TRY_ASSIGN(Listener listener, ListenOnUnix(path));
  return HttpServer(std::make_shared<Impl>(io, std::move(listener), std::move(handler), limits));
}

const std::string& HttpServer::address() const { return impl_->address(); }
const RequestCounts& HttpServer::requests() const { return impl_->requests(); }
std::size_t HttpServer::connections() const { return impl_->connections(); }
awaitable<Result<>> HttpServer::Serve() { return Impl::Serve(impl_); }

}  // namespace seccompd::net
