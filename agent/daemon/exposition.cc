// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/exposition.h"

#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "common/base/digest.h"

namespace seccompd::agent {
namespace {

void AddProfile(const install::ProfileRow& row, metrics::MetricsSnapshot* out) {
  switch (row.state) {
    case install::ProfileState::kInstalled:
      ++out->profiles[metrics::ProfileState::kInstalled];
      return;
    case install::ProfileState::kPending:
      ++out->profiles[metrics::ProfileState::kPending];
      return;
    case install::ProfileState::kInvalid:
      ++out->profiles[metrics::ProfileState::kInvalid];
      return;
    case install::ProfileState::kForeign:
      ++out->profiles[metrics::ProfileState::kForeign];
      return;
    case install::ProfileState::kShadowed:
      ++out->profiles[metrics::ProfileState::kShadowed];
      return;
    case install::ProfileState::kContested:
      ++out->profiles[metrics::ProfileState::kContested];
      return;
    case install::ProfileState::kOrphaned:
      ++out->profiles_orphaned;
      return;
  }
}

// Equal on two nodes exactly when the same paths hold the same bytes; the low 48 bits survive a
// double.
std::uint64_t HashOf(const std::vector<install::ProfileRow>& rows) {
  std::string text;
  for (const install::ProfileRow& row : rows) {
    if (row.revision == 0) continue;
    text += row.path + '\0' + row.digest.Hex() + '\n';
  }
  const base::Digest digest = base::Sha256(text);
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 6; ++i) hash = (hash << 8) | digest.bytes.at(i);
  return hash;
}

metrics::Unserved UnservedOf(audit::FindingKind kind) {
  switch (kind) {
    case audit::FindingKind::kInvalidProfile:
      return metrics::Unserved::kInvalid;
    case audit::FindingKind::kPendingProfile:
      return metrics::Unserved::kPending;
    case audit::FindingKind::kMissingProfile:
    case audit::FindingKind::kExpiredExemption:  // no reference
      break;
  }
  return metrics::Unserved::kMissing;
}

// Refused profiles that somebody here asks for, whether or not an older revision is in force.
std::uint64_t InvalidReferenced(const audit::Report& report,
                                const std::vector<install::ProfileRow>& profiles) {
  std::set<std::string_view> asked;
  for (const audit::Row& row : report.rows) {
    if (row.asked.kind == audit::AskedKind::kLocalhost) asked.insert(row.asked.path);
  }
  for (const audit::Finding& finding : report.findings) asked.insert(finding.path);
  std::set<std::string_view> refused;
  for (const install::ProfileRow& row : profiles) {
    if (row.state == install::ProfileState::kInvalid && asked.contains(row.path)) {
      refused.insert(row.path);
    }
  }
  return refused.size();
}

metrics::CheckResult CheckResultOf(bpf::CheckResult result) {
  switch (result) {
    case bpf::CheckResult::kBlocked:
      return metrics::CheckResult::kBlocked;
    case bpf::CheckResult::kPermitted:
      return metrics::CheckResult::kPermitted;
    case bpf::CheckResult::kBypassable:
      return metrics::CheckResult::kBypassable;
    case bpf::CheckResult::kUnknown:
      break;
  }
  return metrics::CheckResult::kUnknown;
}

void AddPolicy(const audit::Report& report, metrics::MetricsSnapshot::Audit* out) {
  const auto& checks = report.facts.checks.checks;
  for (const audit::Check& check : checks) {
    out->checks.try_emplace(check.name);
    if (check.page) out->paging_checks.insert(check.name);
  }
  for (const audit::Row& row : report.rows) {
    for (std::size_t i = 0; i < row.checks.size() && i < checks.size(); ++i) {
      ++out->checks[checks[i].name][CheckResultOf(row.checks[i].result)];
    }
    if (row.asked.kind == audit::AskedKind::kLocalhost && !row.asked.path.empty()) {
      ++out->profile_containers[row.asked.path][VerdictOf(row.judgement.verdict)];
    }
  }
  out->below_floor = report.counts.below_floor;
  out->exempt = report.counts.exempt;
  for (const audit::Finding& finding : report.findings) {
    if (finding.kind == audit::FindingKind::kExpiredExemption) ++out->exemptions_expired;
  }
}

metrics::MetricsSnapshot::Audit AuditOf(const NodeState& state) {
  const audit::Report& report = *state.audit;
  metrics::MetricsSnapshot::Audit audit;
  for (const audit::Row& row : report.rows) {
    const auto evidence = static_cast<metrics::Evidence>(row.judgement.evidence);
    const metrics::Expected expected = ExpectedOf(row.asked);
    const metrics::Verdict verdict = VerdictOf(row.judgement.verdict);
    ++audit.containers[evidence][expected][verdict];
    if (!row.judgement.alarm) continue;
    audit.violations.push_back({.namespace_name = row.namespace_name,
                                .pod = row.pod,
                                .container = row.container,
                                .uid = row.pod_uid,
                                .expected = expected,
                                .verdict = verdict,
                                .evidence = evidence});
  }
  for (const audit::Finding& finding : report.findings) {
    if (finding.kind == audit::FindingKind::kExpiredExemption) continue;
    ++audit.unserved[UnservedOf(finding.kind)];
  }
  AddPolicy(report, &audit);
  audit.invalid_referenced = InvalidReferenced(report, state.profiles);
  audit.processes = state.processes;
  audit.processes_scanned = report.facts.processes;
  audit.containers_unresolved = report.counts.unresolved;
  return audit;
}

base::WallTime WallOf(base::MonoTime time) {
  const auto ago = base::MonoTime::clock::now() - time;
  return base::WallNow() - std::chrono::duration_cast<std::chrono::milliseconds>(ago);
}

template <class E, std::size_t N>
void AddCounts(const std::array<std::uint64_t, N>& counts, metrics::Per<E>* out) {
  static_assert(N == metrics::Per<E>::kSize);
  for (std::size_t i = 0; i < N; ++i) (*out)[static_cast<E>(i)] += counts.at(i);
}

metrics::ClusterSnapshot ClusterOf(const NodeState& state) {
  metrics::ClusterSnapshot cluster;
  cluster.api = state.api;
  cluster.propagation_seconds = state.propagation_seconds;
  cluster.events = state.writes_events;
  cluster.events_emitted = state.events_emitted;
  cluster.events_dropped = state.events_dropped;
  cluster.unsupported = !state.facts.unsupported.empty();
  cluster.node_gate_open = state.node_gate_open;
  for (const WatchHealth& watch : state.watches) {
    metrics::WatchStats& stats = cluster.watches[watch.resource];
    AddCounts(watch.counters.events, &stats.events);
    AddCounts(watch.counters.restarts, &stats.restarts);
    AddCounts(watch.counters.relists, &stats.relists);
    if (!watch.health.last_byte) continue;
    const base::WallTime last = WallOf(*watch.health.last_byte);
    if (!stats.last_activity || last < *stats.last_activity) stats.last_activity = last;
  }
  for (auto& [resource, stats] : cluster.watches) {
    stats.objects = resource == "pods" ? state.cached_pods : state.cached_config_maps;
  }
  return cluster;
}

}  // namespace

