// SPDX-License-Identifier: Apache-2.0
#include "common/net/supervisor.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>

namespace seccompd::net {

void Supervisor::Spawn(std::string name, boost::asio::awaitable<base::Result<>> loop) {
  loops_.emplace_back();
  const auto self = std::prev(loops_.end());
  self->name = std::move(name);
  auto ended = [this, self](const std::exception_ptr& thrown, base::Result<> result) {
    if (thrown) result = base::Fail(base::ErrorCode::kInternal, "threw an exception");
    if (!result && result.error().code != base::ErrorCode::kCancelled && !failure_) {
      failure_ = Failure{self->name, result.error()};
    }
    loops_.erase(self);
    if (failure_) Stop();
  };
  boost::asio::co_spawn(io_, std::move(loop),
                        boost::asio::bind_cancellation_slot(self->signal.slot(), std::move(ended)));
}

void Supervisor::Stop() {
  if (stopping_) return;
  stopping_ = true;
  for (Loop& loop : loops_) {
    // Posted: a signal must not resume a coroutine from inside another one's completion.
    boost::asio::post(io_, [this, target = &loop] {
      for (Loop& live : loops_) {
        if (&live == target) {
          live.signal.emit(boost::asio::cancellation_type::terminal);
          return;
        }
      }
    });
  }
}

}  // namespace seccompd::net
