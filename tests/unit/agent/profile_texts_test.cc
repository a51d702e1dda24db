// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/profile_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/host/host_root.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::agent {
namespace {

using testing::HasSubstr;

constexpr std::string_view kConfig = R"({"ociVersion":"1.0.0",
  "process":{"env":["TOKEN=secret"]},
  "linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}})";

TEST(ParseBundle, KeepsTheSeccompPartAlone) {
  const auto told = ParseBundle(kConfig);
  ASSERT_TRUE(told.has_value());
  ASSERT_TRUE(told->profile.has_value());
  EXPECT_EQ(told->profile->default_action, seccomp::ActionKind::kAllow);
}

TEST(ParseBundle, WithoutSeccompTheRuntimeWasToldToLoadNone) {
  const auto told = ParseBundle(R"({"ociVersion":"1.0.0","linux":{}})");
  ASSERT_TRUE(told.has_value());
  EXPECT_FALSE(told->profile.has_value());
}

TEST(ParseBundle, WhatIsNoConfigurationTellsNothing) {
  EXPECT_EQ(ParseBundle("{}"), std::nullopt);
  EXPECT_EQ(ParseBundle("not json"), std::nullopt);
  EXPECT_EQ(ParseBundle(R"({"ociVersion":"1","linux":{"seccomp":{"defaultAction":7}}})"),
            std::nullopt);
}

TEST(Bundles, ReadsByContainerIdOnceAndForgetsWhatNobodyAsksFor) {
  const test_support::TempDir dir;
  const std::string id(64, 'a');
  test_support::TreeBuilder(dir.path()).File(id + "/config.json", kConfig);
  Bundles bundles(dir.Join("*/config.json"));
  ASSERT_TRUE(bundles.Check().has_value());
  const audit::Told* told = bundles.ToldOf({.pod_uid = "", .container_id = id, .runtime = ""});
  ASSERT_NE(told, nullptr);
  bundles.EndPass();
  test_support::TreeBuilder(dir.path()).File(id + "/config.json", "gone");
  EXPECT_NE(bundles.ToldOf({.pod_uid = "", .container_id = id, .runtime = ""}), nullptr);
  bundles.EndPass();
  bundles.EndPass();
  EXPECT_EQ(bundles.ToldOf({.pod_uid = "", .container_id = id, .runtime = ""}), nullptr);
}

TEST(Bundles, AnIdThatWouldLeadElsewhereIsNotRead) {
  Bundles bundles("/nowhere/*/config.json");
  EXPECT_EQ(bundles.ToldOf({.pod_uid = "", .container_id = "../../etc", .runtime = ""}), nullptr);
}

TEST(Bundles, PatternsWithoutExactlyOneStarAreRefused) {
  EXPECT_FALSE(Bundles("/run/config.json").Check().has_value());
  EXPECT_FALSE(Bundles("/run/*/*/config.json").Check().has_value());
  EXPECT_FALSE(Bundles("run/*/config.json").Check().has_value());
  EXPECT_TRUE(Bundles("").Check().has_value());
  EXPECT_TRUE(Bundles("/a/*/c.json, /b/*/c.json").Check().has_value());
}

TEST(ReadProfileFile, NeverLeavesTheRoot) {
  const test_support::TempDir dir;
  test_support::TreeBuilder(dir.path()).File("a.json", "x");
  const auto fd = host::OpenDirectory(dir.path());
  ASSERT_TRUE(fd.has_value());
  EXPECT_EQ(*ReadProfileFile(fd->get(), "a.json"), "x");
  EXPECT_FALSE(ReadProfileFile(fd->get(), "../etc/passwd").has_value());
  EXPECT_FALSE(ReadProfileFile(fd->get(), "").has_value());
}

TEST(ReadLedgerText, GivesTheTextOfARevisionThatIsKept) {
  const test_support::TempDir dir;
  install::LogPosition position;
  install::Revision revision;
  revision.number = 3;
  revision.digest = base::Sha256("{\n}");
  revision.size = 3;
  const std::string header = install::EncodeHeader("0123456789abcdef", &position);
  std::vector<install::Entry> entries = {install::Established{
      .path = "a.json", .revision = revision, .owner = "o", .origin = "c", .body = "{\n}"}};
  const std::string log = header + install::EncodeRecord(entries, &position);
  test_support::TreeBuilder(dir.path()).File(".seccompd/ledger", log);
  const auto replay = install::ReplayLog(log);
  ASSERT_TRUE(replay.has_value());
  const auto fd = host::OpenDirectory(dir.path());
  const auto text = ReadLedgerText(fd->get(), replay->state, "a.json", 3);
  ASSERT_TRUE(text.has_value()) << text.error().message;
  EXPECT_EQ(*text, "{\n}");
  EXPECT_FALSE(ReadLedgerText(fd->get(), replay->state, "a.json", 4).has_value());
  EXPECT_FALSE(ReadLedgerText(fd->get(), replay->state, "b.json", 3).has_value());
}

}  // namespace
}  // namespace seccompd::agent
