// SPDX-License-Identifier: Apache-2.0
// Streams, deadlines and cancelling: what a watch needs.
#include <gmock/gmock.h>

#include "common/net/gzip.h"
#include "common/net/http_client.h"
#include "common/net/supervisor.h"
#include "common/net/waits.h"
#include "tests/unit/net/client_fixture.h"
#include "tests/unit/net/scripted_server.h"

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::Result;
using boost::asio::awaitable;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Stream {
  std::string body;
  std::optional<base::Error> error;
  std::size_t pieces = 0;
};

// Reads a stream to its end or error.
awaitable<Result<>> Follow(std::string url, milliseconds idle, Stream* stream) {
  const Url parsed = ParseUrl(url).value();
  Result<HttpConnection> connection = co_await HttpConnection::Connect(parsed, std::nullopt);
  if (!connection) co_return base::Fail(connection.error());
  const ClientRequest request;
  const Result<ReplyHead> head = co_await connection->Begin(request, seconds(20));
  if (!head) stream->error = head.error();
  while (!stream->error) {
    const auto piece = co_await connection->ReadSome(idle);
    if (!piece) {
      stream->error = piece.error();
    } else if (!*piece) {
      break;
    } else {
      ++stream->pieces;
      stream->body += **piece;
    }
  }
  co_return Result<>();
}

class HttpStreamTest : public testing::Test {
 protected:
  Stream Read(const ScriptedServer& server, milliseconds idle) {
    Stream stream;
    EXPECT_TRUE(RunOn(io_, Follow(server.Url(), idle, &stream)));
    return stream;
  }
  boost::asio::io_context io_{1};
};

TEST_F(HttpStreamTest, PiecesComeAsTheyAreSent) {
  const ScriptedServer server([](Peer& peer) {
    static_cast<void>(peer.ReadRequest());
    peer.Write(kChunked);
    for (int i = 0; i < 5; ++i) {
      peer.Write("4\r\nev" + std::to_string(i) + "\n\r\n");
      std::this_thread::sleep_for(milliseconds(5));
    }
    peer.Write("0\r\n\r\n");
    peer.WaitForClose();
  });
  const Stream stream = Read(server, seconds(20));
  EXPECT_FALSE(stream.error);
  EXPECT_EQ(stream.body, "ev0\nev1\nev2\nev3\nev4\n");
  EXPECT_GE(stream.pieces, 2U);
}

TEST_F(HttpStreamTest, DripNeverTripsTheIdleDeadline) {
  const ScriptedServer server([](Peer& peer) {
    static_cast<void>(peer.ReadRequest());
    peer.Write(kChunked);
    peer.Drip("4;extension\r\nabcd\r\n0\r\n\r\n", milliseconds(20));
    peer.WaitForClose();
  });
  const Stream stream = Read(server, milliseconds(300));
  EXPECT_FALSE(stream.error) << stream.error->message;
  EXPECT_EQ(stream.body, "abcd");
}

TEST_F(HttpStreamTest, SilenceEndsAtTheIdleDeadline) {
  const ScriptedServer server([](Peer& peer) {
    static_cast<void>(peer.ReadRequest());
    peer.Write(std::string(kChunked) + "4\r\nabcd\r\n");
    peer.WaitForClose();
  });
  const Clock::time_point start = Clock::now();
  const Stream stream = Read(server, milliseconds(100));
  ASSERT_TRUE(stream.error);
  EXPECT_EQ(stream.error->code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(stream.body, "abcd");
  EXPECT_LT(Clock::now() - start, seconds(15));
}

TEST_F(HttpStreamTest, CloseInTheMiddleIsAnErrorAfterWhatCame) {
  const ScriptedServer server([](Peer& peer) {
    static_cast<void>(peer.ReadRequest());
    peer.Write(std::string(kChunked) + "4\r\nabcd\r\n9\r\nefg");
  });
  const Stream stream = Read(server, seconds(20));
  ASSERT_TRUE(stream.error);
  EXPECT_EQ(stream.error->code, ErrorCode::kUnavailable);
  EXPECT_EQ(stream.body, "abcdefg");
}

TEST_F(HttpStreamTest, GzipMemberAtEveryFlush) {
  const ScriptedServer server([](Peer& peer) {
    static_cast<void>(peer.ReadRequest());
    peer.Write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; ++i) {
      const std::string member = GzipCompress("event" + std::to_string(i) + "\n").value();
      std::string hex = "0123456789abcdef";
      hex = {hex[member.size() / 16], hex[member.size() % 16]};
      peer.Write(hex + "\r\n" + member + "\r\n");
      std::this_thread::sleep_for(milliseconds(2));
    }
    peer.Write("0\r\n\r\n");
    peer.WaitForClose();
  });
  const Stream stream = Read(server, seconds(20));
  EXPECT_FALSE(stream.error);
  EXPECT_EQ(stream.body, "event0\nevent1\nevent2\n");
}

