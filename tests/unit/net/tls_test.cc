// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "tests/unit/net/client_fixture.h"
#include "tests/unit/net/scripted_server.h"

namespace seccompd::net {
namespace {

using base::ErrorCode;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

void Answer(Peer& peer) {
  while (!peer.ReadRequest().empty()) peer.Write(kOk);
}

class TlsTest : public testing::Test {
 protected:
  TlsTest() : authority_(MakeAuthority("authority")) {}

  [[nodiscard]] TlsContext Trusting(const std::string& ca_pem, const std::string& name = "") const {
    return TlsContext::Make({.ca_pem = ca_pem, .server_name = name}).value();
  }
  // What a client that trusts the authority gets from a server with this certificate.
  Result<Reply> Try(const CertificateOptions& options, const std::string& server_name = "",
                    const std::string& listen = "127.0.0.1") {
    const ServerTls tls{.certificate = MakeCertificate(options, &authority_)};
    const ScriptedServer server(Answer, &tls, listen);
    return Get(server.Url(), Trusting(authority_.pem, server_name));
  }
  Result<Reply> Get(const std::string& url, const TlsContext& context) {
    TRY_ASSIGN(HttpConnection connection,
               ConnectTo(io_, url, context, {.handshake_timeout = seconds(10)}));
    return RunOn(io_, connection.Exchange(ClientRequest{}, seconds(10), 1000));
  }
  void ExpectRefused(const Result<Reply>& reply, const std::string& why) {
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::kPermissionDenied);
    EXPECT_THAT(reply.error().message, HasSubstr(why));
  }

  boost::asio::io_context io_{1};
  Certificate authority_;
};

TEST_F(TlsTest, Ipv4AddressInTheCertificate) {
  const auto reply = Try({.ips = {"10.1.2.3", "127.0.0.1"}});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "ok");
}

TEST_F(TlsTest, Ipv6AddressInTheCertificate) {
  const auto reply = Try({.ips = {"::1"}}, "", "::1");
  EXPECT_TRUE(reply) << reply.error().message;
}

TEST_F(TlsTest, NameFromTheResolver) {
  const ServerTls tls{.certificate = MakeCertificate({.dns = {"localhost"}}, &authority_)};
  std::string asked;
  const ScriptedServer server(
      [&](Peer& peer) {
        asked = peer.ServerName();
        Answer(peer);
      },
      &tls);
  const auto reply = Get(server.Url("localhost"), Trusting(authority_.pem));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(asked, "localhost");
}

TEST_F(TlsTest, IpAddressIsNotSentAsServerName) {
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_)};
  std::string asked = "not asked";
  const ScriptedServer server(
      [&](Peer& peer) {
        asked = peer.ServerName();
        Answer(peer);
      },
      &tls);
  ASSERT_TRUE(Get(server.Url(), Trusting(authority_.pem)));
  EXPECT_EQ(asked, "");
}

TEST_F(TlsTest, ServerNameReplacesTheHost) {
  EXPECT_TRUE(Try({.dns = {"kubernetes.default.svc"}}, "kubernetes.default.svc"));
  ExpectRefused(Try({.ips = {"127.0.0.1"}}, "kubernetes.default.svc"), "hostname mismatch");
}

TEST_F(TlsTest, WildcardCoversOneLabel) {
  EXPECT_TRUE(Try({.dns = {"*.example.org"}}, "a.example.org"));
  ExpectRefused(Try({.dns = {"*.example.org"}}, "a.b.example.org"), "hostname mismatch");
  ExpectRefused(Try({.dns = {"a*.example.org"}}, "ab.example.org"), "hostname mismatch");
}

TEST_F(TlsTest, WrongAddressIsRefused) {
  ExpectRefused(Try({.ips = {"127.0.0.2"}}), "IP address mismatch");
}

TEST_F(TlsTest, NameDoesNotStandForAnAddress) {
  ExpectRefused(Try({.dns = {"127.0.0.1"}}), "IP address mismatch");
}

TEST_F(TlsTest, CommonNameCountsForNothing) {
  ExpectRefused(Try({.common_name = "kube.test"}, "kube.test"), "hostname mismatch");
  ExpectRefused(Try({.common_name = "127.0.0.1"}), "IP address mismatch");
}

