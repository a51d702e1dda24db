// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "agent/log.h"
#include "agent/node_state.h"
#include "common/base/result.h"
#include "common/net/supervisor.h"
#include "common/net/waits.h"

namespace seccompd::agent {

// Loops of the daemon that need no object of their own. What is passed by reference outlives them.

// How long due events wait for the loop, into state.loop_lag. It wakes up anyway, so it also gives
// back the heap that a burst has left.
[[nodiscard]] boost::asio::awaitable<base::Result<>> MeasureLag(NodeState& state);

// Ends with kGone once the process behind `pidfd` has: it cannot be made anew from inside.
[[nodiscard]] boost::asio::awaitable<base::Result<>> WatchZygote(boost::asio::io_context& io,
                                                                 int pidfd);

// Stops the supervisor at the first of the signals.
[[nodiscard]] boost::asio::awaitable<base::Result<>> StopOnSignal(net::SignalSet& signals,
                                                                  net::Supervisor& supervisor,
                                                                  const Log& log);

}  // namespace seccompd::agent
