// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace seccompd::net {

// The addresses of `host`, in the order to try them; never empty. An IP address is itself, without
// asking anybody. A name goes through getaddrinfo on Asio's resolver thread: the wait ends at the
// deadline, the thread when getaddrinfo does (the io_context's destructor waits for that).
[[nodiscard]] boost::asio::awaitable<base::Result<std::vector<boost::asio::ip::tcp::endpoint>>>
Resolve(std::string host, std::uint16_t port, base::MonoTime deadline);

}  // namespace seccompd::net
