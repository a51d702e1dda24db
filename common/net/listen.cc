// SPDX-License-Identifier: Apache-2.0
#include "common/net/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::net {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;
using base::UniqueFd;

constexpr int kBacklog = 128;
constexpr mode_t kSocketMode = 0600;
constexpr mode_t kFolderMode = 0700;

template <class Address>
const sockaddr* AsSockaddr(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // the sockets API's own kind of cast
}

Result<UniqueFd> MakeSocket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Fail(ErrnoError(errno, "socket"));
  return fd;
}

Result<> SetOption(int fd, int level, int option, int value, std::string_view what) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) {
    return Fail(ErrnoError(errno, what));
  }
  return {};
}

Result<std::string> LocalAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return Fail(ErrnoError(errno, "getsockname"));
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return JoinHostPort(text.data(), ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof v6);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return JoinHostPort(text.data(), ntohs(v6.sin6_port));
}

template <class Address>
Result<Listener> BindAndListen(UniqueFd fd, const Address& address) {
  if (::bind(fd.get(), AsSockaddr(address), sizeof address) != 0) {
    return Fail(ErrnoError(errno, "bind"));
  }
  if (::listen(fd.get(), kBacklog) != 0) return Fail(ErrnoError(errno, "listen"));
  TRY_ASSIGN(std::string where, LocalAddress(fd.get()));
  return Listener{.fd = std::move(fd), .address = std::move(where)};
}

Result<Listener> ListenOnIpv4(const ListenAddress& address) {
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(address.port);
  target.sin_addr.s_addr = htonl(INADDR_ANY);
  if (!address.host.empty() && ::inet_pton(AF_INET, address.host.c_str(), &target.sin_addr) != 1) {
    return Fail(ErrorCode::kInvalidArgument, "no IPv4 address");
  }
  TRY_ASSIGN(UniqueFd fd, MakeSocket(AF_INET));
  TRY(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
  return BindAndListen(std::move(fd), target);
}

Result<Listener> ListenOnIpv6(const ListenAddress& address) {
  sockaddr_in6 target{};
  target.sin6_family = AF_INET6;
  target.sin6_port = htons(address.port);
  target.sin6_addr = in6addr_any;
  if (!address.host.empty() &&
      ::inet_pton(AF_INET6, address.host.c_str(), &target.sin6_addr) != 1) {
    return Fail(ErrorCode::kInvalidArgument, "no IPv6 address");
  }
  TRY_ASSIGN(UniqueFd fd, MakeSocket(AF_INET6));
  TRY(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
  const int only_v6 = address.host.empty() ? 0 : 1;
  TRY(SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, only_v6, "IPV6_V6ONLY"));
  return BindAndListen(std::move(fd), target);
}

// A folder of mode 0700, or at least one that only root and this uid can put something into.
Result<> MakePrivateFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return Fail(ErrnoError(errno, "make folder '" + base::Printable(folder) + "'"));
  }
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0) {
    return Fail(ErrnoError(errno, "folder '" + base::Printable(folder) + "'"));
  }
  const bool ours = status.st_uid == 0 || status.st_uid == ::geteuid();
  if (!S_ISDIR(status.st_mode) || !ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                "folder '" + base::Printable(folder) +
                    "' must be a directory of this user that no one else can write to");
  }
  return {};
}

// Makes room at the path of a server that is gone. Only a socket nobody listens on is removed.
Result<> RemoveDeadSocket(const std::string& path, const sockaddr_un& target) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return Fail(ErrnoError(errno, "look at the old socket"));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Fail(ErrorCode::kAlreadyExists, "there is a file that is no socket");
  }
  TRY_ASSIGN(const UniqueFd probe, MakeSocket(AF_UNIX));
  if (::connect(probe.get(), AsSockaddr(target), sizeof target) == 0 || errno == EAGAIN) {
    return Fail(ErrorCode::kUnavailable, "another process listens there");
  }
  if (errno != ECONNREFUSED) return Fail(ErrnoError(errno, "probe the old socket"));
  if (::unlink(path.c_str()) != 0) return Fail(ErrnoError(errno, "remove the old socket"));
  return {};
}

Result<Listener> ListenAt(const std::string& path) {
  sockaddr_un target{};
  target.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof target.sun_path ||
      path.find('\0') != std::string::npos) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "a socket's path has 1 to " + std::to_string(sizeof target.sun_path - 1) + " bytes");
  }
  std::memcpy(target.sun_path, path.c_str(), path.size() + 1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) {
    return Fail(ErrorCode::kInvalidArgument, "a socket needs a folder of its own");
  }
  TRY(MakePrivateFolder(path.substr(0, slash)));
  TRY(RemoveDeadSocket(path, target));
  TRY_ASSIGN(UniqueFd fd, MakeSocket(AF_UNIX));
  // The inode gets the mode of the socket (net/unix/af_unix.c), so there is no moment of 0755.
  if (::fchmod(fd.get(), kSocketMode) != 0) return Fail(ErrnoError(errno, "fchmod"));
  if (::bind(fd.get(), AsSockaddr(target), sizeof target) != 0) {
    return Fail(ErrnoError(errno, "bind"));
  }
  if (::listen(fd.get(), kBacklog) != 0) return Fail(ErrnoError(errno, "listen"));
  return Listener{.fd = std::move(fd), .address = path, .unix_domain = true};
}

}  // namespace

Result<Listener> ListenOnTcp(const ListenAddress& address) {
  const std::string wanted = JoinHostPort(address.host, address.port);
  Result<Listener> listener;
  if (address.host.find(':') != std::string::npos) {
    listener = ListenOnIpv6(address);
  } else if (!address.host.empty()) {
    listener = ListenOnIpv4(address);
  } else {
    listener = ListenOnIpv6(address);
    if (!listener && (listener.error().sys_errno == EAFNOSUPPORT ||
                      listener.error().sys_errno == EADDRNOTAVAIL)) {
      listener = ListenOnIpv4(address);
    }
  }
  if (!listener) return Fail(base::WithContext(listener.error(), "listen on " + wanted));
  return listener;
}

Result<Listener> ListenOnUnix(const std::string& path) {
  Result<Listener> listener = ListenAt(path);
  if (!listener) {
    return Fail(base::WithContext(listener.error(), "listen on '" + base::Printable(path) + "'"));
  }
  return listener;
}

Result<std::optional<UniqueFd>> Accept(int listener) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) {
    const int on = 1;  // responses go out in one piece; not for unix sockets, where it fails
    static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    return std::optional<UniqueFd>(std::move(fd));
  }
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Fail(base::Error{.code = ErrorCode::kResourceExhausted,
                              .message = ErrnoError(errno, "accept").message,
                              .sys_errno = errno});
    default:  // EAGAIN, ECONNABORTED, EINTR and what accept(2) passes on from the network
      return std::optional<UniqueFd>();
  }
}

Result<uid_t> PeerUid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return Fail(ErrnoError(errno, "SO_PEERCRED"));
  }
  return credentials.uid;
}

}  // namespace seccompd::net
