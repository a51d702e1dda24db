// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/page.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "agent/daemon/html.h"
#include "common/audit/report.h"
#include "common/install/plan.h"

namespace seccompd::agent {
namespace {

using html::Cell;
using html::Row;
using metrics::LabelName;

constexpr std::string_view kGood = "good";
constexpr std::string_view kWarn = "warn";
constexpr std::string_view kBad = "bad";

std::string Ago(const std::optional<base::WallTime>& time, base::WallTime now) {
  if (!time) return "never";
  return base::FormatAge(now - *time) + " ago";
}

std::string_view ToneOf(metrics::Verdict verdict) {
  switch (verdict) {
    case metrics::Verdict::kNotEnforced:
    case metrics::Verdict::kWeaker:
      return kBad;
    case metrics::Verdict::kStale:
    case metrics::Verdict::kUnknown:
    case metrics::Verdict::kDiffers:
      return kWarn;
    case metrics::Verdict::kMatch:
      return kGood;
    case metrics::Verdict::kFiltered:
    case metrics::Verdict::kStricter:
    case metrics::Verdict::kUnconfined:
    case metrics::Verdict::kNotApplicable:
      break;
  }
  return {};
}

std::string_view ToneOf(metrics::ProfileState state) {
  switch (state) {
    case metrics::ProfileState::kInstalled:
      return kGood;
    case metrics::ProfileState::kInvalid:
      return kBad;
    case metrics::ProfileState::kPending:
    case metrics::ProfileState::kForeign:
    case metrics::ProfileState::kContested:
      return kWarn;
    case metrics::ProfileState::kShadowed:
      break;
  }
  return {};
}

std::string Heading(std::string_view text) { return "<h2>" + html::Text(text) + "</h2>\n"; }
std::string Remark(std::string_view text) { return "<p>" + html::Text(text) + "</p>\n"; }

std::string Health(const PageInput& in) {
  const metrics::MetricsSnapshot& m = in.metrics;
  std::uint64_t drifts = 0;
  for (std::size_t i = 0; i < metrics::Per<metrics::DriftKind>::kSize; ++i) {
    drifts += m.counters.profile_drifts[static_cast<metrics::DriftKind>(i)];
  }
  const bool synced = m.ready;
  return html::Facts({
      {"Ready", {synced ? "yes" : "no", synced ? kGood : kBad}},
      {"Evidence", {std::string(LabelName(m.evidence))}},
      {"Last reconciliation", {Ago(m.sync_last_success, in.now)}},
      {"Last audit", {Ago(m.audit_last_success, in.now)}},
      {"Failed passes",
       {std::to_string(m.counters.sync_failures + m.counters.audit_failures),
        m.counters.sync_failures + m.counters.audit_failures > 0 ? kWarn : std::string_view()}},
      {"Tampering repaired", {std::to_string(drifts), drifts > 0 ? kWarn : std::string_view()}},
      {"Removals held back",
       {std::to_string(m.removals_held), m.removals_held > 0 ? kWarn : std::string_view()}},
      {"Loop wait, longest",
       {fmt::format("{:.3f} s", std::chrono::duration<double>(m.loop_lag).count())}},
  });
}

std::string ProfileCounts(const metrics::MetricsSnapshot& m) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < metrics::Per<metrics::ProfileState>::kSize; ++i) {
    const auto state = static_cast<metrics::ProfileState>(i);
    if (m.profiles[state] == 0 && state != metrics::ProfileState::kInstalled) continue;
    rows.push_back(
        {{std::string(LabelName(state)), ToneOf(state)}, {std::to_string(m.profiles[state])}});
  }
  if (m.profiles_orphaned > 0)
    rows.push_back({{"orphaned"}, {std::to_string(m.profiles_orphaned)}});
  return html::Table({"State", "Profiles"}, rows);
}

std::string InvalidProfiles(const metrics::MetricsSnapshot& m) {
  std::vector<Row> rows;
  for (const metrics::InvalidProfile& profile : m.invalid_profiles) {
    if (rows.size() == metrics::kMaxInvalidProfiles) break;
    rows.push_back({{profile.profile}, {profile.source}, {profile.reason, kBad}});
  }
  if (rows.empty()) return {};
  return Heading("Refused profiles") +
         Remark("The last good revision stays in force. seccompd validate says what is wrong.") +
         html::Table({"Profile", "Source", "First error"}, rows);
}

