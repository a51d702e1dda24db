// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_client.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>

#include "common/net/gzip.h"
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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::size_t kPlenty = 1 << 20;

// Answers every request with the same bytes, then stays or closes.
ScriptedServer::Script Say(std::string bytes, bool close = false) {
  return [bytes = std::move(bytes), close](Peer& peer) {
    while (!peer.ReadRequest().empty()) {
      peer.Write(bytes);
      if (close) return;
    }
  };
}

std::string WithLength(const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class HttpClientTest : public testing::Test {
 protected:
  Result<Reply> Get(const ScriptedServer& server, ClientRequest request = {},
                    milliseconds timeout = seconds(20), std::size_t max_body = kPlenty) {
    TRY_ASSIGN(HttpConnection connection, ConnectTo(io_, server.Url()));
    return RunOn(io_, connection.Exchange(std::move(request), timeout, max_body));
  }
  // The error of a server that says `bytes` and closes.
  ErrorCode ErrorOf(const std::string& bytes, std::size_t max_body = kPlenty) {
    const ScriptedServer server(Say(bytes, true));
    const Result<Reply> reply = Get(server, {}, seconds(20), max_body);
    EXPECT_FALSE(reply) << bytes.substr(0, 200);
    return reply ? ErrorCode::kInternal : reply.error().code;
  }

  boost::asio::io_context io_{1};
};

TEST_F(HttpClientTest, ReadsStatusHeadersAndBody) {
  const ScriptedServer server(Say(WithLength("hello", "X-A: 1\r\nX-B: 2\r\n")));
  const auto reply = Get(server);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->head.status, 200);
  EXPECT_EQ(reply->head.Header("x-b"), "2");
  EXPECT_THAT(reply->head.headers,
              ElementsAre(Pair("X-A", "1"), Pair("X-B", "2"), Pair("Content-Length", "5")));
  EXPECT_EQ(reply->body, "hello");
}

