// SPDX-License-Identifier: Apache-2.0
#include "common/audit/blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using bpf::CheckResult;
using testing::HasSubstr;
using testing::Not;

// Its findings in the order of the report's checks.
Row MakeRow(std::string pod, std::vector<CheckFinding> findings) {
  Row row;
  row.namespace_name = "shop";
  row.pod = std::move(pod);
  row.container = "app";
  row.naming = Naming::kNamed;
  row.checks = std::move(findings);
  return row;
}

Row Exempt(Row row) {
  row.exempt = true;
  row.exemption.emplace();
  row.exemption->owner = "platform";
  row.exemption->expires = *base::ParseTime("2027-01-01T00:00:00Z");
  return row;
}

const CheckFinding kBlocked{.result = CheckResult::kBlocked, .open = {}};
const CheckFinding kPermitted{.result = CheckResult::kPermitted, .open = {"mount"}};
const CheckFinding kBypassable{.result = CheckResult::kBypassable, .open = {"mount (on i386)"}};
const CheckFinding kUnread{.result = CheckResult::kUnknown, .open = {}};

// Of a cluster's check `af-alg` and, asked once, `mount`.
Report MakeReport(std::vector<Row> rows) {
  Report report;
  report.facts.end = Now();
  report.facts.checks.checks = {{.name = "af-alg", .calls = {}, .origin = "ConfigMap s/today"},
                                {.name = "mount", .calls = {}, .origin = std::string(kAskedOnce)}};
  report.rows = std::move(rows);
  report.counts.found = report.rows.size();
  return report;
}

TEST(RenderBlocks, ContainersWithAKernelOfTheirOwnAreCountedApart) {
  Row sandboxed = MakeRow("g", {});
  sandboxed.judgement.verdict = Verdict::kNotApplicable;
  const Report report = MakeReport({MakeRow("a", {kBlocked, kBlocked}), sandboxed});
  EXPECT_EQ(
      RenderBlocks(report),
      "--blocks mount: the only container asked blocks it; not asked: 1 container with another "
      "kernel\n");
  EXPECT_FALSE(SomeDoNotBlock(report));
  EXPECT_EQ(RenderBlocks(MakeReport({sandboxed, sandboxed})),
            "--blocks mount: not asked: 2 containers with another kernel\n");
}

TEST(RenderBlocks, TheWorstComesFirstAndTheExemptSayUntilWhen) {
  const Report report = MakeReport(
      {MakeRow("a", {kBlocked, kUnread}), MakeRow("b", {kPermitted, kBlocked}),
       MakeRow("c-with-a-name", {kBlocked, kBypassable}),
       Exempt(MakeRow("d", {kBlocked, kPermitted})), MakeRow("e", {kBlocked, kPermitted})});
  EXPECT_EQ(RenderBlocks(report),
            R"(--blocks mount: NOT BLOCKED by 4 of 5 containers, 1 of them exempt
  RESULT      NAMESPACE/POD/CONTAINER  OPEN WAY
  permitted   shop/d/app               mount; exempt until 2027-01-01T00:00:00Z (platform)
  permitted   shop/e/app               mount
  bypassable  shop/c-with-a-name/app   mount (on i386)
  unknown     shop/a/app               its filter could not be read or decided
)");
}

TEST(RenderBlocks, SaysThatAllBlockItAndHowManyThatAre) {
  EXPECT_EQ(RenderBlocks(MakeReport(
                {MakeRow("a", {kPermitted, kBlocked}), MakeRow("b", {kPermitted, kBlocked})})),
            "--blocks mount: all 2 containers block it\n");
  EXPECT_EQ(RenderBlocks(MakeReport({MakeRow("a", {kPermitted, kBlocked})})),
            "--blocks mount: the only container asked blocks it\n");
}

