// SPDX-License-Identifier: Apache-2.0
#include "common/net/supervisor.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/net/errors.h"

namespace seccompd::net {

namespace asio = boost::asio;

void Supervisor::Spawn(std::string name, asio::awaitable<base::Result<>> loop) {
  if (stopping_) return;
  loops_.emplace_back();
  const auto entry = std::prev(loops_.end());
  entry->name = std::move(name);
  auto ended = [this, entry](const std::exception_ptr&) { Ended(entry); };
  asio::co_spawn(io_, Follow(this, &*entry, std::move(loop)),
                 asio::bind_cancellation_slot(entry->signal.slot(), std::move(ended)));
}

// Asio 1.26 lets an exception out of io_context::run if a coroutine is cancelled before it first
// suspends. So one that has not started is never signalled, and the state is reset at the end.
asio::awaitable<void> Supervisor::Follow(Supervisor* self, Loop* entry,
                                         asio::awaitable<base::Result<>> loop) {
  std::exception_ptr thrown;
  if (self->stopping_) co_return;
  entry->started = true;
  try {
    entry->outcome = co_await std::move(loop);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) entry->outcome = base::Fail(ErrorFrom(thrown, "exception"));
  co_await asio::this_coro::reset_cancellation_state();
}

void Supervisor::Ended(std::list<Loop>::iterator loop) {
  if (!loop->outcome && loop->outcome.error().code != base::ErrorCode::kCancelled && !failure_) {
    failure_ = base::WithContext(loop->outcome.error(), loop->name);
  }
  loops_.erase(loop);
  if (failure_) Stop();
  if (loops_.empty()) io_.stop();
}

void Supervisor::Stop(std::chrono::milliseconds grace) {
  if (stopping_) return;
  stopping_ = true;
  deadline_.expires_after(grace);
  deadline_.async_wait([this](const boost::system::error_code& code) {
    if (!code) Abandon();
  });
  for (Loop& loop : loops_) {
    if (loop.started) loop.signal.emit(asio::cancellation_type::terminal);
  }
}

void Supervisor::Abandon() {
  std::vector<std::string> names;
  for (const Loop& loop : loops_) names.push_back(loop.name);
  if (!names.empty() && !failure_) {
    failure_ = base::Error{.code = base::ErrorCode::kDeadlineExceeded,
                           .message = "still running after stop: " + base::Join(names, ", ")};
  }
  io_.stop();
}

base::Result<> Supervisor::Run() {
  if (!loops_.empty()) io_.run();
  if (failure_) return base::Fail(*failure_);
  return {};
}

}  // namespace seccompd::net
