// SPDX-License-Identifier: Apache-2.0
#include "common/audit/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/audit/report.h"
#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using testing::HasSubstr;

constexpr std::string_view kOne = R"(
log.level: info
exemptions:
- namespace: shop
  workload: Deployment/pay
  container: app
  reason: vendor image needs ptrace
  owner: team-pay
  expires: 2026-12-31
)";

TEST(ParseExemptions, ReadsTheListAndLeavesTheOtherKeysAlone) {
  const auto exemptions = ParseExemptions(kOne);
  ASSERT_TRUE(exemptions.has_value()) << exemptions.error().message;
  ASSERT_EQ(exemptions->size(), 1U);
  EXPECT_EQ((*exemptions)[0].workload, "Deployment/pay");
  EXPECT_EQ((*exemptions)[0].expires, *base::ParseTime("2026-12-31T00:00:00Z"));
  EXPECT_TRUE(ParseExemptions("")->empty());
  EXPECT_TRUE(ParseExemptions("log.level: info")->empty());
}

TEST(ParseExemptions, NothingMayBeMissingUnknownOrVague) {
  const auto error = [](std::string text) {
    const auto parsed = ParseExemptions(text);
    return parsed ? std::string("parsed") : parsed.error().message;
  };
  EXPECT_THAT(error("exemptions: 7"), HasSubstr("must be a list"));
  EXPECT_THAT(error("exemptions: [7]"), HasSubstr("each must be a mapping"));
  EXPECT_THAT(error("exemptions:\n- namespace: shop\n"), HasSubstr("workload is missing"));
  std::string text(kOne);
  text.replace(text.find("reason"), 6, "season");
  EXPECT_THAT(error(text), HasSubstr("line 7: exemptions: unknown key 'season'"));
  text = kOne;
  text.replace(text.find("2026-12-31"), 10, "next year!");
  EXPECT_THAT(error(text), HasSubstr("is no date"));
}

Exemption Exempt(std::string workload, std::string expires) {
  return {.namespace_name = "shop",
          .workload = std::move(workload),
          .container = "*",
          .reason = "r",
          .owner = "o",
          .expires = *base::ParseTime(expires)};
}

TEST(FindExemption, CoversByWholeNamesAndTheOneThatLastsLongest) {
  const std::vector<Exemption> exemptions = {Exempt("Deployment/pay", "2026-01-01T00:00:00Z"),
                                             Exempt("*", "2027-01-01T00:00:00Z"),
                                             Exempt("bare-pod", "2028-01-01T00:00:00Z")};
  const auto workload = [&](std::string_view name_space, std::string_view owner) {
    const Exemption* found = FindExemption(exemptions, name_space, owner, "bare-pod", "app");
    return found == nullptr ? "-" : found->workload;
  };
  EXPECT_EQ(workload("shop", "Deployment/pay"), "*");
  EXPECT_EQ(workload("shop", ""), "bare-pod");
  EXPECT_EQ(workload("sho", "Deployment/pay"), "-");
}

TEST(ParseFloor, KnowsItsForms) {
  EXPECT_EQ(ParseFloor("none").kind, Floor::Kind::kNone);
  EXPECT_EQ(ParseFloor("runtime-default").kind, Floor::Kind::kRuntimeDefault);
  EXPECT_EQ(ParseFloor("/web//floor.json").path, "web/floor.json");
  EXPECT_EQ(FloorText(ParseFloor("web/floor.json")), "web/floor.json");
}

// One bare container that asks for a profile: not_enforced.
Report ReportWith(const Policy& policy, const EvidenceOf& evidence_of = {}) {
  kube::Pod pod;
  pod.meta.namespace_name = "shop";
  pod.meta.name = "pay-0";
  pod.meta.uid = kUid;
  pod.owner = "Deployment/pay";
  pod.containers.resize(1);
  pod.containers[0].name = "app";
  pod.containers[0].container_id = "aa";
  const std::vector<Observation> observations = {
      MakeObservation("aa", {MakeProcess(4, 0, std::chrono::hours(2))})};
  PassFacts facts;
  facts.policy = policy;
  facts.node_default = NodeDefault::kRuntimeDefault;
  JudgeOptions options;
  options.now = Now();
  return MakeReport(facts, std::span(&pod, 1), observations, {}, options, evidence_of);
}

TEST(MakeReport, AnExemptContainerIsListedAndCountedButNoFinding) {
  Policy policy;
  EXPECT_EQ(ReportWith(policy).counts.alarms, 1U);
  policy.exemptions = {Exempt("Deployment/pay", "2999-01-01T00:00:00Z")};
  const Report report = ReportWith(policy);
  EXPECT_EQ(report.counts.alarms, 0U);
  EXPECT_EQ(report.counts.exempt, 1U);
  EXPECT_FALSE(report.HasFindings());
  EXPECT_EQ(report.rows[0].judgement.verdict, Verdict::kNotEnforced);
  EXPECT_THAT(RenderText(report, {}), HasSubstr("exempt until 2999-01-01T00:00:00Z (o):"));
}

TEST(MakeReport, AnExpiredExemptionIsAFindingAndExemptsNobody) {
  Policy policy;
  policy.exemptions = {Exempt("Deployment/pay", "2001-01-01T00:00:00Z")};
  const Report report = ReportWith(policy);
  EXPECT_EQ(report.counts.alarms, 1U);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kExpiredExemption);
  EXPECT_THAT(RenderText(report, {}), HasSubstr("remove or renew it"));
}

TEST(MakeReport, BelowTheFloorIsAFindingWhateverTheProfileAsks) {
  const Report report = ReportWith({}, [](const Subject& /*subject*/) {
    SubjectEvidence evidence;
    evidence.floor = FloorFinding{.result = FloorResult::kBelow, .difference = "permits bpf(*)"};
    return evidence;
  });
  EXPECT_EQ(report.counts.below_floor, 1U);
  EXPECT_TRUE(report.rows[0].judgement.alarm);
  EXPECT_THAT(RenderText(report, {}), HasSubstr("1 below the floor"));
}

}  // namespace
}  // namespace seccompd::audit
