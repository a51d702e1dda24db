// SPDX-License-Identifier: Apache-2.0
#include "common/net/waits.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <boost/asio/this_coro.hpp>
#include <csignal>
#include <optional>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/net/supervisor.h"

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::MonoTime;
using base::Result;
using base::UniqueFd;
using boost::asio::awaitable;
using std::chrono::hours;
using std::chrono::milliseconds;

MonoTime In(std::chrono::nanoseconds duration) {
  return std::chrono::steady_clock::now() + duration;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK), 0);
    read = UniqueFd(fds[0]);
    write = UniqueFd(fds[1]);
  }
  void Put() const { EXPECT_EQ(::write(write.get(), "x", 1), 1); }
  void Take() const {
    char c = 0;
    EXPECT_EQ(::read(read.get(), &c, 1), 1);
  }
  UniqueFd read;
  UniqueFd write;
};

awaitable<Result<>> Sleep(milliseconds duration, std::optional<Result<>>* outcome) {
  Result<> slept = co_await SleepFor(duration);
  *outcome = slept;
  co_return Result<>();
}

awaitable<Result<>> StopAfter(Supervisor* supervisor, milliseconds duration) {
  co_await SleepFor(duration);
  supervisor->Stop();
  co_return Result<>();
}

TEST(SleepFor, EndsAfterTheTime) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  std::optional<Result<>> outcome;
  const MonoTime start = std::chrono::steady_clock::now();
  supervisor.Spawn("sleep", Sleep(milliseconds(10), &outcome));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_TRUE(outcome && outcome->has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(10));
}

TEST(SleepFor, IsCancelledByStop) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  std::optional<Result<>> outcome;
  supervisor.Spawn("sleep", Sleep(hours(1), &outcome));
  supervisor.Spawn("stop", StopAfter(&supervisor, milliseconds(1)));
  ASSERT_TRUE(supervisor.Run());
  ASSERT_TRUE(outcome && !outcome->has_value());
  EXPECT_EQ(outcome->error().code, ErrorCode::kCancelled);
}

awaitable<Result<>> CountTurns(int* mine, const int* other, bool* alternated) {
  for (int i = 0; i < 100; ++i) {
    ++*mine;
    if (*mine - *other > 1) *alternated = false;
    CO_TRY(co_await Yield());
  }
  co_return Result<>();
}

TEST(Yield, LetsTheOtherLoopRun) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  int a = 0;
  int b = 0;
  bool alternated = true;
  supervisor.Spawn("a", CountTurns(&a, &b, &alternated));
  supervisor.Spawn("b", CountTurns(&b, &a, &alternated));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_TRUE(alternated);
}

awaitable<Result<>> YieldForEver() {
  for (;;) CO_TRY(co_await Yield());
}

TEST(Yield, BusyLoopCanBeStopped) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  supervisor.Spawn("busy", YieldForEver());
  supervisor.Spawn("stop", StopAfter(&supervisor, milliseconds(1)));
  EXPECT_TRUE(supervisor.Run());
}

awaitable<Result<>> CatchSignals(SignalSet* signals, std::vector<int>* caught, int count) {
  for (int i = 0; i < count; ++i) {
    CO_TRY_ASSIGN(const int number, co_await signals->Wait());
    caught->push_back(number);
  }
  co_return Result<>();
}

TEST(SignalSet, SignalsBeforeTheWaitAreNotLost) {
  boost::asio::io_context io(1);
  const std::array numbers = {SIGUSR1, SIGHUP};
  auto signals = SignalSet::Make(io, numbers);
  ASSERT_TRUE(signals);
  ASSERT_EQ(::raise(SIGUSR1), 0);
  ASSERT_EQ(::raise(SIGHUP), 0);
  Supervisor supervisor(io);
  std::vector<int> caught;
  supervisor.Spawn("signals", CatchSignals(&*signals, &caught, 2));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_EQ(caught, (std::vector<int>{SIGUSR1, SIGHUP}));
}

TEST(SignalSet, UncatchableSignalIsAnError) {
  boost::asio::io_context io(1);
  const std::array numbers = {SIGKILL};
  EXPECT_FALSE(SignalSet::Make(io, numbers));
}

awaitable<Result<>> WaitFor(ReadableFd* fd, MonoTime deadline,
                            std::optional<Result<bool>>* outcome) {
  Result<bool> waited = co_await fd->WaitUntil(deadline);
  *outcome = waited;
  co_return Result<>();
}

TEST(ReadableFd, DeadlineReturnsFalse) {
  boost::asio::io_context io(1);
  const Pipe pipe;
  auto readable = ReadableFd::Make(io, pipe.read.get());
  ASSERT_TRUE(readable);
  Supervisor supervisor(io);
  std::optional<Result<bool>> outcome;
  supervisor.Spawn("wait", WaitFor(&*readable, In(milliseconds(5)), &outcome));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_EQ(outcome.value().value(), false);
}

