// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_server.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <list>

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Reply = http::response<http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kGzipFrom = 1024;  // below, the header costs more than it saves
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string Text(tcp::endpoint endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? '[' + host + "]:" + port : host + ':' + port;
}

HttpRequest ToRequest(const http::request<http::string_body>& message) {
  HttpRequest request;
  const std::string_view target(message.target().data(), message.target().size());
  const std::size_t mark = target.find('?');
  request.method = std::string(message.method_string());
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  request.accept = std::string(message[http::field::accept]);
  return request;
}

Reply ToReply(HttpResponse response, unsigned version, bool keep_alive) {
  Reply reply(http::int_to_status(static_cast<unsigned>(response.status)), version);
  reply.set(http::field::content_type, response.content_type);
  reply.set("X-Content-Type-Options", "nosniff");
  reply.body() = std::move(response.body);
  reply.keep_alive(keep_alive);
  return reply;
}

// The status for a request that could not be read; 0: nobody is there to be told.
int StatusOf(const error_code& ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return 431;
  if (ec == http::error::body_limit) return 413;
  if (ec == http::error::end_of_stream || ec == http::error::partial_message) return 0;
  const auto& http_errors = http::make_error_code(http::error::bad_method).category();
  return ec.category() == http_errors ? 400 : 0;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(asio::io_context& context, HttpHandler handle, HttpServerOptions settings)
      : io(context),
        acceptor(context),
        handler(std::move(handle)),
        options(settings),
        all_closed(context) {}

  struct Session {
    explicit Session(tcp::socket socket) : stream(std::move(socket)) {}
    beast::tcp_stream stream;
    bool idle = true;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  };

  asio::awaitable<void> Serve(Session* session);
  asio::awaitable<bool> Answer(Session* session, const http::request<http::string_body>* message);
  void Start(tcp::socket socket);
  void MakeRoom();
  void Count(const std::string& path, int status);
  asio::awaitable<void> CloseAll();

  asio::io_context& io;
  tcp::acceptor acceptor;
  HttpHandler handler;
  HttpServerOptions options;
  std::list<Session> sessions;
  asio::steady_timer all_closed;
  std::map<std::pair<std::string, int>, std::uint64_t> answered;
};

HttpServer::HttpServer(asio::io_context& io, HttpHandler handler, HttpServerOptions options)
    : impl_(std::make_unique<Impl>(io, std::move(handler), options)) {}
HttpServer::~HttpServer() = default;

std::size_t HttpServer::connections() const { return impl_->sessions.size(); }
const std::map<std::pair<std::string, int>, std::uint64_t>& HttpServer::answers() const {
  return impl_->answered;
}

base::Result<std::string> HttpServer::Listen(const std::string& address) {
  HostPort where;
  if (!ParseHostPort(address, where)) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      "listen address '" + address + "': give HOST:PORT, [IPV6]:PORT or :PORT");
  }
  error_code ec;
  const asio::ip::address any = asio::ip::address_v6::any();
  const auto host = where.host.empty() ? any : asio::ip::make_address(where.host, ec);
  if (ec) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      "listen address '" + address + "': the host must be an IP address");
  }
  const tcp::endpoint endpoint(host, where.port);
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  // ":PORT" means every address, IPv4 included, as everywhere in Go's world.
  if (!ec && where.host.empty()) acceptor.set_option(asio::ip::v6_only(false), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return base::Fail(base::ErrnoError(ec.value(), "listen on '" + address + "'"));
  return Text(acceptor.local_endpoint(ec));
}

asio::awaitable<base::Result<>> HttpServer::Run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  asio::steady_timer pause(impl_->io);
  for (;;) {
    auto accepted = co_await impl_->acceptor.async_accept(kAwait);
    const error_code ec = std::get<0>(accepted);
    if (ec == asio::error::operation_aborted) break;
    if (!ec) {
      impl_->Start(std::move(std::get<1>(accepted)));
      continue;
    }
    // Out of descriptors: accept(2) would fail again at once, for as long as that lasts.
    pause.expires_after(kAcceptPause);
    auto waited = co_await pause.async_wait(kAwait);
    if (std::get<0>(waited)) break;
  }
  error_code ignored;
  impl_->acceptor.close(ignored);
  co_await impl_->CloseAll();
  co_return base::Fail(base::ErrorCode::kCancelled, "stopped");
}

