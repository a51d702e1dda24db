// SPDX-License-Identifier: Apache-2.0
// Slow, broken and hostile clients, and the end of the server.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <random>

#include "tests/integration/http_server_fixture.h"

namespace seccompd::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(HttpServerTest, HeaderTooLargeIs431) {
  StartTcp();
  RawClient client(address_);
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nX: " + std::string(9'000, 'a') + "\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadAll()), 431);
}

TEST_F(HttpServerTest, HeaderThatNeverEndsIs431) {
  StartTcp();
  RawClient client(address_);
  client.Send("GET /hello HTTP/1.1\r\n");
  for (int i = 0; i < 2'000; ++i) client.Send("X-" + std::to_string(i) + ": y\r\n");
  EXPECT_EQ(StatusOf(client.ReadAll()), 431);
}

TEST_F(HttpServerTest, HeaderJustBelowTheLimitIsServed) {
  StartTcp();
  RawClient client(address_);
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nX: " + std::string(8'000, 'a') + "\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, GarbageIs400) {
  StartTcp();
  for (const std::string_view garbage :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n", "hello\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nBad Name: 1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"}) {
    RawClient client(address_);
    client.Send(garbage);
    EXPECT_EQ(StatusOf(client.ReadAll()), 400) << garbage;
  }
  EXPECT_EQ(StatusOf(Get(address_, "/hello")), 200);
}

TEST_F(HttpServerTest, RandomBytesNeverDisturbIt) {
  StartTcp();
  std::minstd_rand random(7);
  for (int i = 0; i < 100; ++i) {
    RawClient client(address_);
    std::string bytes(random() % 3'000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    client.Send(bytes);
    client.FinishSending();
    static_cast<void>(client.ReadAll());
  }
  EXPECT_EQ(StatusOf(Get(address_, "/hello")), 200);
  EXPECT_TRUE(WaitForConnections(0));
}

TEST_F(HttpServerTest, SlowHeaderIsCutAtTheDeadlineHoweverItDrips) {
  StartTcp({.header_timeout = milliseconds(200)});
  RawClient client(address_);
  const Clock::time_point start = Clock::now();
  client.Send("GET /hello HTTP/1.1\r\n");
  bool closed = false;
  for (int i = 0; i < 400 && !closed; ++i) {
    client.Send("X: y\r\n");
    closed = client.ClosedWithin(milliseconds(10));
  }
  EXPECT_TRUE(closed);
  EXPECT_GE(Clock::now() - start, milliseconds(190));
}

TEST_F(HttpServerTest, SilentClientIsClosedAtTheDeadline) {
  StartTcp({.header_timeout = milliseconds(100)});
  RawClient client(address_);
  EXPECT_TRUE(client.ClosedWithin(seconds(10)));
}

TEST_F(HttpServerTest, IdleConnectionIsClosed) {
  StartTcp({.idle_timeout = milliseconds(100)});
  RawClient client(address_);
  client.Send(kHello);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
  EXPECT_TRUE(client.ClosedWithin(seconds(10)));
}

TEST_F(HttpServerTest, HalfOpenClientStillGetsItsAnswer) {
  StartTcp();
  RawClient client(address_);
  client.Send(kHello);
  client.FinishSending();
  EXPECT_EQ(StatusOf(client.ReadAll()), 200);
}

TEST_F(HttpServerTest, HalfRequestThenEndIsClosedWithoutAnAnswer) {
  StartTcp();
  RawClient client(address_);
  client.Send("GET /hel");
  client.FinishSending();
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_TRUE(WaitForConnections(0));
}

TEST_F(HttpServerTest, ClientThatDoesNotReadIsCutAtTheDeadline) {
  StartTcp({.write_timeout = milliseconds(200)});
  RawClient client(address_);
  client.Send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(WaitForConnections(1));
  EXPECT_TRUE(WaitForConnections(0));
}

TEST_F(HttpServerTest, ClientThatVanishesDuringTheAnswerIsForgotten) {
  StartTcp();
  for (int i = 0; i < 5; ++i) {
    RawClient client(address_);
    client.Send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_TRUE(WaitForConnections(0));
  EXPECT_EQ(StatusOf(Get(address_, "/hello")), 200);
}

TEST_F(HttpServerTest, TwoHundredConnectionsNeverExceedTheLimit) {
  StartTcp();
  std::deque<RawClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(address_);
    ASSERT_TRUE(clients.back().connected());
    clients.back().Send(kHello);
    ASSERT_EQ(StatusOf(clients.back().ReadResponse()), 200) << i;
  }
  EXPECT_LE(Connections(), 64U);
  int open = 0;
  for (RawClient& client : clients) {
    client.Send(kHello);
    open += StatusOf(client.ReadResponse()) == 200 ? 1 : 0;
  }
  EXPECT_EQ(open, 64);
}

TEST_F(HttpServerTest, SlowClientsCannotLockOthersOut) {
  StartTcp({.max_connections = 8});
  std::deque<RawClient> slow;
  for (int i = 0; i < 30; ++i) {
    slow.emplace_back(address_);
    slow.back().Send("GET /hello HTTP/1.1\r\nX: ");
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(StatusOf(Get(address_, "/hello")), 200);
  EXPECT_LE(Connections(), 8U);
}

TEST_F(HttpServerTest, FullOfAnswersUnderWayIs503) {
  StartTcp({.max_connections = 2});
  std::deque<RawClient> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back(address_);
    busy.back().Send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n");
    while (Requests()[{.handler = "huge", .code = 200}] != static_cast<std::uint64_t>(i + 1)) {
    }
  }
  RawClient client(address_);
  EXPECT_EQ(StatusOf(client.ReadAll()), 503);
  EXPECT_EQ((Requests()[{.handler = "none", .code = 503}]), 1U);
}

TEST_F(HttpServerTest, NoDescriptorLeftDoesNotSpin) {
  StartTcp();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  RawClient served(address_);
  served.Send(kHello);
  ASSERT_EQ(StatusOf(served.ReadResponse()), 200);
  std::deque<RawClient> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(address_);
  ASSERT_TRUE(WaitForConnections(4));
  const int free_fd = ::dup(0);
  ::close(free_fd);
  const rlimit full{.rlim_cur = static_cast<rlim_t>(free_fd) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &full), 0);
  RawClient waiting(address_);  // takes the last descriptor
  rusage start{};
  ::getrusage(RUSAGE_SELF, &start);
  std::this_thread::sleep_for(milliseconds(300));
  rusage end{};
  ::getrusage(RUSAGE_SELF, &end);
  served.Send(kHello);
  EXPECT_EQ(StatusOf(served.ReadResponse()), 200);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_LT(end.ru_nivcsw + end.ru_nvcsw - start.ru_nivcsw - start.ru_nvcsw, 100);
  waiting.Send(kHello);
  EXPECT_EQ(StatusOf(waiting.ReadResponse()), 200);
}

TEST_F(HttpServerTest, StopClosesWaitingConnectionsAtOnce) {
  StartTcp();
  RawClient idle(address_);
  idle.Send(kHello);
  ASSERT_EQ(StatusOf(idle.ReadResponse()), 200);
  RawClient half(address_);
  half.Send("GET /hel");
  ASSERT_TRUE(WaitForConnections(2));
  const Clock::time_point start = Clock::now();
  EXPECT_TRUE(Stop());
  EXPECT_LT(Clock::now() - start, milliseconds(900));
  EXPECT_TRUE(idle.ClosedWithin(seconds(1)));
  EXPECT_FALSE(RawClient(address_).connected());
}

TEST_F(HttpServerTest, StopLetsAnAnswerFinish) {
  StartTcp({.stop_grace = seconds(4)});
  RawClient client(address_);
  client.Send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n");
  while (Requests()[{.handler = "huge", .code = 200}] != 1) {
  }
  std::thread stopper([this] { EXPECT_TRUE(Stop()); });
  const std::string response = client.ReadAll();
  stopper.join();
  EXPECT_EQ(BodyOf(response).size(), std::size_t{64} << 20);
}

TEST_F(HttpServerTest, StopCutsAnAnswerThatNobodyReads) {
  StartTcp({.stop_grace = milliseconds(100)});
  RawClient client(address_);
  client.Send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n");
  while (Requests()[{.handler = "huge", .code = 200}] != 1) {
  }
  const Clock::time_point start = Clock::now();
  EXPECT_TRUE(Stop());
  EXPECT_LT(Clock::now() - start, seconds(3));
}

TEST_F(HttpServerTest, UnixSocketRefusesOtherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  StartUnix();
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod((directory_ + "/run").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(address_.c_str(), 0666), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
    RawClient client(address_);
    client.Send(kHello);
    ::_exit(!client.connected() ? 2 : client.ReadAll(seconds(10)).empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(StatusOf(Get(address_, "/hello")), 200);
}

}  // namespace
}  // namespace seccompd::net
