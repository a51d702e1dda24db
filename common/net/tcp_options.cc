// SPDX-License-Identifier: Apache-2.0
#include "common/net/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace seccompd::net {
namespace {

struct Option {
  int level;
  int name;
  int value;
};

constexpr Option kTcpOptions[] = {
    {SOL_SOCKET, SO_KEEPALIVE, 1},           {IPPROTO_TCP, TCP_KEEPIDLE, 30},
    {IPPROTO_TCP, TCP_KEEPINTVL, 10},        {IPPROTO_TCP, TCP_KEEPCNT, 3},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000}, {IPPROTO_TCP, TCP_NODELAY, 1},
};

}  // namespace

base::Result<base::UniqueFd> MakeClientSocket(int family) {
  base::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return base::Fail(base::ErrnoError(errno, "socket"));
  if (family == AF_UNIX) return fd;
  for (const Option& option : kTcpOptions) {
    if (::setsockopt(fd.get(), option.level, option.name, &option.value, sizeof option.value) !=
        0) {
      return base::Fail(base::ErrnoError(errno, "setsockopt"));
    }
  }
  return fd;
}

}  // namespace seccompd::net
