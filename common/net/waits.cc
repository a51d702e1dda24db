// SPDX-License-Identifier: Apache-2.0
#include "common/net/waits.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <tuple>
#include <utility>

#include "common/net/errors.h"

namespace seccompd::net {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using base::Fail;
using base::Result;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace

awaitable<Result<>> SleepUntil(base::MonoTime deadline) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  const std::tuple<error_code> woken = co_await timer.async_wait(kAwait);
  const error_code code = std::get<0>(woken);
  if (code) co_return Fail(ErrorFrom(code, "sleep"));
  co_return Result<>();
}

awaitable<Result<>> SleepFor(std::chrono::nanoseconds duration) {
  return SleepUntil(std::chrono::steady_clock::now() + duration);
}

awaitable<Result<>> Yield() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  co_return Result<>();
}

struct SignalSet::State {
  explicit State(asio::io_context& io) : signals(io) {}
  asio::signal_set signals;
};

SignalSet::SignalSet(std::unique_ptr<State> state) : state_(std::move(state)) {}
SignalSet::SignalSet(SignalSet&&) noexcept = default;
SignalSet& SignalSet::operator=(SignalSet&&) noexcept = default;
SignalSet::~SignalSet() = default;

Result<SignalSet> SignalSet::Make(asio::io_context& io, std::span<const int> signals) {
  auto state = std::make_unique<State>(io);
  for (const int number : signals) {
    error_code code;
    state->signals.add(number, code);
    if (code) return Fail(ErrorFrom(code, "signal " + std::to_string(number)));
  }
  return SignalSet(std::move(state));
}

awaitable<Result<int>> SignalSet::Wait() {
  const std::tuple<error_code, int> caught = co_await state_->signals.async_wait(kAwait);
  const error_code code = std::get<0>(caught);
  if (code) co_return Fail(ErrorFrom(code, "wait for a signal"));
  co_return std::get<1>(caught);
}

struct ReadableFd::State {
  explicit State(asio::io_context& io) : descriptor(io), timer(io) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (descriptor.is_open()) descriptor.release();  // borrowed: never closed here
  }
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer;
};

ReadableFd::ReadableFd(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReadableFd::ReadableFd(ReadableFd&&) noexcept = default;
ReadableFd& ReadableFd::operator=(ReadableFd&&) noexcept = default;
ReadableFd::~ReadableFd() = default;

Result<ReadableFd> ReadableFd::Make(asio::io_context& io, int fd) {
  auto state = std::make_unique<State>(io);
  error_code code;
  state->descriptor.assign(fd, code);
  if (code) return Fail(ErrorFrom(code, "watch a file descriptor"));
  return ReadableFd(std::move(state));
}

awaitable<Result<>> ReadableFd::Wait() {
  constexpr auto kRead = asio::posix::stream_descriptor::wait_read;
  const std::tuple<error_code> ready = co_await state_->descriptor.async_wait(kRead, kAwait);
  const error_code code = std::get<0>(ready);
  if (code) co_return Fail(ErrorFrom(code, "wait for a file descriptor"));
  co_return Result<>();
}

awaitable<Result<bool>> ReadableFd::WaitUntil(base::MonoTime deadline) {
  constexpr auto kRead = asio::posix::stream_descriptor::wait_read;
  state_->timer.expires_at(deadline);
  auto group =
      asio::experimental::make_parallel_group(state_->descriptor.async_wait(kRead, asio::deferred),
                                              state_->timer.async_wait(asio::deferred));
  constexpr asio::experimental::wait_for_one kFirst;
  const auto ended = co_await group.async_wait(kFirst, kAwait);
  const error_code read_code = std::get<1>(ended);
  const error_code timer_code = std::get<2>(ended);
  if (!read_code) co_return true;
  if (!timer_code) co_return false;
  co_return Fail(ErrorFrom(read_code, "wait for a file descriptor"));
}

struct Wakeup::State {
  explicit State(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  bool notified = false;
};

Wakeup::Wakeup(asio::io_context& io) : state_(std::make_unique<State>(io)) {}
Wakeup::~Wakeup() = default;

void Wakeup::Notify() {
  state_->notified = true;
  state_->timer.cancel();
}

awaitable<Result<>> Wakeup::Wait() {
  const Result<bool> woken = co_await WaitUntil(base::MonoTime::max());
  if (!woken) co_return Fail(woken.error());
  co_return Result<>();
}

awaitable<Result<bool>> Wakeup::WaitUntil(base::MonoTime deadline) {
  if (!state_->notified) {
    state_->timer.expires_at(deadline);
    const std::tuple<error_code> ended = co_await state_->timer.async_wait(kAwait);
    const error_code code = std::get<0>(ended);
    if (code && !state_->notified) co_return Fail(ErrorFrom(code, "wait"));
  }
  co_return std::exchange(state_->notified, false);
}

}  // namespace seccompd::net