TEST_F(HttpStreamTest, SilentServerEndsExchangeAtTheDeadline) {
  const ScriptedServer server([](Peer& peer) { peer.WaitForClose(); });
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  const auto reply = RunOn(io_, connection->Exchange({}, milliseconds(100), 100));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_FALSE(connection->reusable());
}

TEST_F(HttpStreamTest, DripDoesNotStretchExchange) {
  for (const std::string& answer :
       {"HTTP/1.1 200 OK\r\nX: " + std::string(5'000, 'a'),
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5'000, 'a')}) {
    const ScriptedServer server([&](Peer& peer) {
      static_cast<void>(peer.ReadRequest());
      peer.Drip(answer, milliseconds(5));
    });
    auto connection = ConnectTo(io_, server.Url());
    ASSERT_TRUE(connection);
    const Clock::time_point start = Clock::now();
    const auto reply = RunOn(io_, connection->Exchange({}, milliseconds(200), 10'000));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
    EXPECT_LT(Clock::now() - start, seconds(5));
  }
}

TEST_F(HttpStreamTest, ServerThatReadsNothingEndsSendingAtTheDeadline) {
  const ScriptedServer server([](Peer&) { std::this_thread::sleep_for(milliseconds(500)); });
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  ClientRequest request{.method = "POST", .body = std::string(std::size_t{64} << 20, 'x')};
  const auto reply = RunOn(io_, connection->Exchange(std::move(request), milliseconds(100), 100));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(HttpStreamTest, RequestDuringAnAnswerIsRefused) {
  const ScriptedServer server([](Peer& peer) {
    static_cast<void>(peer.ReadRequest());
    peer.Write(std::string(kChunked) + "1\r\na\r\n");
    peer.WaitForClose();
  });
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(RunOn(io_, connection->Begin({}, seconds(20))));
  const auto second = RunOn(io_, connection->Begin({}, seconds(20)));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(HttpStreamTest, ReadingWithoutARequestIsRefused) {
  const ScriptedServer server([](Peer& peer) { peer.WaitForClose(); });
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  EXPECT_FALSE(RunOn(io_, connection->ReadSome(seconds(1))));
}

awaitable<Result<>> StopAfter(Supervisor* supervisor, milliseconds duration) {
  co_await SleepFor(duration);
  supervisor->Stop();
  co_return Result<>();
}

// The stop comes at any point of the conversation, and every loop ends at once.
TEST_F(HttpStreamTest, StopEndsAStreamAtAnyPoint) {
  const ServerTls* plain = nullptr;
  const ScriptedServer server(
      [](Peer& peer) {
        static_cast<void>(peer.ReadRequest());
        peer.Write(kChunked);
        while (peer.alive()) peer.Write("5\r\nevent\r\n");
      },
      plain);
  for (int i = 0; i < 60; ++i) {
    boost::asio::io_context io(1);
    Supervisor supervisor(io);
    Stream stream;
    supervisor.Spawn("watch", Follow(server.Url(), seconds(600), &stream));
    supervisor.Spawn("stop", StopAfter(&supervisor, milliseconds(i % 6)));
    const Clock::time_point start = Clock::now();
    const Result<> outcome = supervisor.Run();
    ASSERT_TRUE(outcome) << outcome.error().message;
    ASSERT_LT(Clock::now() - start, seconds(4));
  }
}

TEST_F(HttpStreamTest, StopEndsAWaitForTheServer) {
  const ScriptedServer server([](Peer& peer) { peer.WaitForClose(); });
  boost::asio::io_context io(1);
  Supervisor supervisor(io);
  Stream stream;
  supervisor.Spawn("watch", Follow(server.Url(), seconds(600), &stream));
  supervisor.Spawn("stop", StopAfter(&supervisor, milliseconds(20)));
  EXPECT_TRUE(supervisor.Run());
  ASSERT_TRUE(stream.error);
  EXPECT_EQ(stream.error->code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace seccompd::net