TEST(ReadableFd, BytesReturnTrueEvenIfTheyCameBefore) {
  boost::asio::io_context io(1);
  const Pipe pipe;
  pipe.Put();
  auto readable = ReadableFd::Make(io, pipe.read.get());
  ASSERT_TRUE(readable);
  Supervisor supervisor(io);
  std::optional<Result<bool>> outcome;
  supervisor.Spawn("wait", WaitFor(&*readable, In(hours(1)), &outcome));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_EQ(outcome.value().value(), true);
}

TEST(ReadableFd, StopReturnsCancelled) {
  boost::asio::io_context io(1);
  const Pipe pipe;
  auto readable = ReadableFd::Make(io, pipe.read.get());
  ASSERT_TRUE(readable);
  Supervisor supervisor(io);
  std::optional<Result<bool>> outcome;
  supervisor.Spawn("wait", WaitFor(&*readable, In(hours(1)), &outcome));
  supervisor.Spawn("stop", StopAfter(&supervisor, milliseconds(1)));
  ASSERT_TRUE(supervisor.Run());
  ASSERT_TRUE(outcome && !outcome->has_value());
  EXPECT_EQ(outcome->error().code, ErrorCode::kCancelled);
}

awaitable<Result<>> TakeBytes(ReadableFd* fd, const Pipe* pipe, int count) {
  for (int i = 0; i < count; ++i) {
    CO_TRY(co_await fd->Wait());
    pipe->Take();
  }
  co_return Result<>();
}

awaitable<Result<>> PutBytes(const Pipe* pipe, int count) {
  for (int i = 0; i < count; ++i) {
    pipe->Put();
    if (i % 3 == 0) CO_TRY(co_await Yield());
  }
  co_return Result<>();
}

TEST(ReadableFd, LevelNotEdge) {
  boost::asio::io_context io(1);
  const Pipe pipe;
  auto readable = ReadableFd::Make(io, pipe.read.get());
  ASSERT_TRUE(readable);
  Supervisor supervisor(io);
  supervisor.Spawn("take", TakeBytes(&*readable, &pipe, 100));
  supervisor.Spawn("put", PutBytes(&pipe, 100));
  EXPECT_TRUE(supervisor.Run());
}

TEST(ReadableFd, NeverClosesTheDescriptor) {
  boost::asio::io_context io(1);
  const Pipe pipe;
  { ASSERT_TRUE(ReadableFd::Make(io, pipe.read.get())); }
  EXPECT_NE(::fcntl(pipe.read.get(), F_GETFD), -1);
}

TEST(ReadableFd, BadDescriptorIsAnError) {
  boost::asio::io_context io(1);
  EXPECT_FALSE(ReadableFd::Make(io, -1));
}

awaitable<Result<>> CountWakeups(Wakeup* wakeup, int* woken, int until) {
  while (*woken < until) {
    CO_TRY(co_await wakeup->Wait());
    ++*woken;
  }
  co_return Result<>();
}

awaitable<Result<>> NotifyTimes(Wakeup* wakeup, int count) {
  for (int i = 0; i < count; ++i) {
    wakeup->Notify();
    CO_TRY(co_await Yield());
    CO_TRY(co_await Yield());
  }
  co_return Result<>();
}

TEST(Wakeup, EachNotificationWakes) {
  boost::asio::io_context io(1);
  Wakeup wakeup(io);
  Supervisor supervisor(io);
  int woken = 0;
  supervisor.Spawn("wait", CountWakeups(&wakeup, &woken, 10));
  supervisor.Spawn("notify", NotifyTimes(&wakeup, 10));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_EQ(woken, 10);
}

TEST(Wakeup, NotificationBeforeTheWaitIsKeptOnce) {
  boost::asio::io_context io(1);
  Wakeup wakeup(io);
  wakeup.Notify();
  wakeup.Notify();
  Supervisor supervisor(io);
  int woken = 0;
  supervisor.Spawn("wait", CountWakeups(&wakeup, &woken, 2));
  supervisor.Spawn("stop", StopAfter(&supervisor, milliseconds(5)));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_EQ(woken, 1);
}

awaitable<Result<>> WaitFor(Wakeup* wakeup, MonoTime deadline,
                            std::optional<Result<bool>>* outcome) {
  Result<bool> waited = co_await wakeup->WaitUntil(deadline);
  *outcome = waited;
  co_return Result<>();
}

TEST(Wakeup, DeadlineReturnsFalse) {
  boost::asio::io_context io(1);
  Wakeup wakeup(io);
  Supervisor supervisor(io);
  std::optional<Result<bool>> outcome;
  supervisor.Spawn("wait", WaitFor(&wakeup, In(milliseconds(2)), &outcome));
  ASSERT_TRUE(supervisor.Run());
  EXPECT_EQ(outcome.value().value(), false);
}

}  // namespace
}  // namespace seccompd::net