metrics::Verdict VerdictOf(audit::Verdict verdict) {
  switch (verdict) {
    case audit::Verdict::kMatch:
      return metrics::Verdict::kMatch;
    case audit::Verdict::kFiltered:
      return metrics::Verdict::kFiltered;
    case audit::Verdict::kNotEnforced:
      return metrics::Verdict::kNotEnforced;
    case audit::Verdict::kWeaker:
      return metrics::Verdict::kWeaker;
    case audit::Verdict::kStricter:
      return metrics::Verdict::kStricter;
    case audit::Verdict::kDiffers:
      return metrics::Verdict::kDiffers;
    case audit::Verdict::kStale:
      return metrics::Verdict::kStale;
    case audit::Verdict::kUnconfined:
      return metrics::Verdict::kUnconfined;
    case audit::Verdict::kNotApplicable:
      return metrics::Verdict::kNotApplicable;
    case audit::Verdict::kUnknown:
      break;
  }
  return metrics::Verdict::kUnknown;
}

metrics::Expected ExpectedOf(const audit::Asked& asked) {
  const std::string_view label = audit::ExpectedLabel(asked);
  for (const metrics::Expected value :
       {metrics::Expected::kLocalhost, metrics::Expected::kRuntimeDefault,
        metrics::Expected::kUnconfined}) {
    if (metrics::LabelName(value) == label) return value;
  }
  return metrics::Expected::kUnset;
}

metrics::MetricsSnapshot Snapshot(const NodeState& state, metrics::BuildInfo build,
                                  metrics::ProcessStats process) {
  metrics::MetricsSnapshot out;
  out.build = std::move(build);
  out.counters = state.counters;
  out.config_reload_ok = state.web_config_ok;
  out.config_last_success = state.web_config_read;
  out.ready = state.Ready();
  out.evidence = static_cast<metrics::Evidence>(state.evidence);
  for (const install::ProfileRow& row : state.profiles) AddProfile(row, &out);
  out.removals_held = state.held_removals;
  out.profiles_hash = HashOf(state.profiles);
  out.invalid_profiles = state.invalid;
  out.sync_last_success = state.last_sync;
  if (state.audit) out.audit = AuditOf(state);
  out.audit_last_success = state.last_audit;
  if (state.has_cluster) out.cluster = ClusterOf(state);
  out.loop_lag = state.loop_lag;
  out.process = process;
  return out;
}

}  // namespace seccompd::agent
