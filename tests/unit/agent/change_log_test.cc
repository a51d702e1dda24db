// SPDX-License-Identifier: Apache-2.0
// The schema of agent/README.md: whoever renames a member breaks somebody's proof.
#include "agent/daemon/change_log.h"

#include <gmock/gmock.h>

#include <string>

#include "common/document/document.h"

namespace seccompd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

audit::Row RowOf(std::string id, audit::Verdict verdict) {
  audit::Row row;
  row.namespace_name = "shop";
  row.pod = "api-0";
  row.pod_uid = "uid-1";
  row.container = "app";
  row.container_id = std::move(id);
  row.asked = {.kind = audit::AskedKind::kLocalhost, .path = "web/api.json"};
  row.judgement.verdict = verdict;
  row.judgement.asked_revision = 5;
  row.judgement.loaded.mode = audit::LoadedMode::kFilter;
  return row;
}

audit::Report ReportOf(std::vector<audit::Row> rows) {
  audit::Report report;
  report.rows = std::move(rows);
  return report;
}

std::vector<std::string> Words(const AuditChanges& changes) {
  std::vector<std::string> words;
  for (const VerdictChange& change : changes.verdicts) {
    words.push_back(change.container_id + ": " + change.from + " -> " + change.to);
  }
  for (const CheckChange& change : changes.checks) {
    words.push_back(change.container_id + " " + change.check + ": " + change.from + " -> " +
                    change.to);
  }
  return words;
}

TEST(ChangesBetween, SaysWhoBecameWhatAndNothingElse) {
  const auto first =
      ReportOf({RowOf("a", audit::Verdict::kMatch), RowOf("b", audit::Verdict::kMatch),
                RowOf("c", audit::Verdict::kStale)});
  EXPECT_THAT(Words(ChangesBetween(nullptr, first)),
              ElementsAre("a: new -> match", "b: new -> match", "c: new -> stale"));
  EXPECT_THAT(Words(ChangesBetween(&first, first)), IsEmpty());
  const auto second =
      ReportOf({RowOf("a", audit::Verdict::kMatch), RowOf("b", audit::Verdict::kWeaker),
                RowOf("d", audit::Verdict::kMatch)});
  EXPECT_THAT(Words(ChangesBetween(&first, second)),
              ElementsAre("b: match -> weaker", "d: new -> match", "c: stale -> ended"));
}

TEST(ChangesBetween, NewRevisionUnderTheSameVerdictIsAChange) {
  auto before = ReportOf({RowOf("a", audit::Verdict::kMatch)});
  auto after = before;
  after.rows[0].judgement.asked_revision = 6;
  const AuditChanges changes = ChangesBetween(&before, after);
  ASSERT_THAT(changes.verdicts, SizeIs(1));
  EXPECT_EQ(changes.verdicts[0].asked, "web/api.json@r6");
  after = before;
  after.rows[0].judgement.witness = audit::Witness{.pid = 7, .comm = "sh"};
  EXPECT_THAT(Words(ChangesBetween(&before, after)), IsEmpty()) << "another process, same verdict";
}

TEST(ChangesBetween, NamingAContainerIsNoNewContainer) {
  auto before = ReportOf({RowOf("a", audit::Verdict::kUnknown)});
  before.rows[0].container = "";
  const auto after = ReportOf({RowOf("a", audit::Verdict::kMatch)});
  EXPECT_THAT(Words(ChangesBetween(&before, after)), ElementsAre("a: unknown -> match"));
}

TEST(ChangesBetween, FollowsEveryCheckOfEveryContainer) {
  const auto report = ReportOf({RowOf("a", audit::Verdict::kMatch)});
  std::string result = "permitted";
  const ChecksOf checks = [&result](const audit::Report&, const audit::Row&) {
    return std::vector<std::pair<std::string, std::string>>{{"af-alg", result}, {"bpf", "blocked"}};
  };
  EXPECT_THAT(ChangesBetween(nullptr, report, checks).checks, SizeIs(2));
  EXPECT_THAT(Words(ChangesBetween(&report, report, checks)), IsEmpty());
  int calls = 0;
  const ChecksOf changed = [&calls](const audit::Report&, const audit::Row&) {
    return std::vector<std::pair<std::string, std::string>>{
        {"af-alg", ++calls == 1 ? "permitted" : "blocked"}};
  };
  EXPECT_THAT(Words(ChangesBetween(&report, report, changed)),
              ElementsAre("a af-alg: permitted -> blocked"));
}

