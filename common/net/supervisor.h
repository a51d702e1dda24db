// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace seccompd::net {

// Runs the program's loops on one io_context and ends them together. One thread, no lock.
//
// A loop is an awaitable<Result<>>. It may end with success or kCancelled (its work is done) at any
// time; another error, or an exception, ends the run with that error. After Stop the operation that
// a loop waits in completes with operation_aborted, and any later co_await of it throws
// system_error(operation_aborted), which ends the loop as kCancelled; so every loop ends, and RAII
// is its cleanup. Cleanup that must wait calls co_await this_coro::reset_cancellation_state()
// first.
//
// Destroy it after the io_context ran out, before the io_context.
class Supervisor {
 public:
  explicit Supervisor(boost::asio::io_context& io) : io_(io), deadline_(io) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts a loop at the next turn of the io_context. `name` stands in errors. After Stop: no
  // effect.
  void Spawn(std::string name, boost::asio::awaitable<base::Result<>> loop);

  // Asks every loop to end, once; later calls change nothing. Loops that have not ended after
  // `grace` are abandoned and named in the error of Run. May be called from a loop.
  void Stop(std::chrono::milliseconds grace = std::chrono::seconds(5));

  // Turns the io_context until every loop has ended. The first error, or success. Call it once.
  [[nodiscard]] base::Result<> Run();

  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] std::size_t running() const { return loops_.size(); }

 private:
  struct Loop {
    std::string name;
    boost::asio::cancellation_signal signal;
    base::Result<> outcome;
    bool started = false;
  };
  static boost::asio::awaitable<void> Follow(Supervisor* self, Loop* entry,
                                             boost::asio::awaitable<base::Result<>> loop);
  void Ended(std::list<Loop>::iterator loop);
  void Abandon();

  boost::asio::io_context& io_;
  boost::asio::steady_timer deadline_;
  std::list<Loop> loops_;
  std::optional<base::Error> failure_;
  bool stopping_ = false;
};

}  // namespace seccompd::net
