// SPDX-License-Identifier: Apache-2.0
#include "common/kube/auth_credentials.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"
#include "tests/unit/net/certificates.h"

namespace seccompd::kube {
namespace {

using namespace std::chrono_literals;
using test_support::IsError;
using test_support::TempDir;
using test_support::TreeBuilder;

constexpr base::WallTime kWall{};

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() {
    TreeBuilder(dir_.path()).File("token", "one\n").File("ca.crt", ca_.pem);
    config_.server = net::ParseUrl("https://10.0.0.1").value();
    config_.ca.file = dir_.path() + "/ca.crt";
    config_.user.token_file = dir_.path() + "/token";
  }
  Credentials Open() {
    auto opened = Credentials::Open(config_, options_, now_, kWall);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return std::move(opened).value();
  }
  void Write(const std::string& name, const std::string& text) {
    TreeBuilder(dir_.path()).Remove(name).File(name, text);
  }

  TempDir dir_;
  net::Certificate ca_ = net::MakeAuthority("one");
  ClusterConfig config_;
  CredentialOptions options_;
  base::MonoTime now_{1000s};
};

TEST_F(CredentialsTest, TheTokenIsReadAgainAfterFiftySeconds) {
  Credentials credentials = Open();
  EXPECT_EQ(credentials.token(), "one");
  Write("token", "two");
  EXPECT_FALSE(credentials.Refresh(now_ + 49s, kWall).token);
  EXPECT_EQ(credentials.token(), "one");
  EXPECT_TRUE(credentials.Refresh(now_ + 50s, kWall).token);
  EXPECT_EQ(credentials.token(), "two");
  EXPECT_FALSE(credentials.Refresh(now_ + 100s, kWall).token) << "nothing new";
}

TEST_F(CredentialsTest, ARefusedTokenIsReadAgainAtOnce) {
  Credentials credentials = Open();
  Write("token", "two");
  credentials.Distrust();
  EXPECT_TRUE(credentials.Refresh(now_ + 1s, kWall).token);
  EXPECT_EQ(credentials.token(), "two");
}

TEST_F(CredentialsTest, AFileThatIsGoneOrEmptyKeepsTheOldToken) {
  Credentials credentials = Open();
  TreeBuilder(dir_.path()).Remove("token");
  EXPECT_THAT(credentials.Refresh(now_ + 60s, kWall).problem, testing::HasSubstr("/token"));
  Write("token", " \n");
  EXPECT_THAT(credentials.Refresh(now_ + 120s, kWall).problem,
              testing::HasSubstr("the token is empty"));
  EXPECT_EQ(credentials.token(), "one");
}

TEST_F(CredentialsTest, TheKubeletsSymlinkSwapIsSeen) {
  TreeBuilder(dir_.path())
      .Remove("token")
      .File("..1/token", "one")
      .Symlink("..data", "..1")
      .Symlink("token", "..data/token");
  Credentials credentials = Open();
  TreeBuilder(dir_.path()).File("..2/token", "two").Remove("..data").Symlink("..data", "..2");
  EXPECT_TRUE(credentials.Refresh(now_ + 50s, kWall).token);
  EXPECT_EQ(credentials.token(), "two");
}

TEST_F(CredentialsTest, TheAuthorityIsReadOnceAPeriodAndJunkIsIgnored) {
  Credentials credentials = Open();
  const auto before = credentials.generation();
  Write("ca.crt", "");
  EXPECT_THAT(credentials.Refresh(now_ + 60s, kWall).problem, testing::HasSubstr("is empty"));
  Write("ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n");
  EXPECT_FALSE(credentials.Refresh(now_ + 120s, kWall).tls);
  EXPECT_EQ(credentials.generation(), before);
  Write("ca.crt", ca_.pem + net::MakeAuthority("two").pem);
  EXPECT_FALSE(credentials.Refresh(now_ + 179s, kWall).tls) << "not yet due";
  EXPECT_TRUE(credentials.Refresh(now_ + 180s, kWall).tls);
  EXPECT_NE(credentials.generation(), before);
}

TEST_F(CredentialsTest, AJumpOfTheWallClockChangesNoSchedule) {
  Credentials credentials = Open();
  Write("token", "two");
  for (const auto wall : {base::WallTime(std::chrono::years(60)), base::WallTime()}) {
    EXPECT_FALSE(credentials.Refresh(now_ + 10s, wall).token);
  }
  EXPECT_TRUE(credentials.Refresh(now_ + 50s, base::WallTime(std::chrono::years(60))).token);
}

TEST_F(CredentialsTest, WithoutATokenThereIsNoStart) {
  TreeBuilder(dir_.path()).Remove("token");
  EXPECT_THAT(Credentials::Open(config_, options_, now_, kWall),
              IsError(base::ErrorCode::kNotFound, testing::HasSubstr("/token")));
}

TEST_F(CredentialsTest, APluginRunsAgainWhenItsCredentialEndsOrIsRefused) {
  int runs = 0;
  config_.user.token_file.clear();
  config_.user.exec =
      ExecConfig{.api_version = "client.authentication.k8s.io/v1beta1", .command = "p"};
  options_.run_plugin = [&runs](const ExecConfig&,
                                const std::string&) -> base::Result<std::string> {
    ++runs;
    if (runs == 3) return base::Fail(base::ErrorCode::kUnavailable, "broken");
    return R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1",)"
           R"("status":{"token":"t)" +
           std::to_string(runs) + R"(","expirationTimestamp":"1970-01-01T01:00:00Z"}})";
  };
  Credentials credentials = Open();
  EXPECT_EQ(credentials.token(), "t1");
  EXPECT_FALSE(credentials.Refresh(now_ + 59min, kWall + 59min).token);
  EXPECT_TRUE(credentials.Refresh(now_ + 60min, kWall + 60min).token);
  credentials.Distrust();
  EXPECT_EQ(credentials.Refresh(now_, kWall).problem, "broken");
  EXPECT_EQ(credentials.token(), "t2");
  credentials.Distrust();
  EXPECT_TRUE(credentials.Refresh(now_, kWall).token);
  EXPECT_EQ(credentials.token(), "t4");
}

TEST_F(CredentialsTest, WhoeverMayNotForkSaysSo) {
  config_.user.exec = ExecConfig{.api_version = "client.authentication.k8s.io/v1", .command = "p"};
  EXPECT_THAT(
      Credentials::Open(config_, options_, now_, kWall),
      IsError(base::ErrorCode::kFailedPrecondition, testing::HasSubstr("runs no other program")));
}

TEST_F(CredentialsTest, ClientCertificateFilesAreReadAgainAfterFiveMinutes) {
  const net::Certificate first = net::MakeCertificate({.common_name = "me"}, &ca_);
  TreeBuilder(dir_.path()).File("tls.crt", first.pem).File("tls.key", first.key_pem);
  config_.user.client_cert.file = dir_.path() + "/tls.crt";
  config_.user.client_key.file = dir_.path() + "/tls.key";
  Credentials credentials = Open();
  const net::Certificate second = net::MakeCertificate({.common_name = "me"}, &ca_);
  Write("tls.crt", second.pem);
  // Half of a rotation: certificate and key do not belong together.
  EXPECT_THAT(credentials.Refresh(now_ + 300s, kWall).problem, testing::HasSubstr("client key"));
  Write("tls.key", second.key_pem);
  EXPECT_FALSE(credentials.Refresh(now_ + 359s, kWall).tls);
  EXPECT_TRUE(credentials.Refresh(now_ + 360s, kWall).tls) << "a minute later, not five";
}

}  // namespace
}  // namespace seccompd::kube
