// SPDX-License-Identifier: Apache-2.0
#include "common/kube/auth_exec.h"

#include <gtest/gtest.h>

#include "common/kube/auth_exec_run.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::kube {
namespace {

using namespace std::chrono_literals;
using test_support::IsError;
constexpr std::string_view kV1 = "client.authentication.k8s.io/v1";

base::Result<ExecCredential> Parse(const std::string& status) {
  return ParseExecCredential(R"({"kind":"ExecCredential","apiVersion":")" + std::string(kV1) +
                                 R"(","spec":{"interactive":false},"status":)" + status + "}",
                             kV1);
}

TEST(ParseExecCredential, TakesATokenWithItsEnd) {
  const auto credential = Parse(R"({"token":"t","expirationTimestamp":"2026-11-24T03:04:11Z"})");
  ASSERT_THAT(credential, test_support::IsOk());
  EXPECT_EQ(credential->token, "t");
  EXPECT_EQ(credential->expires, base::ParseTime("2026-11-24T03:04:11Z"));
}

TEST(ParseExecCredential, TakesACertificate) {
  const auto credential = Parse(R"({"clientCertificateData":"C","clientKeyData":"K"})");
  ASSERT_THAT(credential, test_support::IsOk());
  EXPECT_EQ(credential->client_cert_pem, "C");
  EXPECT_FALSE(credential->expires.has_value());
}

TEST(ParseExecCredential, RefusesAnythingElseWithoutRepeatingIt) {
  for (const char* status :
       {"{}", "null", R"({"clientCertificateData":"secret"})", R"({"token":7})",
        R"({"token":"secret","expirationTimestamp":"soon"})"}) {
    const auto credential = Parse(status);
    ASSERT_FALSE(credential.has_value()) << status;
    EXPECT_EQ(credential.error().message.find("secret"), std::string::npos);
  }
  EXPECT_THAT(
      ParseExecCredential("secret", kV1),
      IsError(base::ErrorCode::kInvalidArgument, "the plugin's output is not a JSON object"));
  EXPECT_FALSE(ParseExecCredential(R"({"kind":"ExecCredential","apiVersion":"v0"})", kV1));
}

ExecConfig Plugin(const std::string& command) {
  return {.api_version = std::string(kV1), .command = command};
}

TEST(ExecInfo, GivesTheClusterOnlyIfAsked) {
  ClusterConfig config;
  config.server = net::ParseUrl("https://[::1]:6443/p").value();
  config.tls_server_name = "k";
  config.user.exec = Plugin("x");
  EXPECT_EQ(ExecInfo(config, "CA"),
            R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)"
            R"("spec":{"interactive":false}})");
  config.user.exec->provide_cluster_info = true;
  config.user.exec->cluster_extension = R"({"a":1})";
  EXPECT_EQ(ExecInfo(config, "CA"),
            R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)"
            R"("spec":{"interactive":false,"cluster":{"server":"https://[::1]:6443/p",)"
            R"("tls-server-name":"k","certificate-authority-data":"Q0E=","config":{"a":1}}}})");
}

TEST(RunExecPlugin, GivesArgumentsEnvironmentAndWhatItPrinted) {
  const test_support::TempDir dir;
  test_support::TreeBuilder(dir.path())
      .File("plugin",
            "#!/bin/sh\nread line && exit 9\nprintf '%s|%s|%s|%s' \"$1\" \"$A\" "
            "\"$KUBERNETES_EXEC_INFO\" \"${PATH:+path}\"\n",
            0755);
  ExecConfig exec = Plugin(dir.path() + "/plugin");
  exec.args = {"one two"};
  exec.env = {{"A", "b"}};
  EXPECT_THAT(RunExecPlugin(exec, "{info}"),
              test_support::IsOkAndHolds(testing::Eq("one two|b|{info}|path")));
}

TEST(RunExecPlugin, FailuresSayWhichPluginAndWhy) {
  ExecConfig missing = Plugin("no-such-plugin-anywhere");
  missing.install_hint = "install it";
  EXPECT_THAT(
      RunExecPlugin(missing, ""),
      IsError(base::ErrorCode::kNotFound,
              testing::HasSubstr("'no-such-plugin-anywhere' is not installed: install it")));
  EXPECT_THAT(RunExecPlugin(Plugin("false"), ""),
              IsError(base::ErrorCode::kUnavailable, testing::HasSubstr("exit code 1")));
  ExecConfig slow = Plugin("sleep");
  slow.args = {"60"};
  EXPECT_THAT(RunExecPlugin(slow, "", 50ms),
              IsError(base::ErrorCode::kDeadlineExceeded, testing::HasSubstr("'sleep'")));
  ExecConfig endless = Plugin("yes");
  EXPECT_THAT(RunExecPlugin(endless, "", 10s),
              IsError(base::ErrorCode::kResourceExhausted, testing::_));
}

}  // namespace
}  // namespace seccompd::kube
