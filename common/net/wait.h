// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "common/base/result.h"
#include "common/base/time.h"

namespace seccompd::net {

// Awaits for our loops. Each gives kCancelled once the loop is told to stop.
[[nodiscard]] boost::asio::awaitable<base::Result<>> SleepUntil(base::MonoTime time);
[[nodiscard]] boost::asio::awaitable<base::Result<>> SleepFor(std::chrono::milliseconds duration);

// Until the descriptor can be read without blocking; it stays the caller's. False: `deadline` came
// first.
[[nodiscard]] boost::asio::awaitable<base::Result<bool>> WaitReadable(int fd,
                                                                      base::MonoTime deadline);

// SIGTERM or SIGINT; returns its number.
[[nodiscard]] boost::asio::awaitable<base::Result<int>> WaitForStopSignal();

}  // namespace seccompd::net
