// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/small_loops.h"

#include <chrono>

#include "agent/heap.h"
#include "common/net/loop_lag.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::Result;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLagSample{1000};
constexpr std::chrono::milliseconds kLagWindow{60'000};
constexpr std::chrono::milliseconds kStopGrace{5'000};
constexpr std::chrono::seconds kTrimEvery{10};

}  // namespace

asio::awaitable<Result<>> MeasureLag(NodeState& state) {
  net::LoopLag lag(kLagWindow, steady_clock::now());
  base::MonoTime next_trim = steady_clock::now();
  for (;;) {
    const base::MonoTime due = steady_clock::now() + kLagSample;
    auto slept = co_await net::SleepUntil(due);
    if (!slept) co_return slept;
    const base::MonoTime now = steady_clock::now();
    lag.Observe(now, now - due);
    state.loop_lag = lag.Most(now);
    if (now < next_trim) continue;
    TrimHeap();
    next_trim = now + kTrimEvery;
  }
}

asio::awaitable<Result<>> WatchZygote(asio::io_context& io, int pidfd) {
  auto made = net::ReadableFd::Make(io, pidfd);
  if (!made) co_return base::Fail(made.error());
  net::ReadableFd readable = *std::move(made);
  auto waited = co_await readable.Wait();
  if (!waited) co_return base::Fail(waited.error());
  co_return base::Fail(base::ErrorCode::kGone, "the compile process has ended");
}

asio::awaitable<Result<>> StopOnSignal(net::SignalSet& signals, net::Supervisor& supervisor,
                                       const Log& log) {
  auto number = co_await signals.Wait();
  if (!number) co_return base::Fail(number.error());
  log.Info("stopping", {{"signal", std::int64_t{*number}}});
  supervisor.Stop(kStopGrace);
  co_return Result<>{};
}

}  // namespace seccompd::agent
