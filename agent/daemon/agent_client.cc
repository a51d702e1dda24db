// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/agent_client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Result;
using base::UniqueFd;

constexpr std::size_t kMostReply = std::size_t{64} << 20;

Result<UniqueFd> Connect(const std::string& path, std::chrono::milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::Fail(ErrorCode::kInvalidArgument, "no path of a socket");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return base::Fail(base::ErrnoError(errno, "socket"));
  const timeval limit{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (::setsockopt(fd.get(), SOL_SOCKET, option, &limit, sizeof limit) != 0) {
      return base::Fail(base::ErrnoError(errno, "setsockopt"));
    }
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    base::Error error = base::ErrnoError(errno, "no agent answers");
    error.code = ErrorCode::kUnavailable;
    return base::Fail(std::move(error));
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return base::Fail(base::ErrnoError(errno, "SO_PEERCRED"));
  }
  if (peer.uid != 0 && peer.uid != ::geteuid()) {
    return base::Fail(ErrorCode::kPermissionDenied,
                      fmt::format("user {} listens there, which is not the agent", peer.uid));
  }
  return fd;
}

Result<std::string> Exchange(int fd, std::string_view request) {
  while (!request.empty()) {
    const ssize_t n = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::Fail(base::ErrnoError(errno, "send"));
    request.remove_prefix(static_cast<std::size_t>(n));
  }
  std::string reply;
  std::array<char, 16'384> buffer{};
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::Fail(base::ErrnoError(errno, "read"));
    if (n == 0) return reply;
    reply.append(buffer.data(), static_cast<std::size_t>(n));
    if (reply.size() > kMostReply) {
      return base::Fail(ErrorCode::kResourceExhausted, "the answer is too long");
    }
  }
}

// The value of a header of our own server, which spells it as we do.
std::optional<std::string_view> Header(std::string_view head, std::string_view name) {
  for (std::string_view line : base::Split(head, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": ")) {
      return line.substr(name.size() + 2);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<AgentReply> AskAgent(const std::string& socket_path, const std::string& target,
                            std::chrono::milliseconds timeout) {
  const auto fail = [&](base::Error error) {
    return base::Fail(base::WithContext(std::move(error), socket_path));
  };
  const auto fd = Connect(socket_path, timeout);
  if (!fd) return fail(fd.error());
  auto reply = Exchange(fd->get(), fmt::format("GET {} HTTP/1.1\r\nHost: agent\r\n"
                                               "Connection: close\r\n\r\n",
                                               target));
  if (!reply) return fail(reply.error());
  const std::size_t split = reply->find("\r\n\r\n");
  if (split == std::string::npos || !reply->starts_with("HTTP/1.1 ")) {
    return fail({.code = ErrorCode::kUnavailable, .message = "the connection was closed"});
  }
  const std::string_view head = std::string_view(*reply).substr(0, split);
  std::string body = reply->substr(split + 4);
  const auto length = Header(head, "Content-Length");
  if (!length || base::ParseInt<std::size_t>(*length) != body.size()) {
    return fail({.code = ErrorCode::kUnavailable, .message = "the answer was cut off"});
  }
  if (head.substr(9, 3) != "200") {
    return fail({.code = ErrorCode::kUnavailable,
                 .message = "the agent says " + std::string(base::TrimSpace(body))});
  }
  return AgentReply{.body = std::move(body), .findings = Header(head, kFindingsHeader) == "1"};
}

}  // namespace seccompd::agent