TEST_F(TlsTest, ExpiredIsRefused) {
  ExpectRefused(Try({.ips = {"127.0.0.1"}, .valid_from_days = -3, .valid_to_days = -1}), "expired");
}

TEST_F(TlsTest, NotYetValidIsRefused) {
  ExpectRefused(Try({.ips = {"127.0.0.1"}, .valid_from_days = 1, .valid_to_days = 3}),
                "not yet valid");
}

TEST_F(TlsTest, OtherAuthorityIsRefused) {
  const Certificate other = MakeAuthority("authority");  // the same name, another key
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &other)};
  const ScriptedServer server(Answer, &tls);
  ASSERT_FALSE(Get(server.Url(), Trusting(authority_.pem)));
}

TEST_F(TlsTest, SelfSignedIsRefused) {
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, nullptr)};
  const ScriptedServer server(Answer, &tls);
  ExpectRefused(Get(server.Url(), Trusting(authority_.pem)), "self-signed");
}

TEST_F(TlsTest, LeafCannotSignAnother) {
  const Certificate leaf = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_);
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &leaf),
                      .chain_pem = leaf.pem};
  const ScriptedServer server(Answer, &tls);
  ASSERT_FALSE(Get(server.Url(), Trusting(authority_.pem)));
}

TEST_F(TlsTest, IntermediateMayBeSentOrTrusted) {
  const Certificate middle =
      MakeCertificate({.common_name = "middle", .authority = true}, &authority_);
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &middle),
                      .chain_pem = middle.pem};
  const ScriptedServer server(Answer, &tls);
  EXPECT_TRUE(Get(server.Url(), Trusting(authority_.pem)));
  EXPECT_TRUE(Get(server.Url(), Trusting(middle.pem)));
}

TEST_F(TlsTest, SecondAuthorityOfTheTextCounts) {
  const Certificate other = MakeAuthority("other");
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_)};
  const ScriptedServer server(Answer, &tls);
  EXPECT_TRUE(Get(server.Url(), Trusting("# comment\n" + other.pem + "\n" + authority_.pem)));
}

TEST_F(TlsTest, SystemRootsDoNotKnowTheTestsAuthority) {
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_)};
  const ScriptedServer server(Answer, &tls);
  EXPECT_FALSE(Get(server.Url(), TlsContext::Make({.system_roots = true}).value()));
}

TEST_F(TlsTest, SkippingTheCheckTakesAnybody) {
  const ServerTls tls{.certificate = MakeCertificate({}, nullptr)};
  const ScriptedServer server(Answer, &tls);
  EXPECT_TRUE(Get(server.Url(), TlsContext::Make({.insecure_skip_verify = true}).value()));
}

TEST_F(TlsTest, OldVersionsAreRefused) {
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_),
                      .max_version = TLS1_1_VERSION};
  const ScriptedServer server(Answer, &tls);
  EXPECT_FALSE(Get(server.Url(), Trusting(authority_.pem)));
}

TEST_F(TlsTest, Version12IsStillSpoken) {
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_),
                      .max_version = TLS1_2_VERSION};
  const ScriptedServer server(Answer, &tls);
  EXPECT_TRUE(Get(server.Url(), Trusting(authority_.pem)));
}

TEST_F(TlsTest, ClientCertificateIsShown) {
  const Certificate client = MakeCertificate({.common_name = "system:node:a"}, &authority_);
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_),
                      .client_ca_pem = authority_.pem};
  const ScriptedServer server(Answer, &tls);
  const TlsContext with = TlsContext::Make({.ca_pem = authority_.pem,
                                            .client_cert_pem = client.pem,
                                            .client_key_pem = client.key_pem})
                              .value();
  EXPECT_TRUE(Get(server.Url(), with));
  const auto without = Get(server.Url(), Trusting(authority_.pem));
  ASSERT_FALSE(without);
  // TLS 1.3 refuses after the client's side of the handshake is done (RFC 8446 4.4.2.4): the alert
  // is read, or the reset that follows it wins.
  EXPECT_TRUE(without.error().code == ErrorCode::kPermissionDenied ||
              without.error().code == ErrorCode::kUnavailable)
      << without.error().message;
}

