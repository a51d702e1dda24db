// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_connection.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <tuple>

#include "common/net/gzip.h"

namespace seccompd::test_support {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMostRequestsKept = 100'000;

// One gzip member, or one for every `member` bytes.
std::string Compress(const std::string& body, std::size_t member) {
  if (member == 0) return net::GzipCompress(body).value();
  std::string bytes;
  for (std::size_t at = 0; at < body.size(); at += member) {
    bytes += net::GzipCompress(std::string_view(body).substr(at, member)).value();
  }
  return bytes;
}

}  // namespace

ApiConnection::ApiConnection(ApiShared& shared, asio::ip::tcp::socket socket,
                             std::shared_ptr<asio::ssl::context> tls)
    : shared_(shared),
      wire_(std::move(socket), std::move(tls)),
      timer_(wire_.executor()),
      id_(shared.accepted) {
  shared_.open.insert(this);
}

ApiConnection::~ApiConnection() { shared_.open.erase(this); }

void ApiConnection::Cut() {
  cut_ = true;
  wire_.Close();
  timer_.cancel();
}

void ApiConnection::SendRaw(const std::string& resource, const std::string& bytes) {
  if (watch_ && (resource.empty() || watch_->resource() == resource)) raw_.push_back(bytes);
}

void ApiConnection::EndWatch(const std::string& resource, WatchEnd end) {
  if (watch_ && (resource.empty() || watch_->resource() == resource)) end_ = end;
}

awaitable<void> ApiConnection::WaitUntil(Clock::time_point time) {
  timer_.expires_at(time);
  const std::tuple<error_code> woken = co_await timer_.async_wait(kAwait);
  static_cast<void>(woken);
}

awaitable<void> ApiConnection::Serve(std::shared_ptr<ApiConnection> self) {
  const bool shaken = co_await self->wire_.Handshake();
  while (shaken && !self->cut_) {
    ApiRequest request;
    const bool read = co_await self->wire_.ReadRequest(&request);
    if (!read) co_return;
    request.connection = self->id_;
    const bool more = co_await self->Answer(std::move(request));
    if (!more) co_return;
  }
}

std::optional<ApiFault> ApiConnection::TakeFault(const ApiRequest& request) {
  auto& faults = shared_.state.behaviour.faults;
  for (auto at = faults.begin(); at != faults.end(); ++at) {
    if (!at->verb.empty() && at->verb != request.verb) continue;
    if (!at->resource.empty() && at->resource != request.resource) continue;
    if (at->skip > 0) {
      --at->skip;
      return std::nullopt;
    }
    ApiFault fault = *at;
    if (--at->times <= 0) faults.erase(at);
    return fault;
  }
  return std::nullopt;
}

awaitable<bool> ApiConnection::Answer(ApiRequest request) {
  ApiState& state = shared_.state;
  const bool routed = RouteRequest(&request);
  if (state.keep_requests && state.requests.size() < kMostRequestsKept) {
    state.requests.push_back(request);
  }
  const std::optional<ApiFault> fault = TakeFault(request);
  if (fault && fault->silent) {
    while (!cut_) co_await WaitUntil(Clock::now() + std::chrono::hours(1));
    co_return false;
  }
  if (fault && fault->hang_up) {
    wire_.Close();
    co_return false;
  }
  if (fault) co_return co_await Send(request, fault->response);
  const auto refusal = Refusal(state, request);
  if (refusal) co_return co_await Send(request, *refusal);
  const auto deadline = Clock::now() + state.behaviour.cache_wait;
  while (routed && MustWaitForCache(state, request) && Clock::now() < deadline && !cut_) {
    co_await WaitUntil(deadline);
  }
  if (cut_) co_return false;
  if (request.verb == "watch") co_return co_await Stream(std::move(request));
  ApiResponse response = HandleRequest(&state, request);
  // Watches must see what this request changed.
  for (ApiConnection* connection : shared_.open) {
    if (request.method != "GET") connection->Wake();
  }
  co_return co_await Send(std::move(request), std::move(response));
}