std::string Containers(const metrics::MetricsSnapshot& m) {
  if (!m.audit) return Remark("No audit has ended yet.");
  std::vector<Row> rows;
  for (std::size_t v = 0; v < metrics::Per<metrics::Verdict>::kSize; ++v) {
    const auto verdict = static_cast<metrics::Verdict>(v);
    std::uint64_t all = 0;
    Row row = {{std::string(LabelName(verdict)), ToneOf(verdict)}};
    for (std::size_t x = 0; x < metrics::Per<metrics::Expected>::kSize; ++x) {
      std::uint64_t count = 0;
      for (const auto evidence : {metrics::Evidence::kStatus, metrics::Evidence::kFilter}) {
        count += m.audit->containers[evidence][static_cast<metrics::Expected>(x)][verdict];
      }
      all += count;
      row.push_back({count == 0 ? "" : std::to_string(count)});
    }
    if (all > 0) rows.push_back(std::move(row));
  }
  if (rows.empty()) return Remark("No container runs here.");
  return html::Table({"Verdict", "Localhost", "RuntimeDefault", "Unconfined", "nothing asked"},
                     rows);
}

std::string Violations(const metrics::MetricsSnapshot& m) {
  std::vector<Row> rows;
  for (const metrics::Violation& violation : m.audit->violations) {
    if (rows.size() == metrics::kMaxViolations) break;
    rows.push_back({{std::string(LabelName(violation.verdict)), ToneOf(violation.verdict)},
                    {violation.namespace_name + "/" + violation.pod + "/" + violation.container},
                    {std::string(LabelName(violation.expected))}});
  }
  std::string out;
  if (!rows.empty()) out = html::Table({"Verdict", "Container", "Asked for"}, rows);
  if (m.audit->violations.size() > rows.size()) {
    out += Remark(fmt::format("{} more are not shown.", m.audit->violations.size() - rows.size()));
  }
  std::uint64_t unserved = 0;
  for (const auto why :
       {metrics::Unserved::kMissing, metrics::Unserved::kInvalid, metrics::Unserved::kPending}) {
    unserved += m.audit->unserved[why];
  }
  if (unserved > 0) {
    out += Remark(fmt::format("{} containers name a profile that has no file here.", unserved));
  }
  return out;
}

std::string Checks(const metrics::MetricsSnapshot& m) {
  if (!m.audit || m.audit->checks.empty()) return {};
  using metrics::CheckResult;
  std::vector<Row> rows;
  for (const auto& entry : m.audit->checks) {
    // By name: clang 14 lets no lambda see a structured binding.
    const std::string& check = entry.first;
    const metrics::Per<CheckResult>& results = entry.second;
    if (rows.size() == metrics::kMaxChecks) break;
    const auto cell = [&results](CheckResult result, std::string_view tone) {
      const std::uint64_t count = results[result];
      return Cell{count == 0 ? "" : std::to_string(count), count == 0 ? std::string_view() : tone};
    };
    const bool pages = m.audit->paging_checks.contains(check);
    rows.push_back({{pages ? check + " (pages)" : check},
                    cell(CheckResult::kBlocked, kGood),
                    cell(CheckResult::kBypassable, kWarn),
                    cell(CheckResult::kPermitted, pages ? kBad : kWarn),
                    cell(CheckResult::kUnknown, kWarn)});
  }
  return Heading("Checks") + Remark("Containers by whether every call of a check is blocked now.") +
         html::Table({"Check", "Blocked", "Bypassable", "Permitted", "Unknown"}, rows);
}

// A watch is given up after three minutes without a byte: bookmarks come about once a minute.
std::string Watches(const PageInput& in) {
  if (!in.metrics.cluster) return {};
  constexpr std::chrono::minutes kSilent{3};
  std::vector<Row> rows;
  for (const auto& [resource, stats] : in.metrics.cluster->watches) {
    const bool silent = !stats.last_activity || in.now - *stats.last_activity > kSilent;
    std::uint64_t opened = 0;
    std::uint64_t failed = 0;
    for (std::size_t i = 0; i < metrics::Per<metrics::Rewatch>::kSize; ++i) {
      const auto why = static_cast<metrics::Rewatch>(i);
      opened += stats.restarts[why];
      if (why == metrics::Rewatch::kError || why == metrics::Rewatch::kIdle) {
        failed += stats.restarts[why];
      }
    }
    std::uint64_t lists = 0;
    for (std::size_t i = 0; i < metrics::Per<metrics::Relist>::kSize; ++i) {
      lists += stats.relists[static_cast<metrics::Relist>(i)];
    }
    rows.push_back({{resource},
                    {Ago(stats.last_activity, in.now), silent ? kWarn : kGood},
                    {std::to_string(stats.objects)},
                    {failed == 0 ? std::to_string(opened)
                                 : fmt::format("{} ({} after errors)", opened, failed)},
                    {std::to_string(lists)}});
  }
  const bool open = in.metrics.cluster->node_gate_open;
  std::string out = Heading("Watches");
  if (!open) out += Remark("The node still carries its start-up taint.");
  if (rows.empty()) return out + Remark("None is open yet.");
  return out + html::Table({"Resource", "Last byte", "Objects", "Opened again", "Lists"}, rows);
}

