// SPDX-License-Identifier: Apache-2.0
// Commands as a user or a pipeline calls them, and the agent's HTTP face.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::FindSample;
using test_support::IsOk;
using test_support::RunCommand;
using test_support::RunSeccompd;
using test_support::TempDir;
using test_support::TreeBuilder;
using ::testing::HasSubstr;

// seccompd with these arguments; a failure (and an empty outcome) when it could not be run.
test_support::Outcome Seccompd(std::vector<std::string> args, std::string stdin_text = {}) {
  auto outcome = RunSeccompd(std::move(args), std::move(stdin_text));
  EXPECT_THAT(outcome, IsOk());
  return outcome ? *std::move(outcome) : test_support::Outcome{};
}

boost::json::value Parsed(const std::string& text) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  EXPECT_FALSE(error) << text;
  return value;
}

constexpr char kBad[] = R"({"defaultAction": "SCMP_ACT_MAYBE"})";

TEST(Validate, GoodProfileExitsZero) {
  TempDir dir;
  TreeBuilder(dir.path()).File("good.json", kViolation).File("fine.yaml", kFineGrained);
  const auto outcome = Seccompd({"validate", dir.Join("fine.yaml")});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("fine.yaml"));
  EXPECT_EQ(Seccompd({"validate", "-"}, kAudit).exit_code, 0);
}

TEST(Validate, BadProfileExitsOneAndNamesFileAndPlace) {
  TempDir dir;
  TreeBuilder(dir.path()).File("bad.json", kBad);
  const auto outcome = Seccompd({"validate", dir.Join("bad.json")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("bad.json"));
  EXPECT_THAT(outcome.out, HasSubstr("/defaultAction"));
  EXPECT_THAT(outcome.out, HasSubstr("SCMP_ACT_MAYBE"));
}

TEST(Validate, WrongUseExitsTwo) {
  EXPECT_EQ(Seccompd({"validate"}).exit_code, 2);
  EXPECT_EQ(Seccompd({"validate", "--no-such-flag"}).exit_code, 2);
  EXPECT_EQ(Seccompd({"no-such-command"}).exit_code, 2);
}

TEST(Validate, JsonAndSarifParseAndCarryTheFinding) {
  TempDir dir;
  TreeBuilder(dir.path()).File("bad.json", kBad);
  const auto json = Seccompd({"validate", "-o", "json", dir.Join("bad.json")});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_THAT(boost::json::serialize(Parsed(json.out)), HasSubstr("/defaultAction"));
  const auto sarif = Seccompd({"validate", "-o", "sarif", dir.Join("bad.json")});
  EXPECT_EQ(sarif.exit_code, 1);
  const boost::json::value document = Parsed(sarif.out);
  ASSERT_TRUE(document.is_object());
  EXPECT_EQ(document.at("version"), "2.1.0");
  const auto& run = document.at("runs").at(0);
  EXPECT_EQ(run.at("tool").at("driver").at("name"), "seccompd");
  ASSERT_GE(run.at("results").as_array().size(), 1U);
  EXPECT_EQ(run.at("results").at(0).at("level"), "error");
}

TEST(Validate, ConfigMapPrintsTheLineAPodNeeds) {
  TempDir dir;
  TreeBuilder(dir.path())
      .File("web.yaml", std::string("apiVersion: v1\nkind: ConfigMap\n"
                                    "metadata: {name: web}\ndata:\n  a.json: '") +
                            kViolation + "'\n");
  const auto outcome = Seccompd({"validate", dir.Join("web.yaml")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("web/a.json"));
}

TEST(Render, IsAFixedPoint) {
  const std::string once = Rendered(kFineGrained);
  EXPECT_EQ(Rendered(once), once);
  EXPECT_TRUE(Parsed(once).is_object());
}

TEST(CommandLine, AnEmptyValueDoesNotSwallowTheNextFlag) {
  // --pods= and then a flag that does not exist: it must be seen as a flag.
  const auto outcome = Seccompd({"run", "--socket=", "--no-such-flag"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--no-such-flag"));
  const auto empty = Seccompd({"validate", "--target=", "-"});
  EXPECT_EQ(empty.exit_code, 2);
}

// It would say nothing of the call and could exit 0.
TEST(CommandLine, WhatTheAgentDidNotAskIsNotLookedUpInItsLastPass) {
  const auto blocks = Seccompd({"audit", "--agent", "--blocks", "mount"});
  EXPECT_EQ(blocks.exit_code, 2);
  EXPECT_THAT(blocks.err, HasSubstr("--blocks excludes --agent"));
  EXPECT_EQ(Seccompd({"audit", "--agent", "--checks", "dir:/nowhere"}).exit_code, 2);
}

TEST(Version, NamesTheBuild) {
  const auto outcome = Seccompd({"version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("libseccomp"));
}

class HttpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    node_.Apply(TutorialProfiles());
    ASSERT_THAT(node_.StartAgent(), IsOk());
  }
  Node node_;
};

TEST_F(HttpTest, PromtoolFindsNothingWrongWithTheScrape) {
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  const auto scrape = node_.agent().Get("/metrics");
  ASSERT_THAT(scrape, IsOk());
  EXPECT_EQ(scrape->status, 200);
  EXPECT_THAT(scrape->headers, HasSubstr("text/plain; version=0.0.4"));
  const auto promtool =
      RunCommand({.argv = {"promtool", "check", "metrics"}, .stdin_text = scrape->body});
  ASSERT_THAT(promtool, IsOk());
  EXPECT_EQ(promtool->exit_code, 0) << promtool->out << promtool->err;
  for (const char* series : {"seccompd_build_info", "process_resident_memory_bytes",
                             "process_start_time_seconds", "seccompd_audits_total"}) {
    EXPECT_TRUE(FindSample(scrape->body, series).has_value()) << series;
  }
}

TEST_F(HttpTest, HealthAnswers) {
  for (const char* path : {"/livez", "/readyz", "/healthz"}) {
    const auto reply = node_.agent().Get(path);
    ASSERT_THAT(reply, IsOk());
    EXPECT_EQ(reply->status, 200) << path;
  }
  const auto missing = node_.agent().Get("/nowhere");
  ASSERT_THAT(missing, IsOk());
  EXPECT_EQ(missing->status, 404);
}

}  // namespace
}  // namespace seccompd::e2e
