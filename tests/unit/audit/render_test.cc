// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/audit/report.h"
#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::Not;

Row MakeRow(std::string ns, std::string pod, std::string container, Asked asked,
            Judgement judgement) {
  Row row;
  row.namespace_name = std::move(ns);
  row.pod = std::move(pod);
  row.pod_uid = kUid;
  row.container = std::move(container);
  row.container_id = "4c0d5e6f7a8b9c0d1e2f";
  row.kind = WorkloadKind::kApp;
  row.naming = Naming::kNamed;
  row.asked = std::move(asked);
  row.processes = 1;
  row.judgement = std::move(judgement);
  return row;
}

Judgement MakeJudgement(Verdict verdict, Reason reason, std::string why, LoadedMode mode,
                        std::chrono::milliseconds age) {
  Judgement judgement;
  judgement.verdict = verdict;
  judgement.reason = reason;
  judgement.why = std::move(why);
  judgement.alarm = verdict != Verdict::kFiltered;
  judgement.loaded.mode = mode;
  if (mode == LoadedMode::kFilter) judgement.loaded.filters = 1;
  judgement.since = Now() - age;
  return judgement;
}

// One row of each look: privileged, stale, filtered, missing.
Report Sample() {
  Report report;
  report.facts.node_name = "gke-a-17";
  report.facts.kernel = "6.1.0";
  report.facts.agent_version = "0.1.0";
  report.facts.node_default = NodeDefault::kUnconfined;
  report.facts.start = Now();
  report.facts.end = Now();
  report.facts.processes = 3;
  Judgement privileged =
      MakeJudgement(Verdict::kNotEnforced, Reason::kPrivileged, "privileged: true drops the filter",
                    LoadedMode::kNone, hours(3));
  privileged.asked_revision = 7;
  privileged.witness = Witness{.pid = 41, .tid = 41, .start_ticks = 900, .comm = "sh"};
  Judgement stale =
      MakeJudgement(Verdict::kStale, Reason::kOldRevision, "loaded r8, r9 is in force: restart",
                    LoadedMode::kFilter, hours(24 * 6));
  stale.asked_revision = 9;
  stale.loaded.revision = 8;
  report.rows = {MakeRow("shop", "pay-0", "app", Localhost("web/pay.json", true), privileged),
                 MakeRow("web", "front-5c-k1", "nginx", Localhost("web/front.json"), stale),
                 MakeRow("web", "front-5c-k2", "nginx", RuntimeDefault(),
                         MakeJudgement(Verdict::kFiltered, Reason::kNone, "", LoadedMode::kFilter,
                                       minutes(5)))};
  report.rows[0].processes = 2;
  report.findings = {{.kind = FindingKind::kMissingProfile,
                      .namespace_name = "ml",
                      .pod = "train-2",
                      .container = "main",
                      .path = "web/tran.json",
                      .nearest = "web/train.json",
                      .state = "not started",
                      .since = Now() - minutes(4)}};
  report.restarts = {{"web", "kubectl -n web rollout restart deploy/front"}};
  report.counts.found = 3;
  report.counts.judged = 3;
  report.counts.alarms = 2;
  for (const Row& row : report.rows) {
    ++report.counts.by_verdict[static_cast<std::size_t>(row.judgement.verdict)];
  }
  return report;
}

TEST(RenderText, FindingsOnlyByDefault) {
  EXPECT_EQ(
      RenderText(Sample(), {}),
      R"(node gke-a-17 · evidence status · 3 containers · node default unconfined · 2026-11-24T03:04:11Z
VERDICT       NAMESPACE/POD/CONTAINER  ASKED              LOADED       SINCE  WHY
not_enforced  shop/pay-0/app           web/pay.json@r7    none         3h     privileged: true drops the filter (pid 41 sh)
stale         web/front-5c-k1/nginx    web/front.json@r9  r8           6d     loaded r8, r9 is in force: restart
missing       ml/train-2/main          web/tran.json      not started  4m     no such profile; web/train.json?
1 filtered · 1 stale · 1 not_enforced · 0 unknown · 1 missing
restart: kubectl -n web rollout restart deploy/front
)");
}