void HttpServer::Impl::Start(tcp::socket socket) {
  if (sessions.size() >= options.max_connections) MakeRoom();
  sessions.emplace_back(std::move(socket));
  const auto session = std::prev(sessions.end());
  auto ended = [this, session](const std::exception_ptr&) {
    sessions.erase(session);
    if (sessions.empty()) all_closed.cancel();
  };
  asio::co_spawn(io, Serve(&*session), std::move(ended));
}

// Closes the connection that has waited longest for a request; its coroutine then ends by itself.
void HttpServer::Impl::MakeRoom() {
  Session* oldest = nullptr;
  for (Session& session : sessions) {
    const bool open = session.stream.socket().is_open();
    if (open && session.idle && (oldest == nullptr || session.since < oldest->since)) {
      oldest = &session;
    }
  }
  if (oldest != nullptr) oldest->stream.close();
}

asio::awaitable<void> HttpServer::Impl::CloseAll() {
  for (Session& session : sessions) session.stream.close();
  if (sessions.empty()) co_return;
  all_closed.expires_after(std::chrono::seconds(1));
  co_await all_closed.async_wait(kAwait);
}

void HttpServer::Impl::Count(const std::string& path, int status) {
  // A closed set of labels: whatever else a client asks for is one of "other".
  const bool known = status != 404 && path.size() < 32;
  ++answered[{known ? path : "other", status}];
}

asio::awaitable<void> HttpServer::Impl::Serve(Session* session) {
  beast::flat_buffer buffer(options.max_header_bytes + options.max_body_bytes);
  bool keep = true;
  for (bool first = true; keep; first = false) {
    session->idle = true;
    session->since = std::chrono::steady_clock::now();
    http::request_parser<http::string_body> parser;
    parser.header_limit(options.max_header_bytes);
    parser.body_limit(options.max_body_bytes);
    session->stream.expires_after(first ? options.read_deadline : options.idle_deadline);
    auto read = co_await http::async_read(session->stream, buffer, parser, kAwait);
    const error_code ec = std::get<0>(read);
    if (!ec) {
      session->idle = false;
      const http::request<http::string_body> message = parser.release();
      keep = co_await Answer(session, &message);
      continue;
    }
    const int status = StatusOf(ec);
    if (status != 0) {
      Count("other", status);
      HttpResponse refusal;
      refusal.status = status;
      refusal.body = "bad request\n";
      Reply reply = ToReply(std::move(refusal), 11, false);
      reply.prepare_payload();
      session->stream.expires_after(options.write_deadline);
      co_await http::async_write(session->stream, reply, kAwait);
    }
    break;
  }
  error_code ignored;
  session->stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<bool> HttpServer::Impl::Answer(Session* session,
                                               const http::request<http::string_body>* message) {
  const bool head = message->method() == http::verb::head;
  HttpResponse response;
  if (head || message->method() == http::verb::get) {
    response = handler(ToRequest(*message));
  } else {
    response.status = 405;
    response.body = "only GET and HEAD\n";
  }
  const std::string_view target(message->target().data(), message->target().size());
  Count(std::string(target.substr(0, target.find('?'))), response.status);
  const beast::string_view accepts = (*message)[http::field::accept_encoding];
  const bool gzip =
      response.body.size() >= kGzipFrom && AcceptsGzip({accepts.data(), accepts.size()});
  if (gzip) response.body = Gzip(response.body);
  const bool keep = message->keep_alive();
  const int status = response.status;
  Reply reply = ToReply(std::move(response), message->version(), keep);
  if (gzip) reply.set(http::field::content_encoding, "gzip");
  reply.set(http::field::vary, "Accept-Encoding");
  if (status == 405) reply.set(http::field::allow, "GET, HEAD");
  reply.prepare_payload();
  if (head) reply.body().clear();  // the length stays that of the GET
  session->stream.expires_after(options.write_deadline);
  auto written = co_await http::async_write(session->stream, reply, kAwait);
  co_return !std::get<0>(written) && keep;
}

}  // namespace seccompd::net