TEST(RenderBlocks, ANodeWithoutAProcessIsNotSaidToBlockIt) {
  const std::string nobody =
      "--blocks mount: nothing runs in a container here, so nothing was asked\n";
  EXPECT_EQ(RenderBlocks(MakeReport({})), nobody);
  EXPECT_EQ(RenderBlocks(MakeReport({MakeRow("ended", {})})), nobody);
}

TEST(RenderBlocks, IsNothingWhereNothingWasAsked) {
  Report report = MakeReport({MakeRow("a", {kPermitted})});
  report.facts.checks.checks.pop_back();
  EXPECT_EQ(RenderBlocks(report), "");
}

TEST(RenderBlocks, EachCallHasItsOwnAnswer) {
  Report report = MakeReport({MakeRow("a", {kBlocked, kBlocked, kPermitted})});
  report.facts.checks.checks.push_back(
      {.name = "bpf", .calls = {}, .origin = std::string(kAskedOnce)});
  const std::string text = RenderBlocks(report);
  EXPECT_THAT(text, testing::StartsWith("--blocks mount: the only container asked blocks it\n"
                                        "--blocks bpf: NOT BLOCKED by 1 of 1 container\n"));
}

TEST(RenderBlocks, NamesAreShownNotObeyed) {
  Report report = MakeReport({MakeRow("a\x1b[2J\n", {kBlocked, kPermitted})});
  report.facts.checks.checks[1].name = "mount\r";
  report.rows[0].checks[1].open = {"mount\x1b]0;x"};
  const std::string text = RenderBlocks(report);
  EXPECT_EQ(text.find_first_of("\x1b\r"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("shop/a\\x1b[2J\\x0a/app"));
}

TEST(SomeDoNotBlock, PermittedBypassableAndUnknownAllCount) {
  EXPECT_FALSE(SomeDoNotBlock(MakeReport({MakeRow("a", {kBlocked, kBlocked})})));
  for (const CheckFinding& finding : {kPermitted, kBypassable, kUnread}) {
    EXPECT_TRUE(SomeDoNotBlock(
        MakeReport({MakeRow("a", {kBlocked, kBlocked}), MakeRow("b", {kBlocked, finding})})))
        << bpf::Name(finding.result);
  }
}

TEST(SomeDoNotBlock, AnExemptContainerAndTheClustersOwnChecksDoNotCount) {
  EXPECT_FALSE(SomeDoNotBlock(MakeReport({MakeRow("a", {kPermitted, kBlocked})})));
  EXPECT_FALSE(SomeDoNotBlock(MakeReport({Exempt(MakeRow("a", {kBlocked, kPermitted}))})));
  EXPECT_TRUE(SomeDoNotBlock(MakeReport(
      {Exempt(MakeRow("a", {kBlocked, kPermitted})), MakeRow("b", {kBlocked, kPermitted})})));
}

TEST(RenderText, TheClustersChecksAreCountedAndWhatWasAskedOnceHasATable) {
  const std::string text = RenderText(
      MakeReport({MakeRow("a", {kBlocked, kPermitted}), MakeRow("b", {kBypassable, kBlocked}),
                  MakeRow("c", {kBlocked, kBlocked}), MakeRow("ended", {})}),
      {});
  EXPECT_THAT(text, HasSubstr("\nchecks: af-alg 2 blocked, 1 bypassable\n"
                              "--blocks mount: NOT BLOCKED by 1 of 3 containers\n"));
  EXPECT_THAT(text, HasSubstr("\nno finding but what --blocks asks, below (--all "));
}

TEST(RenderText, ChecksThatNobodyAnswersHaveNoLine) {
  EXPECT_THAT(RenderText(MakeReport({MakeRow("ended", {})}), {}), Not(HasSubstr("checks:")));
}

TEST(RenderText, NoFindingsIsPlainWhereAllBlockWhatWasAsked) {
  EXPECT_THAT(RenderText(MakeReport({MakeRow("a", {kPermitted, kBlocked})}), {}),
              HasSubstr("\nno findings (--all lists every container)\n"));
}

}  // namespace
}  // namespace seccompd::audit
