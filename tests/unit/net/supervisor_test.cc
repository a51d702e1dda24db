// SPDX-License-Identifier: Apache-2.0
#include "common/net/supervisor.h"

#include <gmock/gmock.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>
#include <vector>

#include "common/net/waits.h"

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::Result;
using boost::asio::awaitable;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

using Events = std::vector<std::string>;

awaitable<Result<>> Succeed(Events* events) {
  events->push_back("succeeded");
  co_return Result<>();
}

awaitable<Result<>> FailWith(ErrorCode code) { co_return base::Fail(code, "the reason"); }

awaitable<Result<>> Throw() {
  throw std::runtime_error("thrown");
  co_return Result<>();
}

// Sleeps until it is stopped; the guard shows that its frame was unwound.
awaitable<Result<>> SleepForEver(Events* events) {
  struct Guard {
    Events* events;
    ~Guard() { events->push_back("unwound"); }
  };
  const Guard guard{events};
  Result<> slept = co_await SleepFor(hours(1));
  co_return slept;
}

// Does not look at kCancelled: must not be able to go on waiting.
awaitable<Result<>> SleepAgainAndAgain(int* turns) {
  for (;;) {
    co_await SleepFor(hours(1));
    ++*turns;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, hours(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

awaitable<Result<>> StopAll(Supervisor* supervisor) {
  supervisor->Stop();
  co_return Result<>();
}

// Cleans up with a wait of its own after it was stopped.
awaitable<Result<>> CleanUpSlowly(Events* events) {
  co_await SleepFor(hours(1));
  co_await boost::asio::this_coro::reset_cancellation_state();
  Result<> slept = co_await SleepFor(milliseconds(5));
  events->push_back(slept ? "cleaned" : "cut");
  co_return Result<>();
}

awaitable<Result<>> CleanUpForEver() {
  co_await SleepFor(hours(1));
  co_await boost::asio::this_coro::reset_cancellation_state();
  co_await SleepFor(hours(1));
  co_return Result<>();
}

awaitable<Result<>> StopSoon(Supervisor* supervisor, milliseconds grace) {
  supervisor->Stop(grace);
  co_return Result<>();
}

TEST(Supervisor, RunEndsWhenEveryLoopHas) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  supervisor.Spawn("one", Succeed(&events));
  supervisor.Spawn("two", Succeed(&events));
  EXPECT_TRUE(supervisor.Run());
  EXPECT_THAT(events, ElementsAre("succeeded", "succeeded"));
  EXPECT_EQ(supervisor.running(), 0U);
}

TEST(Supervisor, WithoutLoopsRunEndsAtOnce) {
  boost::asio::io_context io(1);
  EXPECT_TRUE(Supervisor(io).Run());
}

TEST(Supervisor, OneErrorEndsAllLoops) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  supervisor.Spawn("sleeper", SleepForEver(&events));
  supervisor.Spawn("audit", FailWith(ErrorCode::kIo));
  const Result<> outcome = supervisor.Run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kIo);
  EXPECT_EQ(outcome.error().message, "audit: the reason");
  EXPECT_THAT(events, ElementsAre("unwound"));
}

TEST(Supervisor, FirstErrorIsTheOutcome) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  supervisor.Spawn("first", FailWith(ErrorCode::kIo));
  supervisor.Spawn("second", FailWith(ErrorCode::kCorrupt));
  EXPECT_EQ(supervisor.Run().error().code, ErrorCode::kIo);
}

TEST(Supervisor, CancelledLoopIsNoError) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  supervisor.Spawn("one", FailWith(ErrorCode::kCancelled));
  EXPECT_TRUE(supervisor.Run());
}

TEST(Supervisor, ExceptionEndsTheRunWithItsText) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  supervisor.Spawn("sleeper", SleepForEver(&events));
  supervisor.Spawn("bug", Throw());
  const Result<> outcome = supervisor.Run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInternal);
  EXPECT_THAT(outcome.error().message, HasSubstr("bug"));
  EXPECT_THAT(outcome.error().message, HasSubstr("thrown"));
  EXPECT_THAT(events, ElementsAre("unwound"));
}

TEST(Supervisor, StopFromALoopEndsTheOthers) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  int turns = 0;
  supervisor.Spawn("sleeper", SleepForEver(&events));
  supervisor.Spawn("stubborn", SleepAgainAndAgain(&turns));
  supervisor.Spawn("stop", StopAll(&supervisor));
  EXPECT_TRUE(supervisor.Run());
  EXPECT_THAT(events, ElementsAre("unwound"));
  EXPECT_LE(turns, 1);
}

TEST(Supervisor, LoopThatHasNotStartedEndsToo) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  supervisor.Spawn("sleeper", SleepForEver(&events));
  supervisor.Stop();
  EXPECT_TRUE(supervisor.Run());
}

awaitable<Result<>> SpawnAndStop(Supervisor* supervisor, Events* events) {
  supervisor->Spawn("unborn", SleepForEver(events));
  supervisor->Stop();
  co_return Result<>();
}

TEST(Supervisor, LoopSpawnedJustBeforeStopEndsToo) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  supervisor.Spawn("spawner", SpawnAndStop(&supervisor, &events));
  EXPECT_TRUE(supervisor.Run());
  EXPECT_THAT(events, ElementsAre("unwound"));
}

awaitable<Result<>> StopAndThrow(Supervisor* supervisor) {
  supervisor->Stop();
  throw std::runtime_error("thrown late");
  co_return Result<>();
}

TEST(Supervisor, ExceptionAfterStopIsStillTheOutcome) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  supervisor.Spawn("bug", StopAndThrow(&supervisor));
  EXPECT_THAT(supervisor.Run().error().message, HasSubstr("thrown late"));
}

TEST(Supervisor, NothingStartsAfterStop) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  supervisor.Stop();
  supervisor.Spawn("late", Succeed(&events));
  EXPECT_TRUE(supervisor.Run());
  EXPECT_TRUE(events.empty());
}

TEST(Supervisor, CleanupMayWait) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Events events;
  supervisor.Spawn("slow", CleanUpSlowly(&events));
  supervisor.Spawn("stop", StopAll(&supervisor));
  EXPECT_TRUE(supervisor.Run());
  EXPECT_THAT(events, ElementsAre("cleaned"));
}

TEST(Supervisor, AbandonsAndNamesWhoDoesNotEnd) {
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  supervisor.Spawn("stuck", CleanUpForEver());
  supervisor.Spawn("stop", StopSoon(&supervisor, milliseconds(20)));
  const Result<> outcome = supervisor.Run();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(outcome.error().message, HasSubstr("stuck"));
}

TEST(Supervisor, ManyLoopsStopTogether) {
  for (int round = 0; round < 50; ++round) {
    boost::asio::io_context io(1);
    Supervisor supervisor(io);
    Events events;
    for (int i = 0; i < 40; ++i) supervisor.Spawn("sleeper", SleepForEver(&events));
    supervisor.Spawn("stop", StopAll(&supervisor));
    ASSERT_TRUE(supervisor.Run());
    ASSERT_EQ(events.size(), 40U);
  }
}

}  // namespace
}  // namespace seccompd::net
