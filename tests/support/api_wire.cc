// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_wire.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <tuple>

#include "common/base/strings.h"

namespace seccompd::test_support {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxRequest = std::size_t{4} << 20;

std::string Unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? base::ParseInt<unsigned>(text.substr(i + 1, 2), 16)
                                     : std::optional<unsigned>();
    if (byte) {
      plain += static_cast<char>(static_cast<unsigned char>(*byte));
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

void ParseHead(std::string_view head, ApiRequest* request) {
  const auto lines = base::Split(head, '\n');
  const auto words = base::Split(base::TrimSpace(lines.front()), ' ');
  request->method = words.front();
  const std::string_view target = words.size() > 1 ? words[1] : "/";
  const std::size_t mark = target.find('?');
  request->path = Unescape(target.substr(0, mark));
  if (mark != std::string_view::npos) {
    for (const std::string_view pair : base::Split(target.substr(mark + 1), '&')) {
      const std::size_t equals = std::min(pair.find('='), pair.size());
      const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
      request->query[Unescape(pair.substr(0, equals))] = Unescape(value);
    }
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) continue;
    std::string name(lines[i].substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    request->headers[name] = base::TrimSpace(lines[i].substr(colon + 1));
  }
}

std::string_view Phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 410:
      return "Gone";
    case 429:
      return "Too Many Requests";
    default:
      return "Status";
  }
}

}  // namespace

ApiWire::ApiWire(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls)
    : socket_(std::move(socket)), context_(std::move(tls)) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (context_) tls_.emplace(socket_, *context_);
}

awaitable<bool> ApiWire::Handshake() {
  if (!tls_) co_return true;
  constexpr auto kRole = asio::ssl::stream_base::server;
  const std::tuple<error_code> done = co_await tls_->async_handshake(kRole, kAwait);
  co_return !std::get<0>(done);
}

awaitable<bool> ApiWire::ReadMore() {
  std::array<char, 16'384> chunk;
  const auto room = asio::buffer(chunk);
  std::tuple<error_code, std::size_t> read;
  if (tls_) {
    read = co_await tls_->async_read_some(room, kAwait);
  } else {
    read = co_await socket_.async_read_some(room, kAwait);
  }
  if (std::get<0>(read)) co_return false;
  buffer_.append(chunk.data(), std::get<1>(read));
  co_return buffer_.size() <= kMaxRequest;
}

awaitable<bool> ApiWire::ReadRequest(ApiRequest* request) {
  std::size_t end = buffer_.find("\r\n\r\n");
  while (end == std::string::npos) {
    const bool more = co_await ReadMore();
    if (!more) co_return false;
    end = buffer_.find("\r\n\r\n");
  }
  *request = ApiRequest();
  ParseHead(std::string_view(buffer_).substr(0, end), request);
  const std::string length = request->Header("content-length");
  const std::size_t size = base::ParseInt<std::size_t>(length).value_or(0);
  while (buffer_.size() < end + 4 + size) {
    const bool more = co_await ReadMore();
    if (!more) co_return false;
  }
  request->body = buffer_.substr(end + 4, size);
  buffer_.erase(0, end + 4 + size);
  request->time = std::chrono::steady_clock::now();
  co_return true;
}

awaitable<bool> ApiWire::Write(std::string bytes) {
  const auto buffer = asio::buffer(bytes);
  std::tuple<error_code, std::size_t> written;
  if (tls_) {
    written = co_await asio::async_write(*tls_, buffer, kAwait);
  } else {
    written = co_await asio::async_write(socket_, buffer, kAwait);
  }
  co_return !std::get<0>(written);
}

void ApiWire::WhenReadable(std::function<void()> gone) {
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [gone = std::move(gone)](const error_code& code) {
                       if (!code) gone();
                     });
}

void ApiWire::Close() {
  error_code ignored;
  socket_.close(ignored);
}

void ApiWire::Reset() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

std::string RenderResponseHead(const ApiResponse& response, const std::string& framing) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     std::string(Phrase(response.status)) +
                     "\r\nAudit-Id: 6f2c1e1e-6a0b-4f0e-9f5e-0c8f4f1f7a11\r\n"
                     "Cache-Control: no-cache, private\r\nContent-Type: " +
                     response.content_type + "\r\nDate: Tue, 24 Nov 2026 03:04:11 GMT\r\n";
  for (const auto& [name, value] : response.headers) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (response.close) text += "Connection: close\r\n";
  return text + framing + "\r\n\r\n";
}

std::string ChunkOf(const std::string& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string size;
  for (std::size_t left = bytes.size(); left > 0; left /= 16) size.insert(0, 1, kDigits[left % 16]);
  return size + "\r\n" + bytes + "\r\n";
}

}  // namespace seccompd::test_support
