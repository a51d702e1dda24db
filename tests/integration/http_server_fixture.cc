// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/http_server_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>

#include "common/base/strings.h"

namespace seccompd::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

template <class Address>
base::UniqueFd ConnectSocket(int family, const Address& address) {
  base::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd.reset();
  }
  return fd;
}

base::UniqueFd ConnectTo(const std::string& address) {
  if (address.starts_with('/')) {
    sockaddr_un target{};
    target.sun_family = AF_UNIX;
    std::memcpy(target.sun_path, address.c_str(), address.size() + 1);
    return ConnectSocket(AF_UNIX, target);
  }
  const auto parsed = ParseListenAddress(address).value();
  if (parsed.host.find(':') != std::string::npos) {
    sockaddr_in6 target{};
    target.sin6_family = AF_INET6;
    target.sin6_port = htons(parsed.port);
    ::inet_pton(AF_INET6, parsed.host.c_str(), &target.sin6_addr);
    return ConnectSocket(AF_INET6, target);
  }
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(parsed.port);
  ::inet_pton(AF_INET, parsed.host.c_str(), &target.sin_addr);
  return ConnectSocket(AF_INET, target);
}

Response Handle(const Request& request) {
  if (request.path == "/big") {
    return Response{.body = std::string(20'000, 'b'), .handler = "big"};
  }
  if (request.path == "/huge") {
    return Response{.body = std::string(std::size_t{64} << 20, 'h'), .handler = "huge"};
  }
  if (request.path == "/hello") {
    std::string text = "hello";
    for (const QueryParameter& p : request.query) text += " " + p.name + "=" + p.value;
    if (request.peer_uid) text += " uid=" + std::to_string(*request.peer_uid);
    return Response{.body = text + "\n", .handler = "hello"};
  }
  return Response{.status = 404, .body = "no such page\n"};
}

}  // namespace

RawClient::RawClient(const std::string& address) : fd_(ConnectTo(address)) {}

void RawClient::Send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the server closed; the test sees it when it reads
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::FinishSending() const { ::shutdown(fd_.get(), SHUT_WR); }

RawClient::Got RawClient::ReadSome(milliseconds timeout) {
  pollfd poll{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(timeout.count(), 0))) <= 0) {
    return Got::kTimeout;
  }
  std::array<char, 65'536> chunk;
  const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
  if (got <= 0) return Got::kEnd;
  buffer_.append(chunk.data(), static_cast<std::size_t>(got));
  return Got::kBytes;
}

std::string RawClient::ReadAll(milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (ReadSome(left) != Got::kBytes) break;
  }
  return std::exchange(buffer_, "");
}

std::string RawClient::ReadResponse(bool head) {
  for (;;) {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos) {
      const std::string length =
          head ? "0" : HeaderOf(buffer_.substr(0, end + 4), "Content-Length");
      const std::size_t size = end + 4 + base::ParseInt<std::size_t>(length).value_or(0);
      if (buffer_.size() >= size) {
        std::string response = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return response;
      }
    }
    if (ReadSome(seconds(20)) != Got::kBytes) return "";
  }
}

bool RawClient::ClosedWithin(milliseconds timeout) { return ReadSome(timeout) == Got::kEnd; }

std::string BodyOf(const std::string& response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

std::string HeaderOf(const std::string& response, std::string_view name) {
  const std::string head = response.substr(0, response.find("\r\n\r\n") + 2);
  const std::string key = "\r\n" + std::string(name) + ": ";
  const std::size_t at = head.find(key);
  if (at == std::string::npos) return "";
  const std::size_t start = at + key.size();
  return head.substr(start, head.find("\r\n", start) - start);
}

int StatusOf(const std::string& response) {
  if (!response.starts_with("HTTP/1.") || response.size() < 12) return 0;
  return base::ParseInt<int>(std::string_view(response).substr(9, 3)).value_or(0);
}

std::string Get(const std::string& address, const std::string& path, const std::string& headers) {
  RawClient client(address);
  client.Send("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  return client.ReadResponse();
}

HttpServerTest::HttpServerTest() {
  std::string pattern = std::filesystem::temp_directory_path() / "seccompd-http-XXXXXX";
  directory_ = ::mkdtemp(pattern.data());
}

HttpServerTest::~HttpServerTest() {
  if (thread_.joinable()) static_cast<void>(Stop());
  std::filesystem::remove_all(directory_);
}

void HttpServerTest::StartTcp(HttpServerLimits limits, const std::string& address) {
  Run(HttpServer::ListenTcp(io_, address, Handle, limits));
}

void HttpServerTest::StartUnix(HttpServerLimits limits) {
  Run(HttpServer::ListenUnix(io_, directory_ + "/run/status.sock", Handle, limits));
}

void HttpServerTest::Run(base::Result<HttpServer> server) {
  ASSERT_TRUE(server) << server.error().message;
  server_ = std::make_unique<HttpServer>(std::move(*server));
  address_ = server_->address();
  supervisor_ = std::make_unique<Supervisor>(io_);
  supervisor_->Spawn("http", server_->Serve());
  thread_ = std::thread([this] { outcome_ = supervisor_->Run(); });
}

base::Result<> HttpServerTest::Stop() {
  boost::asio::post(io_, [this] { supervisor_->Stop(); });
  thread_.join();
  return outcome_;
}

RequestCounts HttpServerTest::Requests() {
  std::promise<RequestCounts> counts;
  boost::asio::post(io_, [&] { counts.set_value(server_->requests()); });
  return counts.get_future().get();
}

std::size_t HttpServerTest::Connections() {
  std::promise<std::size_t> count;
  boost::asio::post(io_, [&] { count.set_value(server_->connections()); });
  return count.get_future().get();
}

bool HttpServerTest::WaitForConnections(std::size_t count) {
  const Clock::time_point deadline = Clock::now() + seconds(10);
  while (Connections() != count) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

}  // namespace seccompd::net