awaitable<bool> ApiConnection::Send(ApiRequest request, ApiResponse response) {
  const ApiBehaviour& behaviour = shared_.state.behaviour;
  const bool gzip = request.Header("accept-encoding").find("gzip") != std::string::npos;
  if (gzip && response.status == 200 && response.body.size() > behaviour.gzip_over) {
    response.body = Compress(response.body, behaviour.gzip_member);
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.headers.emplace_back("Vary", "Accept-Encoding");
  }
  if (!behaviour.warning.empty()) {
    response.headers.emplace_back("Warning", "299 - \"" + behaviour.warning + "\"");
  }
  const std::string framing = "Content-Length: " + std::to_string(response.body.size());
  std::string bytes = RenderResponseHead(response, framing) + response.body;
  const bool written = co_await wire_.Write(std::move(bytes));
  if (response.close) wire_.Close();
  co_return written && !response.close;
}

awaitable<bool> ApiConnection::SendEvents(std::vector<std::string> lines) {
  const std::size_t size = shared_.state.behaviour.chunk_bytes;
  for (const std::string& line : lines) {
    const std::size_t step = size == 0 ? std::max<std::size_t>(line.size(), 1) : size;
    for (std::size_t at = 0; at < line.size(); at += step) {
      const bool written = co_await wire_.Write(ChunkOf(line.substr(at, step)));
      if (!written) co_return false;
    }
  }
  co_return true;
}

awaitable<bool> ApiConnection::Stream(ApiRequest request) {
  const ApiState& state = shared_.state;
  auto opened = ApiWatch::Open(state, request, Clock::now());
  if (ApiResponse* refused = std::get_if<ApiResponse>(&opened)) {
    ApiResponse response = std::move(*refused);
    co_return co_await Send(std::move(request), std::move(response));
  }
  watch_ = std::get<ApiWatch>(std::move(opened));
  raw_.clear();
  end_.reset();
  // A client that reads a stream says nothing: what comes is its end.
  const auto gone = [self = shared_from_this(), stream = ++streams_] {
    if (self->watch_ && self->streams_ == stream) self->Cut();
  };
  wire_.WhenReadable(gone);
  ApiResponse head;
  const bool gzip = state.behaviour.gzip_watches &&
                    request.Header("accept-encoding").find("gzip") != std::string::npos;
  if (gzip) head.headers.emplace_back("Content-Encoding", "gzip");
  std::string head_text = RenderResponseHead(head, "Transfer-Encoding: chunked");
  bool alive = co_await wire_.Write(std::move(head_text));
  if (state.behaviour.end_watches_at_once) end_ = WatchEnd::kClean;
  while (alive && !cut_ && !end_) {
    const Clock::time_point now = Clock::now();
    std::vector<std::string> lines;
    if (!state.behaviour.silent_watches) {
      lines = watch_->Due(state, now);
      lines.insert(lines.end(), raw_.begin(), raw_.end());
      raw_.clear();
    }
    if (gzip) {
      for (std::string& line : lines) line = net::GzipCompress(line).value();
    }
    const bool idle = lines.empty();
    alive = co_await SendEvents(std::move(lines));
    const bool over = watch_->over(now) && !state.behaviour.silent_watches;
    if (over) break;
    const auto next =
        state.behaviour.silent_watches ? now + std::chrono::hours(1) : watch_->NextTime();
    if (alive && idle && !cut_ && !end_) co_await WaitUntil(next);
  }
  watch_.reset();
  if (!alive || cut_) co_return false;
  if (end_ == WatchEnd::kReset) {
    wire_.Reset();
    co_return false;
  }
  if (end_ == WatchEnd::kMidChunk) {
    const bool written = co_await wire_.Write("400\r\n{\"type\":\"ADDED\",\"obj");
    static_cast<void>(written);
    wire_.Close();
    co_return false;
  }
  std::string last = end_ == WatchEnd::kTrailer ? "0\r\nX-Trailer: v\r\n\r\n" : "0\r\n\r\n";
  co_return co_await wire_.Write(std::move(last));
}

}  // namespace seccompd::test_support