TEST(RenderText, AllListsTheRestToo) {
  EXPECT_THAT(RenderText(Sample(), {.all = true, .colour = false}),
              HasSubstr("\nfiltered      web/front-5c-k2/nginx    RuntimeDefault     1 filter     "
                        "5m\n"));
  EXPECT_THAT(RenderText(Sample(), {}), Not(HasSubstr("front-5c-k2")));
}

TEST(RenderText, FiltersOfTheWorkloadAreToldApartFromThoseItWasGiven) {
  Report report = Sample();
  Loaded& loaded = report.rows[2].judgement.loaded;
  const auto shown = [&](int filters, std::size_t own) {
    loaded.filters = filters;
    loaded.own_filters = own;
    const std::string text = RenderText(report, {.all = true, .colour = false});
    const std::size_t from = text.find("RuntimeDefault") + 19;
    return text.substr(from, text.find("  ", from) - from);
  };
  EXPECT_EQ(shown(1, 0), "1 filter");
  EXPECT_EQ(shown(2, 0), "2 filters");
  EXPECT_EQ(shown(2, 1), "1 filter +1 own");
  EXPECT_EQ(shown(4, 2), "2 filters +2 own") << "one is the runtime's own, handed down";
}

TEST(RenderText, ColourWrapsTheVerdictAndNothingElse) {
  const std::string text = RenderText(Sample(), {.all = false, .colour = true});
  EXPECT_THAT(text, HasSubstr("\n\x1b[31mnot_enforced\x1b[0m  shop/pay-0/app"));
  EXPECT_THAT(text, HasSubstr("\n\x1b[33mstale\x1b[0m         web/front"));
  EXPECT_THAT(RenderText(Sample(), {}), Not(HasSubstr("\x1b")));
}

TEST(RenderText, CleanAndEmptyNodesSaySo) {
  Report report = Sample();
  report.findings.clear();
  report.rows.erase(report.rows.begin(), report.rows.begin() + 2);
  EXPECT_THAT(RenderText(report, {}), HasSubstr("\nno findings (--all lists every container)\n"));
  report.rows.clear();
  EXPECT_THAT(RenderText(report, {.all = true, .colour = false}), HasSubstr("\nno containers\n"));
}