TEST(ChangesBetween, ACauseIsSaidWithItsDifference) {
  auto report = ReportOf({RowOf("a", audit::Verdict::kWeaker)});
  report.rows[0].judgement.causes = {{bpf::Cause::kToldOtherwise, ""},
                                     {bpf::Cause::kDockerFields, "includes"}};
  EXPECT_EQ(ChangesBetween(nullptr, report).verdicts.at(0).cause, "told-otherwise, docker-fields");
}

TEST(ChangesBetween, ReadsTheChecksOfTheReport) {
  auto before = ReportOf({RowOf("a", audit::Verdict::kMatch)});
  before.facts.checks.checks = {audit::Check{.name = "af-alg", .calls = {}, .origin = {}}};
  before.rows[0].checks = {audit::CheckFinding{.result = bpf::CheckResult::kPermitted, .open = {}}};
  auto after = before;
  after.rows[0].checks[0].result = bpf::CheckResult::kBlocked;
  EXPECT_THAT(Words(ChangesBetween(&before, after)), ElementsAre("a af-alg: permitted -> blocked"));
  EXPECT_THAT(Words(ChangesBetween(&before, before)), IsEmpty());
}

std::string Logged(const std::function<void(const Log&)>& write) {
  ::testing::internal::CaptureStderr();
  write(Log(LogLevel::kInfo, LogFormat::kJson));
  return ::testing::internal::GetCapturedStderr();
}

std::vector<std::string> Members(const std::string& line) {
  const auto parsed = document::ParseJson(line);
  EXPECT_TRUE(parsed.has_value()) << line;
  std::vector<std::string> members;
  if (!parsed) return members;
  for (const document::Member& member : parsed->members) members.push_back(member.key);
  return members;
}

TEST(LogChange, EveryKindHasItsMembersAlways) {
  EXPECT_THAT(Members(Logged([](const Log& log) { LogChange(log, VerdictChange{}); })),
              ElementsAre("ts", "level", "msg", "schema", "kind", "namespace", "pod", "pod_uid",
                          "container", "container_id", "image_id", "from", "to", "reason",
                          "evidence", "asked", "asked_digest", "loaded", "loaded_fingerprint",
                          "difference", "cause", "finding"));
  EXPECT_THAT(Members(Logged([](const Log& log) { LogChange(log, CheckChange{}); })),
              ElementsAre("ts", "level", "msg", "schema", "kind", "namespace", "pod", "pod_uid",
                          "container", "container_id", "check", "from", "to"));
  EXPECT_THAT(
      Members(Logged([](const Log& log) {
        LogTamper(log, "web/a.json", install::DriftKind::kMode, {}, true);
      })),
      ElementsAre("ts", "level", "msg", "schema", "kind", "path", "what", "from", "to", "digest"));
  EXPECT_THAT(Members(Logged([](const Log& log) { LogRevision(log, {}, nullptr, ""); })),
              ElementsAre("ts", "level", "msg", "schema", "kind", "path", "step", "from",
                          "from_digest", "to", "digest", "meaning", "origin"));
}

TEST(LogChange, RevisionNamesBothSides) {
  install::Revision revision;
  revision.number = 5;
  const install::Step step{
      .kind = install::StepKind::kUpdate, .path = "web/a.json", .revision = revision};
  const install::ProfileRow before{.path = "web/a.json", .revision = 4};
  const std::string line =
      Logged([&](const Log& log) { LogRevision(log, step, &before, "ConfigMap web key a.json"); });
  EXPECT_THAT(line, HasSubstr(R"("step":"update","from":"r4","from_digest":"sha256:)"));
  EXPECT_THAT(line, HasSubstr(R"("to":"r5","digest":"sha256:)"));
  EXPECT_THAT(line, HasSubstr(R"("origin":"ConfigMap web key a.json"})"));
}

// One line whatever a workload calls itself, and nothing that steers a terminal.
TEST(LogChange, HostileNamesStayInsideTheirMember) {
  VerdictChange change;
  change.container = "a\",\"to\":\"match\n\x1b[2J";
  change.difference = "\xff\x9b";
  const std::string line = Logged([&](const Log& log) { LogChange(log, change); });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  EXPECT_THAT(line, Not(HasSubstr("\x9b")));
  EXPECT_THAT(Members(line), SizeIs(22));
}

}  // namespace
}  // namespace seccompd::agent
