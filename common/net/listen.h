// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/net/http_text.h"

namespace seccompd::net {

// Listening sockets, non-blocking and close-on-exec.

struct Listener {
  base::UniqueFd fd;
  std::string address;  // where it really listens
  bool unix_domain = false;
};

// An empty host listens on every address of both families, or of IPv4 alone where there is no IPv6.
[[nodiscard]] base::Result<Listener> ListenOnTcp(const ListenAddress& address);

// A socket of mode 0600 in a folder that only this uid can write to; makes the folder. A socket
// that nobody listens on is replaced. Anything else at `path` is kAlreadyExists, a live server
// kUnavailable.
[[nodiscard]] base::Result<Listener> ListenOnUnix(const std::string& path);

// A connection that waits at `listener`; nullopt if none does, or if it went away meanwhile.
// kResourceExhausted: no descriptor or memory is left, and the connection still waits.
[[nodiscard]] base::Result<std::optional<base::UniqueFd>> Accept(int listener);

// Who is at the other end of a unix socket (SO_PEERCRED).
[[nodiscard]] base::Result<uid_t> PeerUid(int fd);

}  // namespace seccompd::net