std::string NodeFacts(const audit::PassFacts& facts) {
  std::vector<std::pair<std::string_view, Cell>> rows;
  const auto add = [&rows](std::string_view name, const std::string& value) {
    if (!value.empty()) rows.push_back({name, {value}});
  };
  add("Node", facts.node_name);
  add("Kernel", facts.kernel);
  add("Operating system", facts.os);
  add("Runtime", facts.runtime);
  add("Processes in containers", std::to_string(facts.processes));
  std::string out = html::Facts(rows);
  for (const std::string& note : facts.notes) out += Remark(note);
  return out;
}

std::string ProfileRows(const PageInput& in) {
  std::vector<Row> rows;
  for (const install::ProfileRow& row : in.state.profiles) {
    const std::string_view tone = row.state == install::ProfileState::kInstalled  ? kGood
                                  : row.state == install::ProfileState::kInvalid  ? kBad
                                  : row.state == install::ProfileState::kOrphaned ? ""
                                                                                  : kWarn;
    rows.push_back({{row.path},
                    {row.revision == 0 ? "" : fmt::format("r{}", row.revision)},
                    {std::string(install::ProfileStateName(row.state)), tone},
                    {row.used ? "yes" : ""},
                    {row.since ? base::FormatAge(in.now - *row.since) : ""},
                    {row.note.empty() ? row.origin : row.note}});
  }
  if (rows.empty()) return Remark("None.");
  return html::Table({"Profile", "Revision", "State", "Used", "Since", "Note"}, rows);
}

std::string DetailedFindings(const PageInput& in) {
  const audit::Report& report = *in.state.audit;
  std::vector<Row> rows;
  for (const audit::Row& row : report.rows) {
    const audit::Judgement& judgement = row.judgement;
    if (!judgement.alarm) continue;
    const std::string& first =
        judgement.filter_witness.empty() ? judgement.why : judgement.filter_witness;
    rows.push_back({{std::string(audit::VerdictName(judgement.verdict)),
                     judgement.verdict <= audit::Verdict::kWeaker ? kBad : kWarn},
                    {row.namespace_name + "/" + row.pod + "/" + row.container},
                    {audit::AskedText(row.asked)},
                    {judgement.since ? base::FormatAge(in.now - *judgement.since) : ""},
                    {first}});
  }
  for (const audit::Finding& finding : report.findings) {
    rows.push_back(
        {{std::string(audit::FindingKindName(finding.kind)), kWarn},
         {finding.namespace_name + "/" + finding.pod + "/" + finding.container},
         {finding.path},
         {finding.since ? base::FormatAge(in.now - *finding.since) : ""},
         {finding.nearest.empty() ? finding.state : "perhaps " + finding.nearest + "?"}});
  }
  std::string out;
  if (!rows.empty()) {
    out = html::Table({"Verdict", "Container", "Asked for", "Since", "First difference"}, rows);
  }
  for (const audit::RestartHint& hint : report.restarts) out += Remark(hint.command);
  return out;
}

std::string Findings(const PageInput& in) {
  if (!in.metrics.audit) return {};
  const std::string body =
      in.detail && in.state.audit ? DetailedFindings(in) : Violations(in.metrics);
  return Heading("Findings") + (body.empty() ? Remark("None.") : body);
}

}  // namespace

std::string RenderPage(const PageInput& in) {
  const metrics::MetricsSnapshot& m = in.metrics;
  std::string body = "<h1>seccompd</h1>\n";
  body += Remark(fmt::format("{} ({}, {})", m.build.version, m.build.revision, m.build.arch));
  body +=
      "<nav><a href=/metrics>metrics</a><a href=/readyz>readiness</a>"
      "<a href=/livez>liveness</a></nav>\n";
  body += Health(in);
  if (in.detail) {
    if (in.state.install_error) body += Remark(in.state.install_error->message);
    if (in.state.audit_error) body += Remark(in.state.audit_error->message);
    for (const SourceProblem& problem : in.state.source_problems) {
      body += Remark(problem.path + ": " + problem.error.message);
    }
    if (in.state.audit) body += NodeFacts(in.state.audit->facts);
  }
  body += Findings(in);
  body += Heading("Containers") + Containers(m);
  body += Checks(m);
  body += Heading("Profiles") + (in.detail ? ProfileRows(in) : ProfileCounts(m));
  if (!in.detail) body += InvalidProfiles(m);
  body += Watches(in);
  return html::Document("seccompd", body);
}

}  // namespace seccompd::agent
