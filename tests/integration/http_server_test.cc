// SPDX-License-Identifier: Apache-2.0
// What a well-behaved client sees.
#include <gmock/gmock.h>
#include <unistd.h>

#include "common/net/gzip.h"
#include "tests/integration/http_server_fixture.h"

namespace seccompd::net {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(HttpServerTest, GetReturnsWhatTheHandlerSays) {
  StartTcp();
  const std::string response = Get(address_, "/hello?a=1&b=%41");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(BodyOf(response), "hello a=1 b=A\n");
  EXPECT_EQ(HeaderOf(response, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_THAT(HeaderOf(response, "Date"), HasSubstr(" GMT"));
}

TEST_F(HttpServerTest, Ipv6ListenAddress) {
  StartTcp({}, "[::1]:0");
  EXPECT_THAT(address_, StartsWith("[::1]:"));
  EXPECT_EQ(StatusOf(Get(address_, "/hello")), 200);
}

TEST_F(HttpServerTest, ConnectionServesManyRequests) {
  StartTcp();
  RawClient client(address_);
  for (int i = 0; i < 20; ++i) {
    client.Send("GET /hello?i=" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(BodyOf(client.ReadResponse()), "hello i=" + std::to_string(i) + "\n");
  }
  EXPECT_EQ(Connections(), 1U);
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  StartTcp();
  RawClient client(address_);
  std::string requests;
  for (int i = 0; i < 300; ++i) {
    requests += "GET /hello?i=" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  client.Send(requests);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(BodyOf(client.ReadResponse()), "hello i=" + std::to_string(i) + "\n");
  }
}

TEST_F(HttpServerTest, RequestsMayComeByteByByte) {
  StartTcp();
  RawClient client(address_);
  for (const char c : std::string("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")) {
    client.Send(std::string_view(&c, 1));
  }
  EXPECT_EQ(BodyOf(client.ReadResponse()), "hello\n");
}

TEST_F(HttpServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  StartTcp();
  RawClient client(address_);
  client.Send("HEAD /big HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = client.ReadResponse(true);
  EXPECT_EQ(StatusOf(head), 200);
  EXPECT_EQ(HeaderOf(head, "Content-Length"), "20000");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "hello\n");
}

TEST_F(HttpServerTest, UnknownPathIs404) {
  StartTcp();
  EXPECT_EQ(StatusOf(Get(address_, "/nothing")), 404);
}

TEST_F(HttpServerTest, OtherMethodIs405AndTheConnectionStays) {
  StartTcp();
  RawClient client(address_);
  client.Send("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string response = client.ReadResponse();
  EXPECT_EQ(StatusOf(response), 405);
  EXPECT_EQ(HeaderOf(response, "Allow"), "GET, HEAD");
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, PostWithBodyIs405AndClosed) {
  StartTcp();
  RawClient client(address_);
  client.Send("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" +
              std::string(30'000, 'x'));
  const std::string all = client.ReadAll();
  EXPECT_EQ(StatusOf(all), 405);
  EXPECT_EQ(HeaderOf(all, "Connection"), "close");
  EXPECT_THAT(all.substr(4), Not(HasSubstr("HTTP/1.1")));
}

TEST_F(HttpServerTest, GetWithBodyIs413) {
  StartTcp();
  RawClient client(address_);
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
  EXPECT_EQ(StatusOf(client.ReadAll()), 413);
}

TEST_F(HttpServerTest, Http11NeedsAHost) {
  StartTcp();
  RawClient client(address_);
  client.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 400);
}

TEST_F(HttpServerTest, Http10ClosesUnlessAsked) {
  StartTcp();
  RawClient closing(address_);
  closing.Send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_THAT(closing.ReadAll(), StartsWith("HTTP/1.0 200 OK\r\n"));
  RawClient staying(address_);
  staying.Send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(HeaderOf(staying.ReadResponse(), "Connection"), "keep-alive");
  staying.Send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(StatusOf(staying.ReadAll()), 200);
}

TEST_F(HttpServerTest, ConnectionCloseIsObeyed) {
  StartTcp();
  RawClient client(address_);
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(BodyOf(client.ReadAll()), "hello\n");
}

TEST_F(HttpServerTest, GzipOnlyWhereAcceptedAndWorthIt) {
  StartTcp();
  const std::string packed = Get(address_, "/big", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(HeaderOf(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(HeaderOf(packed, "Vary"), "Accept-Encoding");
  GzipInflater inflater(1 << 20);
  std::string body;
  ASSERT_TRUE(inflater.Push(BodyOf(packed), &body));
  EXPECT_TRUE(inflater.complete());
  EXPECT_EQ(body, std::string(20'000, 'b'));

  const std::string plain = Get(address_, "/big", "Accept-Encoding: gzip;q=0\r\n");
  EXPECT_EQ(HeaderOf(plain, "Content-Encoding"), "");
  EXPECT_EQ(BodyOf(plain).size(), 20'000U);
  const std::string small = Get(address_, "/hello", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(HeaderOf(small, "Content-Encoding"), "");
}

TEST_F(HttpServerTest, RequestsAreCountedByHandlerAndCode) {
  StartTcp();
  static_cast<void>(Get(address_, "/hello"));
  static_cast<void>(Get(address_, "/hello"));
  static_cast<void>(Get(address_, "/nothing"));
  RawClient client(address_);
  client.Send("POST / HTTP/1.1\r\nHost: x\r\n\r\n");
  static_cast<void>(client.ReadResponse());
  const RequestCounts expected = {{{.handler = "hello", .code = 200}, 2},
                                  {{.handler = "none", .code = 405}, 1},
                                  {{.handler = "other", .code = 404}, 1}};
  EXPECT_EQ(Requests(), expected);
}

TEST_F(HttpServerTest, UnixSocketServesThisUserAndSaysWho) {
  StartUnix();
  EXPECT_EQ(BodyOf(Get(address_, "/hello")), "hello uid=" + std::to_string(::geteuid()) + "\n");
}

TEST_F(HttpServerTest, PortInUseIsAnErrorThatNamesIt) {
  StartTcp();
  boost::asio::io_context io(1);
  const auto second =
      HttpServer::ListenTcp(io, address_, [](const Request&) { return Response{}; });
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(address_));
}

}  // namespace
}  // namespace seccompd::net
