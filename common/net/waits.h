// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <span>

#include "common/base/result.h"
#include "common/base/time.h"

namespace seccompd::net {

// What a loop can wait for. A wait returns kCancelled when the loop is asked to stop meanwhile (a
// wait begun later throws, see supervisor.h); other errors are the operating system's. A wait with
// a deadline returns false when that came first. One wait at a time per object.

[[nodiscard]] boost::asio::awaitable<base::Result<>> SleepUntil(base::MonoTime deadline);
[[nodiscard]] boost::asio::awaitable<base::Result<>> SleepFor(std::chrono::nanoseconds duration);

// Lets every other ready loop run once: for long work in slices.
[[nodiscard]] boost::asio::awaitable<base::Result<>> Yield();

// Signals from construction on; none is lost between waits. Blocks nothing, needs no thread.
class SignalSet {
 public:
  // kInvalidArgument for a number that cannot be caught.
  [[nodiscard]] static base::Result<SignalSet> Make(boost::asio::io_context& io,
                                                    std::span<const int> signals);
  SignalSet(SignalSet&&) noexcept;
  SignalSet& operator=(SignalSet&&) noexcept;
  ~SignalSet();

  // The number of the next signal.
  [[nodiscard]] boost::asio::awaitable<base::Result<int>> Wait();

 private:
  struct State;
  explicit SignalSet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Waits for a borrowed file descriptor (inotify, a BPF ring) to be readable. The descriptor must
// support epoll and outlive this object, which never reads or closes it.
class ReadableFd {
 public:
  [[nodiscard]] static base::Result<ReadableFd> Make(boost::asio::io_context& io, int fd);
  ReadableFd(ReadableFd&&) noexcept;
  ReadableFd& operator=(ReadableFd&&) noexcept;
  ~ReadableFd();

  [[nodiscard]] boost::asio::awaitable<base::Result<>> Wait();
  [[nodiscard]] boost::asio::awaitable<base::Result<bool>> WaitUntil(base::MonoTime deadline);

 private:
  struct State;
  explicit ReadableFd(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One loop wakes another. Notifications before a wait are not lost, several are one.
class Wakeup {
 public:
  explicit Wakeup(boost::asio::io_context& io);
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void Notify();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Wait();
  [[nodiscard]] boost::asio::awaitable<base::Result<bool>> WaitUntil(base::MonoTime deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace seccompd::net
