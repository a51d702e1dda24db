// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/audit/report.h"
#include "common/document/document.h"
#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using document::Kind;
using document::Node;
using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;

Node ReadSchema() {
  std::ifstream file(SECCOMPD_REPORT_SCHEMA);
  std::ostringstream text;
  text << file.rdbuf();
  auto schema = document::ParseJson(text.str());
  EXPECT_TRUE(schema.has_value()) << (schema ? "" : schema.error().message);
  return schema ? *schema : Node{};
}

std::string TypeName(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "boolean";
    case Kind::kNumber:
      return "integer";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
  }
  return "";
}

bool Lists(const Node* list, const std::string& scalar) {
  return list != nullptr && std::any_of(list->items.begin(), list->items.end(),
                                        [&](const Node& item) { return item.scalar == scalar; });
}

// Only the keywords that our schema uses; each object must have exactly the listed properties.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the schema
void Check(const Node& schema, const Node& value, const std::string& at,
           std::vector<std::string>& problems) {
  if (const Node* constant = schema.Find("const")) {
    if (value.scalar != constant->scalar) problems.push_back(at + ": not the constant");
  }
  if (const Node* values = schema.Find("enum")) {
    const std::string scalar = value.kind == Kind::kNull ? "" : value.scalar;
    if (!Lists(values, scalar)) problems.push_back(at + ": not in the enum: " + scalar);
  }
  const Node* type = schema.Find("type");
  if (type != nullptr && type->scalar != TypeName(value) && !Lists(type, TypeName(value))) {
    problems.push_back(at + ": has type " + TypeName(value));
  }
  if (const Node* items = schema.Find("items")) {
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      Check(*items, value.items[i], at + "[" + std::to_string(i) + "]", problems);
    }
  }
  const Node* properties = schema.Find("properties");
  if (properties == nullptr || value.kind == Kind::kNull) return;
  for (const document::Member& member : value.members) {
    const Node* property = properties->Find(member.key);
    if (property == nullptr) {
      problems.push_back(at + "." + member.key + ": not in the schema");
      continue;
    }
    Check(*property, member.value, at + "." + member.key, problems);
  }
  for (const document::Member& property : properties->members) {
    if (value.Find(property.key) == nullptr)
      problems.push_back(at + "." + property.key + ": missing");
    if (!Lists(schema.Find("required"), property.key)) {
      problems.push_back(at + "." + property.key + ": not required by the schema");
    }
  }
  const Node* additional = schema.Find("additionalProperties");
  if (additional == nullptr || additional->scalar != "false") {
    problems.push_back(at + ": the schema allows other properties");
  }
}

std::vector<std::string> Problems(const std::string& json) {
  const auto value = document::ParseJson(json);
  if (!value) return {value.error().message};
  std::vector<std::string> problems;
  Check(ReadSchema(), *value, "$", problems);
  return problems;
}

// A pass with a row and a finding of every shape.
Report FullReport() {
  kube::Pod pod;
  pod.meta.namespace_name = "web";
  pod.meta.name = "front-0";
  pod.meta.uid = kUid;
  pod.meta.creation_time = Now() - hours(3);
  pod.owner = "Deployment/front";
  pod.containers.resize(2);
  pod.containers[0].name = "app";
  pod.containers[0].container_id = "aa";
  pod.containers[0].image_id = "img";
  pod.containers[0].seccomp = {kube::SeccompProfileRef::Type::kLocalhost, "web/f.json"};
  pod.containers[1].name = "next";
  pod.containers[1].seccomp = {kube::SeccompProfileRef::Type::kLocalhost, "web/g.json"};
  const std::vector<Observation> observations = {
      MakeObservation("pp", {MakeProcess(3, 2, hours(3), "pause")}),
      MakeObservation("aa", {MakeProcess(4, 2, hours(2))}),
      MakeObservation("qq", {MakeProcess(5, 1, hours(1))}), MakeObservation("zz", {}, "")};
  const InstalledView installed = MakeInstalled(
      "web/f.json",
      {.state = ProfileState::kInstalled,
       .on_disk = true,
       .revisions = {MakeRevision(1, hours(24), "a"), MakeRevision(2, hours(1), "b")}});
  PassFacts facts;
  facts.node_name = "n1";
  facts.notes = {"a note"};
  facts.start = Now();
  facts.end = Now();
  facts.policy.floor = ParseFloor("web/floor.json");
  facts.policy.exemptions = {{.namespace_name = "web",
                              .workload = "*",
                              .container = "*",
                              .reason = "r",
                              .owner = "o",
                              .expires = Now() + hours(1)}};
  facts.checks = MakeChecks({}, seccomp::Arch::kX86_64);
  facts.confinement = OwnConfinement{};
  JudgeOptions options;
  options.now = Now();
  const auto evidence_of = [](const Subject& /*subject*/) {
    SubjectEvidence evidence;
    evidence.filter.asked_fingerprint = base::Sha256("a");
    evidence.filter.told_digest = base::Sha256("b");
    evidence.checks = {{.result = bpf::CheckResult::kPermitted, .open = {"mount"}}};
    evidence.floor = FloorFinding{.result = FloorResult::kUnknown, .difference = {}};
    return evidence;
  };
  return MakeReport(facts, std::span(&pod, 1), observations, installed, options, evidence_of);
}

