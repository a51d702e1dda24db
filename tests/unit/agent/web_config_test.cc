// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace seccompd::agent {
namespace {

using testing::HasSubstr;

std::string ErrorOf(std::string_view text) {
  const auto parsed = ParseWebConfig(text);
  return parsed ? "" : parsed.error().message;
}

TEST(ParseWebConfig, TakesAllOfTls) {
  const auto parsed = ParseWebConfig(
      "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n  client_ca_file: ca.crt\n"
      "  client_auth_type: RequireAndVerifyClientCert\n  min_version: TLS13\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, (WebTls{.cert_file = "a.crt",
                             .key_file = "a.key",
                             .client_ca_file = "ca.crt",
                             .client_auth = ClientAuth::kRequired,
                             .only_tls13 = true}));
}

TEST(ParseWebConfig, AnEmptyFileIsPlainHttp) {
  for (const std::string_view text : {"", "{}", "# nothing\n"}) {
    const auto parsed = ParseWebConfig(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_FALSE(parsed->has_value()) << text;
  }
}

TEST(ParseWebConfig, WhatIsNotDoneIsAnErrorThatNamesIt) {
  EXPECT_THAT(ErrorOf("basic_auth_users: {a: b}"),
              HasSubstr("'basic_auth_users' is not supported"));
  EXPECT_THAT(ErrorOf("rate_limit: {}"), HasSubstr("'rate_limit'"));
  EXPECT_THAT(ErrorOf("tls_server_config: {cert_file: a, key_file: b, cipher_suites: x}"),
              HasSubstr("tls_server_config.cipher_suites is not supported"));
  EXPECT_THAT(ErrorOf("tls_server_config: {client_auth_type: RequireAnyClientCert}"),
              HasSubstr("'RequireAnyClientCert' is not supported"));
  EXPECT_THAT(ErrorOf("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}"),
              HasSubstr("TLS12 or TLS13"));
}

TEST(ParseWebConfig, HalfAConfigurationIsAnError) {
  EXPECT_THAT(ErrorOf("tls_server_config: {cert_file: a}"), HasSubstr("key_file"));
  EXPECT_THAT(ErrorOf("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}"),
              HasSubstr("belong together"));
  EXPECT_THAT(ErrorOf("tls_server_config: {cert_file: a, key_file: b, client_auth_type: "
                      "RequireAndVerifyClientCert}"),
              HasSubstr("belong together"));
  EXPECT_THAT(ErrorOf("tls_server_config: {cert_file: [a], key_file: b}"), HasSubstr("a text"));
  EXPECT_THAT(ErrorOf("[1]"), HasSubstr("mapping"));
  EXPECT_THAT(ErrorOf("a: b: c"), HasSubstr("line 1"));
}

}  // namespace
}  // namespace seccompd::agent
