// SPDX-License-Identifier: Apache-2.0
#include "common/net/wait.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace boost::asio::experimental::awaitable_operators;  // NOLINT: the || below

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

base::Error ToError(const error_code& ec, std::string_view context) {
  if (ec == asio::error::operation_aborted) {
    return {.code = base::ErrorCode::kCancelled, .message = "stopped"};
  }
  return base::ErrnoError(ec.value(), context);
}

}  // namespace

asio::awaitable<base::Result<>> SleepUntil(base::MonoTime time) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, time);
  auto result = co_await timer.async_wait(kAwait);
  const error_code ec = std::get<0>(result);
  if (ec) co_return base::Fail(ToError(ec, "timer"));
  co_return base::Result<>{};
}

asio::awaitable<base::Result<>> SleepFor(std::chrono::milliseconds duration) {
  const base::MonoTime time = std::chrono::steady_clock::now() + duration;
  auto result = co_await SleepUntil(time);
  co_return result;
}

asio::awaitable<base::Result<bool>> WaitReadable(int fd, base::MonoTime deadline) {
  auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor descriptor(executor, fd);
  asio::steady_timer timer(executor, deadline);
  constexpr auto kRead = asio::posix::stream_descriptor::wait_read;
  // Neither side can throw, so the first to complete wins and the other is cancelled.
  auto result = co_await (descriptor.async_wait(kRead, kAwait) || timer.async_wait(kAwait));
  descriptor.release();
  const bool readable = result.index() == 0;
  const error_code ec =
      readable ? std::get<0>(std::get<0>(result)) : std::get<0>(std::get<1>(result));
  if (ec) co_return base::Fail(ToError(ec, "wait for a descriptor"));
  co_return base::Result<bool>(readable);
}

asio::awaitable<base::Result<int>> WaitForStopSignal() {
  auto executor = co_await asio::this_coro::executor;
  asio::signal_set signals(executor, SIGTERM, SIGINT);
  auto result = co_await signals.async_wait(kAwait);
  const error_code ec = std::get<0>(result);
  if (ec) co_return base::Fail(ToError(ec, "wait for a signal"));
  co_return base::Result<int>(std::get<1>(result));
}

}  // namespace seccompd::net