TEST(ReportSchema, JsonHasExactlyItsFields) {
  const Report report = FullReport();
  ASSERT_EQ(report.rows.size(), 4U);
  ASSERT_EQ(report.findings.size(), 1U);
  ASSERT_EQ(report.restarts.size(), 1U);
  EXPECT_THAT(Problems(RenderJson(report)), IsEmpty());
}

TEST(ReportSchema, WithThreadsCausesAndWhoIsWho) {
  Report report = FullReport();
  report.facts.cluster_uid = "0a1b";
  report.facts.agent_image = "registry/a@sha256:ab";
  report.rows[0].judgement.threads = ThreadTally{.total = 3, .same = 2};
  report.rows[0].judgement.loaded.no_new_privs = true;
  for (int cause = 0; cause <= static_cast<int>(bpf::Cause::kToldOtherwise); ++cause) {
    report.rows[0].judgement.causes.push_back(
        {.cause = static_cast<bpf::Cause>(cause), .detail = "x"});
  }
  const std::string json = RenderJson(report);
  EXPECT_THAT(Problems(json), IsEmpty());
  EXPECT_THAT(json, testing::HasSubstr(R"("cluster_uid":"0a1b","cluster_uid_unknown":null)"));
  EXPECT_THAT(json, testing::HasSubstr(R"("image":"registry/a@sha256:ab","image_unknown":null)"));
  EXPECT_THAT(Problems(RenderJson(report)), IsEmpty());
}

TEST(ReportSchema, EveryNameOfAClosedSetIsInIt) {
  Report report = FullReport();
  for (const Verdict verdict : kVerdicts) {
    for (int reason = 0; reason <= static_cast<int>(Reason::kFilterLimit); ++reason) {
      report.rows[0].judgement.verdict = verdict;
      report.rows[0].judgement.reason = static_cast<Reason>(reason);
      EXPECT_THAT(Problems(RenderJson(report)), IsEmpty());
    }
  }
  for (int kind = 0; kind <= static_cast<int>(FindingKind::kExpiredExemption); ++kind) {
    report.findings[0].kind = static_cast<FindingKind>(kind);
    EXPECT_THAT(Problems(RenderJson(report)), IsEmpty());
  }
  for (int kind = 0; kind <= static_cast<int>(AskedKind::kInvalid); ++kind) {
    report.rows[0].asked.kind = static_cast<AskedKind>(kind);
    EXPECT_THAT(Problems(RenderJson(report)), IsEmpty());
  }
}

TEST(ReportSchema, CheckSeesAFieldMoreAndAFieldLess) {
  std::string json = RenderJson(FullReport());
  const std::string field = R"("complete":true,)";
  const std::size_t at = json.find(field);
  ASSERT_NE(at, std::string::npos);
  std::string less = json;
  less.erase(at, field.size());
  EXPECT_THAT(Problems(less), ElementsAre("$.complete: missing"));
  json.insert(at, R"("extra":1,)");
  EXPECT_THAT(Problems(json), ElementsAre("$.extra: not in the schema"));
}

TEST(RenderJson, HostileTextStaysValidJson) {
  Report report = FullReport();
  report.rows[0].pod = "\"}\x01\xff\\";
  report.rows[0].judgement.witness =
      Witness{.pid = 1, .tid = 1, .start_ticks = 1, .comm = "\n\xc0"};
  EXPECT_THAT(Problems(RenderJson(report)), IsEmpty());
}

}  // namespace
}  // namespace seccompd::audit
