// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/daemon/exposition.h"
#include "agent/daemon/html.h"

namespace seccompd::agent {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

base::WallTime Now() { return *base::ParseTime("2026-11-24T03:04:11Z"); }

// A node with something of everything.
NodeState FullState() {
  NodeState state;
  state.last_sync = Now() - std::chrono::seconds(12);
  state.last_audit = Now() - std::chrono::seconds(8);
  state.profiles.emplace_back();
  state.profiles[0].path = "web/secret-name.json";
  state.profiles[0].state = install::ProfileState::kInstalled;
  state.profiles[0].revision = 5;
  state.invalid = {{.source = "web/pay", .profile = "web/pay.json", .reason = "E0104"}};
  state.audit.emplace();
  state.audit->facts.node_name = "gke-a-17";
  state.audit->facts.kernel = "6.1.0-99";
  state.audit->facts.notes = {"a note of the pass"};
  audit::Row row;
  row.namespace_name = "shop";
  row.pod = "api-0";
  row.container = "app";
  row.asked = {.kind = audit::AskedKind::kLocalhost, .path = "web/api.json"};
  row.judgement.verdict = audit::Verdict::kWeaker;
  row.judgement.alarm = true;
  row.judgement.why = "the loaded filter permits more";
  row.judgement.filter_witness = "x86_64 bpf(0,0,0)";
  state.audit->rows = {row};
  state.audit->restarts = {{.namespace_name = "shop", .command = "kubectl -n shop restart"}};
  return state;
}

std::string Render(const NodeState& state, bool detail) {
  const metrics::MetricsSnapshot snapshot = Snapshot(
      state, {.version = "1.4.0", .revision = "abc", .compiler = "g", .arch = "x86_64"}, {});
  return RenderPage({.metrics = snapshot, .state = state, .detail = detail, .now = Now()});
}

TEST(RenderPage, WithoutDetailItShowsNothingThatMetricsDoNot) {
  EXPECT_THAT(
      Render(FullState(), false),
      AllOf(Not(HasSubstr("gke-a-17")), Not(HasSubstr("6.1.0-99")), Not(HasSubstr("secret-name")),
            Not(HasSubstr("bpf(0,0,0)")), Not(HasSubstr("a note of the pass")),
            Not(HasSubstr("web/api.json")), Not(HasSubstr("kubectl"))));
}

TEST(RenderPage, WithoutDetailItShowsHealthCountsAndViolations) {
  EXPECT_THAT(Render(FullState(), false),
              AllOf(HasSubstr("1.4.0"), HasSubstr("12s ago"), HasSubstr("8s ago"),
                    HasSubstr("shop/api-0/app"), HasSubstr("weaker"), HasSubstr("web/pay.json"),
                    HasSubstr("E0104"), HasSubstr("installed")));
}

TEST(RenderPage, DetailShowsTheNodeItsProfilesAndTheFirstDifference) {
  EXPECT_THAT(Render(FullState(), true),
              AllOf(HasSubstr("gke-a-17"), HasSubstr("6.1.0-99"), HasSubstr("web/secret-name.json"),
                    HasSubstr("r5"), HasSubstr("x86_64 bpf(0,0,0)"), HasSubstr("web/api.json"),
                    HasSubstr("a note of the pass"), HasSubstr("kubectl -n shop restart")));
}

TEST(RenderPage, TextFromOutsideIsNeverMarkup) {
  NodeState state = FullState();
  state.profiles[0].path = "<script>alert(1)</script>";
  state.invalid[0].profile = "\"><img src=x>";
  state.audit->rows[0].pod = "a'b&c\x1b[31m";
  for (const bool detail : {false, true}) {
    EXPECT_THAT(Render(state, detail), AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<img")),
                                             Not(HasSubstr("\x1b")), HasSubstr("a&#39;b&amp;c")));
  }
}

TEST(RenderPage, ChecksAreCountedByResultAndPagingOnesSaySo) {
  NodeState state = FullState();
  state.audit->facts.checks.checks = {{.name = "af-alg", .calls = {}, .origin = {}, .page = true},
                                      {.name = "io", .calls = {}, .origin = {}}};
  state.audit->rows[0].checks = {{.result = bpf::CheckResult::kPermitted, .open = {}},
                                 {.result = bpf::CheckResult::kBlocked, .open = {}}};
  EXPECT_THAT(Render(state, false),
              AllOf(HasSubstr("<td data-t=\"Check\">af-alg (pages)</td>"),
                    HasSubstr("<td data-t=\"Permitted\" class=\"bad\">1</td>"),
                    HasSubstr("<td data-t=\"Blocked\" class=\"good\">1</td>")));
  EXPECT_THAT(Render(FullState(), false), Not(HasSubstr("<h2>Checks</h2>")));
}

TEST(RenderPage, WatchesShowTheirLastByteAndAShutGate) {
  NodeState state = FullState();
  EXPECT_THAT(Render(state, false), Not(HasSubstr("<h2>Watches</h2>")));
  state.has_cluster = true;
  state.node_gate_open = false;
  EXPECT_THAT(Render(state, false), AllOf(HasSubstr("None is open yet"), HasSubstr("taint")));
  metrics::MetricsSnapshot snapshot = Snapshot(state, {}, {});
  metrics::WatchStats& pods = snapshot.cluster->watches["pods"];
  pods.last_activity = Now() - std::chrono::seconds(40);
  pods.objects = 12;
  pods.restarts[metrics::Rewatch::kError] = 2;
  pods.restarts[metrics::Rewatch::kTimeout] = 3;
  snapshot.cluster->watches["configmaps"].last_activity = Now() - std::chrono::minutes(4);
  const std::string page =
      RenderPage({.metrics = snapshot, .state = state, .detail = false, .now = Now()});
  EXPECT_THAT(page, HasSubstr("<td data-t=\"Last byte\" class=\"good\">40s ago</td>"));
  EXPECT_THAT(page, HasSubstr("<td data-t=\"Last byte\" class=\"warn\">4m ago</td>"));
  EXPECT_THAT(page, HasSubstr("5 (2 after errors)"));
}

TEST(RenderPage, BeforeTheFirstPassItSaysSo) {
  EXPECT_THAT(Render(NodeState{}, true),
              AllOf(HasSubstr("never"), HasSubstr("No audit has ended yet."), HasSubstr(">no<")));
}

TEST(RenderPage, MoreViolationsThanMetricsShowAreCountedNotNamed) {
  NodeState state = FullState();
  state.audit->rows.resize(metrics::kMaxViolations + 3, state.audit->rows[0]);
  const std::string page = Render(state, false);
  EXPECT_THAT(page, HasSubstr("3 more are not shown."));
}

TEST(HtmlTable, CellsBeyondTheTitlesAreLeftOut) {
  EXPECT_THAT(html::Table({"A"}, {html::Row{html::Cell{"x"}, html::Cell{"y"}}}),
              AllOf(HasSubstr(">x<"), Not(HasSubstr(">y<"))));
}

}  // namespace
}  // namespace seccompd::agent
