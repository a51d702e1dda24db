// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"

namespace seccompd::test_support {
namespace {

base::Result<base::UniqueFd> Connect(const std::string& address,
                                     std::chrono::milliseconds timeout) {
  const std::size_t colon = address.rfind(':');
  const auto port =
      colon == std::string::npos
          ? std::nullopt
          : base::ParseInt<std::uint16_t>(std::string_view(address).substr(colon + 1));
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  if (!port || ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr) != 1) {
    return base::Fail(base::ErrorCode::kInvalidArgument, "not HOST:PORT: " + address);
  }
  peer.sin_port = htons(*port);
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  sockaddr generic{};
  static_assert(sizeof(generic) == sizeof(peer));
  std::copy_n(reinterpret_cast<const char*>(&peer), sizeof(peer),
              reinterpret_cast<char*>(&generic));
  if (::connect(fd.get(), &generic, sizeof(generic)) != 0) {
    return base::Fail(base::ErrnoError(errno, "connect " + address));
  }
  return fd;
}

base::Result<std::string> ReadToEnd(int fd) {
  std::string text;
  std::array<char, 16384> chunk{};
  while (true) {
    const ssize_t n = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (n == 0) return text;
    if (n < 0) return base::Fail(base::ErrnoError(errno, "recv"));
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

std::optional<std::string> Dechunk(std::string_view rest) {
  std::string body;
  while (true) {
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const auto size = base::ParseInt<std::size_t>(rest.substr(0, end), 16);
    if (!size || rest.size() < end + 2 + *size + 2) return std::nullopt;
    if (*size == 0) return body;
    body.append(rest.substr(end + 2, *size));
    rest.remove_prefix(end + 2 + *size + 2);
  }
}

}  // namespace

base::Result<HttpReply> HttpGet(const std::string& address, const std::string& path,
                                std::chrono::milliseconds timeout) {
  TRY_ASSIGN(base::UniqueFd fd, Connect(address, timeout));
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return base::Fail(base::ErrnoError(errno, "send"));
  }
  TRY_ASSIGN(const std::string text, ReadToEnd(fd.get()));
  const std::size_t line_end = text.find("\r\n");
  const std::size_t head_end = text.find("\r\n\r\n");
  const auto status = text.starts_with("HTTP/1.1 ")
                          ? base::ParseInt<int>(std::string_view(text).substr(9, 3))
                          : std::nullopt;
  if (!status || head_end == std::string::npos) {
    return base::Fail(base::ErrorCode::kCorrupt, "not an HTTP reply: " + text.substr(0, 80));
  }
  HttpReply reply{.status = *status, .headers = {}, .body = text.substr(head_end + 4)};
  if (head_end > line_end) reply.headers = text.substr(line_end + 2, head_end - line_end - 2);
  if (reply.headers.find("chunked") != std::string::npos) {
    auto body = Dechunk(reply.body);
    if (!body) return base::Fail(base::ErrorCode::kCorrupt, "bad chunked body");
    reply.body = *std::move(body);
  }
  return reply;
}

}  // namespace seccompd::test_support
