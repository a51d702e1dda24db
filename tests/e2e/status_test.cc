// SPDX-License-Identifier: Apache-2.0
// `seccompd status` and `audit --agent`: the running agent asked over its socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"

namespace seccompd::e2e {
namespace {

using test_support::IsOk;
using test_support::RunSeccompd;
using ::testing::HasSubstr;

class StatusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    node_.Apply(TutorialProfiles());
    ASSERT_THAT(node_.StartAgent({"--confinement", "kill"}), IsOk());
    ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  }

  test_support::Outcome Seccompd(std::vector<std::string> args) {
    args.insert(args.end(), {"--socket", node_.Socket()});
    auto outcome = RunSeccompd(std::move(args));
    EXPECT_THAT(outcome, IsOk());
    return outcome ? *std::move(outcome) : test_support::Outcome{};
  }

  Node node_;
};

TEST_F(StatusTest, ShowsProfilesAndExitsOneOnceSomethingNeedsALook) {
  auto status = Seccompd({"status"});
  EXPECT_EQ(status.exit_code, 0) << status.out << status.err;
  EXPECT_THAT(status.out, HasSubstr("caps none, own filter"));
  EXPECT_THAT(status.out, HasSubstr("profiles/audit.json"));
  node_.Apply({.name = "web", .data = {{"bad.json", "{"}}});
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="invalid"})", 1));
  status = Seccompd({"status", "-o", "json"});
  EXPECT_EQ(status.exit_code, 1);
  EXPECT_THAT(status.out, HasSubstr(R"("schema":"seccompd.io/status/v1")"));
  EXPECT_THAT(status.out, HasSubstr(R"("path":"web/bad.json","state":"invalid")"));
}

TEST_F(StatusTest, AuditOfTheAgentIsItsOwnReport) {
  ASSERT_TRUE(test_support::WaitFor(std::chrono::seconds(20), [&] {
    return node_.agent().Metric("seccompd_audits_total").value_or(0) > 0;
  }));
  const auto text = Seccompd({"audit", "--agent"});
  EXPECT_LE(text.exit_code, 1) << text.err;
  EXPECT_THAT(text.out, HasSubstr("evidence "));
  const auto json = Seccompd({"audit", "--agent", "-o", "json"});
  EXPECT_THAT(json.out, HasSubstr(R"("schema":"seccompd.io/audit/v1")"));
  EXPECT_THAT(json.err, HasSubstr("report sha256:"));
}

TEST_F(StatusTest, SocketIsPrivateAndANewAgentTakesItOver) {
  struct stat info {};
  ASSERT_EQ(::stat(node_.Socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  const std::string folder = node_.Socket().substr(0, node_.Socket().rfind('/'));
  ASSERT_EQ(::stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  node_.KillAgent();
  const auto dead = Seccompd({"status"});
  EXPECT_EQ(dead.exit_code, 2);
  EXPECT_THAT(dead.err, HasSubstr("no agent answers"));
  ASSERT_THAT(node_.StartAgent(), IsOk());
  EXPECT_EQ(Seccompd({"status"}).exit_code, 0);
}

}  // namespace
}  // namespace seccompd::e2e