TEST_F(TlsTest, PlainHttpServerIsNoTls) {
  const ScriptedServer server([](Peer& peer) {
    peer.Write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.WaitForClose();
  });
  const std::string url = "https" + server.Url().substr(4);
  const auto reply = Get(url, Trusting(authority_.pem));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kCorrupt);
}

TEST_F(TlsTest, SilentServerEndsAtTheDeadline) {
  const ScriptedServer server([](Peer& peer) { peer.WaitForClose(); });
  const auto connection = ConnectTo(io_, "https" + server.Url().substr(4), Trusting(authority_.pem),
                                    {.handshake_timeout = milliseconds(100)});
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(TlsTest, ServerThatClosesIsUnavailable) {
  const ScriptedServer server([](Peer&) {});
  const auto reply = Get("https" + server.Url().substr(4), Trusting(authority_.pem));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
}

TEST_F(TlsTest, BodyThatEndsWithTheStreamNeedsAProperEnd) {
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_)};
  const ScriptedServer server(
      [](Peer& peer) {
        static_cast<void>(peer.ReadRequest());
        peer.Write("HTTP/1.1 200 OK\r\n\r\nhalf of the tru");
      },
      &tls);
  const auto reply = Get(server.Url(), Trusting(authority_.pem));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
}

TEST_F(TlsTest, ManyRequestsOnOneConnection) {
  const ServerTls tls{.certificate = MakeCertificate({.ips = {"127.0.0.1"}}, &authority_)};
  const ScriptedServer server(Answer, &tls);
  auto connection = ConnectTo(io_, server.Url(), Trusting(authority_.pem));
  ASSERT_TRUE(connection);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(RunOn(io_, connection->Exchange(ClientRequest{}, seconds(10), 100)));
  }
  EXPECT_EQ(connection->requests(), 50U);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(TlsTest, HttpsWithoutTrustIsAnError) {
  const auto connection = ConnectTo(io_, "https://127.0.0.1:1");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kInvalidArgument);
}

TEST(TlsContextMake, SaysWhichPemIsBad) {
  const Certificate authority = MakeAuthority("a");
  const Certificate client = MakeCertificate({}, &authority);
  const Certificate other = MakeCertificate({}, &authority);
  const std::string broken =
      authority.pem.substr(0, authority.pem.size() / 2) + "!!!\n-----END CERTIFICATE-----\n";
  const std::pair<TlsOptions, std::string> cases[] = {
      {{}, "none found"},
      {{.ca_pem = "not a certificate"}, "none found"},
      {{.ca_pem = authority.key_pem}, "none found"},
      {{.ca_pem = broken}, "CA certificate 1"},
      {{.ca_pem = authority.pem + broken}, "CA certificate 2"},
      {{.ca_pem = authority.pem, .client_cert_pem = "x"}, "client certificate"},
      {{.ca_pem = authority.pem, .client_cert_pem = client.pem}, "client key"},
      {{.ca_pem = authority.pem, .client_cert_pem = client.pem, .client_key_pem = other.key_pem},
       "does not belong"},
      {{.ca_pem = authority.pem, .client_key_pem = client.key_pem}, "client certificate"},
  };
  for (const auto& [options, why] : cases) {
    const auto context = TlsContext::Make(options);
    ASSERT_FALSE(context) << why;
    EXPECT_EQ(context.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(context.error().message, HasSubstr(why));
  }
}

TEST(TlsContextMake, EncryptedKeyIsAnErrorNotAQuestion) {
  const Certificate client = MakeAuthority("a");
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  const unsigned char secret[] = "secret";
  PEM_write_bio_PrivateKey(bio.get(), client.key.get(), EVP_aes_128_cbc(), secret, 6, nullptr,
                           nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  const auto context =
      TlsContext::Make({.ca_pem = client.pem,
                        .client_cert_pem = client.pem,
                        .client_key_pem = std::string(data, static_cast<std::size_t>(size))});
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message, HasSubstr("encrypted"));
}

}  // namespace
}  // namespace seccompd::net