TEST_F(HttpClientTest, SendsWhatIsAsked) {
  std::string request;
  const ScriptedServer server([&](Peer& peer) {
    request = peer.ReadRequest();
    peer.Write(WithLength(""));
  });
  ASSERT_TRUE(Get(server, {.target = "/api?x=1", .headers = {{"Accept", "a/b"}}, .gzip = true}));
  EXPECT_THAT(request, HasSubstr("GET /api?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(request, HasSubstr("Accept-Encoding: gzip\r\nAccept: a/b\r\n"));
}

TEST_F(HttpClientTest, ConnectionIsUsedAgain) {
  const ScriptedServer server(Say(WithLength("x")));
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(RunOn(io_, connection->Exchange({}, seconds(20), 10)));
    EXPECT_TRUE(connection->reusable());
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, ConnectionCloseEndsIt) {
  const ScriptedServer server(Say(WithLength("x", "Connection: close\r\n")));
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(RunOn(io_, connection->Exchange({}, seconds(20), 10)));
  EXPECT_FALSE(connection->reusable());
  const auto second = RunOn(io_, connection->Exchange({}, seconds(20), 10));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(HttpClientTest, BytesAfterTheAnswerEndIt) {
  const ScriptedServer server(Say(WithLength("x") + "surplus"));
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(RunOn(io_, connection->Exchange({}, seconds(20), 10)));
  EXPECT_FALSE(connection->reusable());
}

TEST_F(HttpClientTest, StaleConnectionIsUnavailable) {
  const ScriptedServer server(Say(WithLength("x"), true));
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(RunOn(io_, connection->Exchange({}, seconds(20), 10)));
  const auto second = RunOn(io_, connection->Exchange({}, seconds(20), 10));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

TEST_F(HttpClientTest, ThrottledWithTextAndRetryAfter) {
  const std::string body = "Too many requests, please try again later.\n";
  const ScriptedServer server(
      Say("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Type: text/plain\r\n"
          "Content-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body));
  const auto reply = Get(server);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->head.status, 429);
  EXPECT_EQ(reply->head.retry_after, seconds(7));
  EXPECT_EQ(reply->body, body);
}

TEST_F(HttpClientTest, RetryAfterThatIsNoNumberIsIgnored) {
  for (const std::string value :
       {"Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5", "99999999999", ""}) {
    const ScriptedServer server(Say(WithLength("", "Retry-After: " + value + "\r\n")));
    EXPECT_EQ(Get(server).value().head.retry_after, std::nullopt) << value;
  }
}

TEST_F(HttpClientTest, AnswersWithoutBody) {
  const ScriptedServer none(Say("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_EQ(Get(none).value().body, "");
  const ScriptedServer head(Say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  EXPECT_EQ(Get(head, {.method = "HEAD"}).value().body, "");
}

TEST_F(HttpClientTest, InterimAnswersAreSkipped) {
  const ScriptedServer server(
      Say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
          WithLength("final")));
  EXPECT_EQ(Get(server).value().body, "final");
}

TEST_F(HttpClientTest, EndlessInterimAnswersAreCorrupt) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(ErrorOf(many), ErrorCode::kCorrupt);
}

TEST_F(HttpClientTest, ChunksAreJoinedAtEverySplit) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
      "5\r\nhello\r\n1;ext=\"a\"\r\n \r\n00a\r\nwide world\r\n0\r\nX: y\r\n\r\n";
  std::size_t split = 0;
  const ScriptedServer server([&](Peer& peer) {
    while (!peer.ReadRequest().empty()) {
      peer.Write(std::string_view(answer).substr(0, split));
      std::this_thread::sleep_for(milliseconds(1));
      peer.Write(std::string_view(answer).substr(split));
    }
  });
  auto connection = ConnectTo(io_, server.Url());
  ASSERT_TRUE(connection);
  for (split = 0; split < answer.size(); ++split) {
    const auto reply = RunOn(io_, connection->Exchange({}, seconds(20), kPlenty));
    ASSERT_TRUE(reply) << split << ": " << reply.error().message;
    ASSERT_EQ(reply->body, "hello wide world") << split;
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, ChunksMayComeByteByByte) {
  const ScriptedServer server([](Peer& peer) {
    static_cast<void>(peer.ReadRequest());
    peer.Drip("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
              milliseconds(0));
  });
  EXPECT_EQ(Get(server).value().body, "abc");
}

TEST_F(HttpClientTest, LargeBody) {
  std::string body(std::size_t{5} << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 7) body[i] = static_cast<char>('a' + i % 26);
  const ScriptedServer server(Say(WithLength(body)));
  const auto reply = Get(server, {}, seconds(20), body.size());
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->body == body);
}

TEST_F(HttpClientTest, BodyMayEndWithTheConnection) {
  const ScriptedServer server(Say("HTTP/1.1 200 OK\r\n\r\nuntil the end", true));
  EXPECT_EQ(Get(server).value().body, "until the end");
}

TEST_F(HttpClientTest, GzipIsInflated) {
  const std::string packed = GzipCompress("some text").value();
  const ScriptedServer server(Say(WithLength(packed, "Content-Encoding: gzip\r\n")));
  EXPECT_EQ(Get(server).value().body, "some text");
}

TEST_F(HttpClientTest, GzipMembersFollowEachOther) {
  const std::string packed = GzipCompress("one ").value() + GzipCompress("two").value();
  const ScriptedServer server(Say(WithLength(packed, "Content-Encoding: gzip\r\n")));
  EXPECT_EQ(Get(server).value().body, "one two");
}

TEST_F(HttpClientTest, BadEncodingsAreCorrupt) {
  const std::string packed = GzipCompress("some text").value();
  const std::string cut = packed.substr(0, packed.size() - 3);
  EXPECT_EQ(ErrorOf(WithLength(cut, "Content-Encoding: gzip\r\n")), ErrorCode::kCorrupt);
  EXPECT_EQ(ErrorOf(WithLength("plain", "Content-Encoding: gzip\r\n")), ErrorCode::kCorrupt);
  EXPECT_EQ(ErrorOf(WithLength("x", "Content-Encoding: br\r\n")), ErrorCode::kCorrupt);
}

TEST_F(HttpClientTest, BodyLimitHoldsForEveryFraming) {
  const std::string body(101, 'x');
  EXPECT_EQ(ErrorOf(WithLength(body), 100), ErrorCode::kResourceExhausted);
  EXPECT_EQ(ErrorOf("HTTP/1.1 200 OK\r\n\r\n" + body, 100), ErrorCode::kResourceExhausted);
  EXPECT_EQ(ErrorOf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + body +
                        "\r\n0\r\n\r\n",
                    100),
            ErrorCode::kResourceExhausted);
  const std::string bomb = GzipCompress(std::string(kPlenty, '\0')).value();
  EXPECT_EQ(ErrorOf(WithLength(bomb, "Content-Encoding: gzip\r\n"), 10'000),
            ErrorCode::kResourceExhausted);
  const ScriptedServer server(Say(WithLength(std::string(100, 'x'))));
  EXPECT_TRUE(Get(server, {}, seconds(20), 100));
}

TEST_F(HttpClientTest, GarbageIsCorrupt) {
  const std::string garbage[] = {
      "SSH-2.0-OpenSSH_9.2\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 abc OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      std::string(20, '\0'),
  };
  for (const std::string& bytes : garbage) EXPECT_EQ(ErrorOf(bytes), ErrorCode::kCorrupt) << bytes;
}

TEST_F(HttpClientTest, HeaderWithoutEndIsRefused) {
  EXPECT_EQ(ErrorOf("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'a')),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(ErrorOf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                    std::string(200'000, 'a')),
            ErrorCode::kCorrupt);
}

TEST_F(HttpClientTest, CutAnswersAreUnavailable) {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t size = 0; size < chunked.size(); ++size) {
    EXPECT_EQ(ErrorOf(chunked.substr(0, size)), ErrorCode::kUnavailable) << size;
  }
  EXPECT_EQ(ErrorOf("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), ErrorCode::kUnavailable);
}

TEST_F(HttpClientTest, RefusedConnectionIsUnavailable) {
  std::string url;
  { url = ScriptedServer(Say("")).Url(); }
  const auto connection = ConnectTo(io_, url);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(connection.error().message, HasSubstr("127.0.0.1:"));
}

TEST_F(HttpClientTest, UnknownNameIsUnavailable) {
  const auto connection =
      ConnectTo(io_, "http://no-such-host.invalid:80", {}, {.connect_timeout = seconds(20)});
  ASSERT_FALSE(connection);
  EXPECT_THAT(connection.error().message, HasSubstr("no-such-host.invalid"));
}

TEST_F(HttpClientTest, UnixSocket) {
  std::string pattern = std::filesystem::temp_directory_path() / "seccompd-client-XXXXXX";
  const std::string directory = ::mkdtemp(pattern.data());
  const std::string path = directory + "/run/s.sock";
  const auto server = ScriptedServer::AtPath(path, Say(WithLength("by unix")));
  auto connection = RunOn(io_, HttpConnection::ConnectUnix(path));
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(RunOn(io_, connection->Exchange({}, seconds(20), 100)).value().body, "by unix");
  const auto none = RunOn(io_, HttpConnection::ConnectUnix(path + "x"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr(path));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace seccompd::net