TEST(RenderText, NamesFromOutsideAreShownNotObeyed) {
  Report report = Sample();
  report.facts.node_name = "n\x1b[2J";
  report.facts.notes = {"cgroup \x1b]0;x"};
  report.rows[0].pod = "pay\x1b[31m\n";
  report.rows[0].judgement.witness->comm = "\x1b[1mroot\xe2\x80\xae";
  report.findings[0].path = "a\rb";
  const std::string text = RenderText(report, {.all = true, .colour = false});
  EXPECT_EQ(text.find_first_of("\x1b\r"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("pay\\x1b[31m\\x0a"));
  EXPECT_THAT(text, HasSubstr("\\x1b[1mroot\\xe2\\x80\\xae"));
}

TEST(RenderText, OverlongCellsAreCut) {
  Report report = Sample();
  report.findings[0].path = std::string(5'000, 'x');
  EXPECT_THAT(RenderText(report, {}), HasSubstr("  " + std::string(119, 'x') + "…  "));
}

TEST(RenderText, UnknownsTellTheirReasonsInTheSummary) {
  Report report = Sample();
  report.rows[1].judgement.verdict = Verdict::kUnknown;
  report.rows[1].judgement.reason = Reason::kRace;
  report.rows[2].judgement.verdict = Verdict::kNotApplicable;
  report.rows[2].runtime_class = "gvisor";
  report.counts.by_verdict = {};
  report.counts.by_verdict[static_cast<std::size_t>(Verdict::kNotEnforced)] = 1;
  report.counts.unknown = 1;
  report.counts.not_applicable = 1;
  EXPECT_THAT(RenderText(report, {}),
              HasSubstr("\n1 not_enforced · 1 n/a (gvisor) · 1 unknown (race 1) · 1 missing\n"));
}

TEST(RenderText, UnnamedContainersAreToldByTheirId) {
  Report report = Sample();
  report.rows[0].naming = Naming::kPause;
  report.rows[0].container = "";
  report.rows[1].naming = Naming::kNotYetNamed;
  report.rows[1].container = "";
  report.rows[2].naming = Naming::kNoPod;
  report.rows[2].judgement.alarm = true;
  const std::string text = RenderText(report, {});
  EXPECT_THAT(text, HasSubstr(" shop/pay-0/(pause) "));
  EXPECT_THAT(text, HasSubstr(" web/front-5c-k1/?4c0d5e6f7a8b "));
  EXPECT_THAT(text, HasSubstr(" -/11111111-2222-3333-4444-555555555555/4c0d5e6f7a8b "));
}

TEST(RenderJson, IsTheGoldenText) {
  Report report = Sample();
  report.rows.erase(report.rows.begin() + 1, report.rows.end());
  report.facts.notes = {"one \"note\""};
  EXPECT_EQ(
      RenderJson(report),
      R"({"schema":"seccompd.io/audit/v1","cluster_uid":null,"cluster_uid_unknown":"no API server is asked","node":{"name":"gke-a-17","uid":null,"boot_id":null,"kernel":"6.1.0","os":null,"arch":null,"runtime":null,"default":"unconfined","default_inferred":false},"agent":{"version":"0.1.0","image":null,"image_unknown":"it runs in no container that a pod known here names","confinement":null},"evidence":"status","start":"2026-11-24T03:04:11.000Z","end":"2026-11-24T03:04:11.000Z","complete":true,"notes":["one \"note\""],)"
      R"("policy":{"floor":"none","exemptions_digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","exemptions":[]},"checks":{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","list":[]},"counts":{"found":3,"judged":3,"unknown":0,"not_applicable":0,"unresolved":0,"findings":3,"ended_unjudged":0,"exempt":0,"below_floor":0,"processes":3,"verdicts":{"not_enforced":1,"weaker":0,"unknown":0,"stale":1,"differs":0,"unconfined":0,"stricter":0,"filtered":1,"match":0,"not_applicable":0}},)"
      R"("containers":[{"namespace":"shop","pod":"pay-0","pod_uid":"11111111-2222-3333-4444-555555555555","container":"app","kind":"app","naming":"named","owner":null,"runtime_class":null,"container_id":"4c0d5e6f7a8b9c0d1e2f","image_id":null,"cgroup":null,"processes":2,"asked":{"kind":"Localhost","level":"container","path":"web/pay.json","revision":7,"digest":null,"fingerprint":null,"privileged":true},"told":null,"loaded":{"mode":"none","filters":null,"revision":null,"fingerprint":null,"own_filters":0,"same_as":null,"runc_enosys":false,"no_new_privs":null},"verdict":"not_enforced","missing":null,"reason":"privileged","why":"privileged: true drops the filter","difference":null,"threads":null,"causes":[],"evidence":"status","finding":true,"since":"2026-11-24T00:04:11.000Z","witness":{"pid":41,"tid":41,"start_ticks":900,"comm":"sh"},"checks":[],"floor":null,"floor_difference":null,"exempt":false,"exemption":null}],)"
      R"("findings":[{"kind":"missing_profile","namespace":"ml","pod":"train-2","container":"main","path":"web/tran.json","nearest":"web/train.json","state":"not started","since":"2026-11-24T03:00:11.000Z"}],"restarts":[{"namespace":"web","command":"kubectl -n web rollout restart deploy/front"}]})"
      "\n");
}

}  // namespace
}  // namespace seccompd::audit
