// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <list>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace seccompd::net {

// Owns the loops of one io_context. A loop that ends with an error other than kCancelled is a
// defect of ours: it is recorded and everything is stopped, so that the process ends and is started
// anew. Expected failures are a loop's own business: it backs off and goes on.
class Supervisor {
 public:
  struct Failure {
    std::string loop;
    base::Error error;
  };

  explicit Supervisor(boost::asio::io_context& io) : io_(io) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void Spawn(std::string name, boost::asio::awaitable<base::Result<>> loop);

  // Emits terminal cancellation to every loop, once; each sees kCancelled at its next await.
  void Stop();

  [[nodiscard]] std::size_t running() const { return loops_.size(); }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

 private:
  struct Loop {
    std::string name;
    boost::asio::cancellation_signal signal;
  };

  boost::asio::io_context& io_;
  std::list<Loop> loops_;  // a list: the signals' addresses are held by the coroutines
  bool stopping_ = false;
  std::optional<Failure> failure_;
};

}  // namespace seccompd::net
