// SPDX-License-Identifier: Apache-2.0
#include "common/audit/report.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::audit {
namespace {

Row MakeRow(const Subject& subject, Judgement judgement) {
  Row row;
  row.naming = subject.naming;
  row.asked = subject.asked;
  if (subject.pod != nullptr) {
    row.namespace_name = subject.pod->namespace_name;
    row.pod = subject.pod->name;
    row.pod_uid = subject.pod->uid;
    row.owner = subject.pod->owner;
    row.runtime_class = subject.pod->runtime_class;
  }
  if (subject.workload != nullptr) {
    row.container = subject.workload->name;
    row.kind = subject.workload->kind;
    row.container_id = subject.workload->container_id;
    row.image_id = subject.workload->image_id;
  }
  if (subject.observation != nullptr) {
    row.pod_uid = subject.observation->ref.pod_uid;
    row.container_id = subject.observation->ref.container_id;
    row.cgroup_path = subject.observation->cgroup_path;
    const auto& processes = subject.observation->processes;
    row.processes = static_cast<std::size_t>(std::count_if(
        processes.begin(), processes.end(), [](const auto& p) { return p.process.live; }));
  }
  row.judgement = std::move(judgement);
  return row;
}

auto RowKey(const Row& row) {
  return std::tie(row.judgement.verdict, row.namespace_name, row.pod, row.pod_uid, row.container,
                  row.container_id, row.cgroup_path);
}

Counts Count(std::span<const Row> rows) {
  Counts counts;
  counts.found = rows.size();
  for (const Row& row : rows) {
    const Verdict verdict = row.judgement.verdict;
    ++counts.by_verdict[static_cast<std::size_t>(verdict)];
    if (row.naming == Naming::kNoPod) ++counts.unresolved;
    if (row.judgement.alarm) ++counts.alarms;
    if (row.exempt) ++counts.exempt;
    if (row.floor && row.floor->result == FloorResult::kBelow) ++counts.below_floor;
  }
  counts.unknown = counts.Of(Verdict::kUnknown);
  counts.not_applicable = counts.Of(Verdict::kNotApplicable);
  counts.judged = counts.found - counts.unknown - counts.not_applicable;
  return counts;
}

std::string StateText(const Workload& workload) {
  switch (workload.state) {
    case kube::ContainerState::kRunning:
      return "running";
    case kube::ContainerState::kTerminated:
      return "terminated";
    case kube::ContainerState::kWaiting:
      return workload.waiting_reason.empty() ? "waiting" : workload.waiting_reason;
    case kube::ContainerState::kUnknown:
      return "not started";
  }
  return "not started";
}

std::optional<FindingKind> Missing(const std::string& path, const InstalledView& installed) {
  const auto found = installed.profiles.find(path);
  if (found == installed.profiles.end()) return FindingKind::kMissingProfile;
  if (found->second.on_disk) return std::nullopt;
  return found->second.state == ProfileState::kInvalid ? FindingKind::kInvalidProfile
                                                       : FindingKind::kPendingProfile;
}

// References that the next (re)start of a container cannot resolve.
std::vector<Finding> FindMissing(std::span<const PodWorkload> pods,
                                 const InstalledView& installed) {
  std::vector<Finding> findings;
  if (!installed.available) return findings;
  for (const PodWorkload& pod : pods) {
    if (pod.ended) continue;
    for (const Workload& workload : pod.containers) {
      if (workload.asked.kind != AskedKind::kLocalhost) continue;
      const bool done = workload.kind == WorkloadKind::kInit &&
                        workload.state == kube::ContainerState::kTerminated;
      const auto kind = Missing(workload.asked.path, installed);
      if (done || !kind) continue;
      Finding finding{.kind = *kind,
                      .namespace_name = pod.namespace_name,
                      .pod = pod.name,
                      .container = workload.name,
                      .path = workload.asked.path,
                      .nearest = {},
                      .state = StateText(workload),
                      .since = pod.created};
      if (*kind == FindingKind::kMissingProfile) {
        finding.nearest = NearestPath(finding.path, installed);
      }
      findings.push_back(std::move(finding));
    }
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.namespace_name, a.pod, a.container) <
           std::tie(b.namespace_name, b.pod, b.container);
  });
  return findings;
}

// A container below the floor is a finding whatever its profile asks for; an exempt one is none.
void ApplyPolicy(const Policy& policy, base::WallTime now, Row& row) {
  if (row.floor && row.floor->result == FloorResult::kBelow) {
    row.judgement.alarm = true;
    if (row.judgement.why.empty()) row.judgement.why = "below the floor: " + row.floor->difference;
  }
  if (row.pod.empty()) return;
  const Exemption* exemption =
      FindExemption(policy.exemptions, row.namespace_name, row.owner, row.pod, row.container);
  if (exemption == nullptr) return;
  row.exemption = *exemption;
  row.exempt = row.judgement.alarm && exemption->expires > now;
  if (row.exempt) row.judgement.alarm = false;
}

// An exemption that has expired is a finding until somebody takes it out or renews it.
void AddExpired(const Policy& policy, base::WallTime now, std::vector<Finding>& findings) {
  for (const Exemption& exemption : policy.exemptions) {
    if (exemption.expires > now) continue;
    findings.push_back({.kind = FindingKind::kExpiredExemption,
                        .namespace_name = exemption.namespace_name,
                        .pod = exemption.workload,
                        .container = exemption.container,
                        .path = {},
                        .nearest = {},
                        .state = "expired " + base::FormatTime(exemption.expires) + ", " +
                                 exemption.owner + ": " + exemption.reason,
                        .since = exemption.expires});
  }
}

// Names from a manifest directory have passed no API server: a command to be pasted into a shell
// holds only what a DNS-1123 name may.
bool IsPlainName(std::string_view name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") ==
             std::string_view::npos &&
         name.front() != '-';
}

std::optional<RestartHint> RestartOf(const Row& row) {
  const std::size_t slash = row.owner.find('/');
  if (slash == std::string::npos) return std::nullopt;  // nothing would create it again
  const std::string_view kind = std::string_view(row.owner).substr(0, slash);
  const std::string_view name = std::string_view(row.owner).substr(slash + 1);
  if (!IsPlainName(row.namespace_name) || !IsPlainName(row.pod) || !IsPlainName(name) ||
      kind == "Node") {
    return std::nullopt;
  }
  std::string command = "kubectl -n " + row.namespace_name;
  if (kind == "Deployment") {
    command += " rollout restart deploy/" + std::string(name);
  } else if (kind == "StatefulSet") {
    command += " rollout restart sts/" + std::string(name);
  } else if (kind == "DaemonSet") {
    command += " rollout restart ds/" + std::string(name);
  } else {
    command += " delete pod " + row.pod;
  }
  return RestartHint{.namespace_name = row.namespace_name, .command = std::move(command)};
}

bool RestartHeals(const Judgement& judgement) {
  return judgement.verdict == Verdict::kStale || judgement.reason == Reason::kRace ||
         judgement.reason == Reason::kBeforeLedger;
}

std::vector<RestartHint> Restarts(std::span<const Row> rows) {
  std::map<std::string, RestartHint> by_command;
  for (const Row& row : rows) {
    if (!RestartHeals(row.judgement)) continue;
    if (auto hint = RestartOf(row)) by_command.emplace(hint->command, *hint);
  }
  std::vector<RestartHint> hints;
  hints.reserve(by_command.size());
  for (auto& [command, hint] : by_command) hints.push_back(std::move(hint));
  return hints;
}

std::string_view FileName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

Report MakeReport(PassFacts facts, std::span<const kube::Pod> pods,
                  std::span<const Observation> observations, const InstalledView& installed,
                  const JudgeOptions& options, const EvidenceOf& evidence_of) {
  Report report;
  if (facts.node_default == NodeDefault::kUndecided) {
    facts.node_default = InferNodeDefault(pods, observations);
    facts.node_default_inferred = facts.node_default != NodeDefault::kUndecided;
  }
  const std::vector<PodWorkload> workloads = MakeWorkloads(pods, facts.node_default);
  for (const Subject& subject : Resolve(workloads, observations)) {
    const SubjectEvidence evidence = evidence_of ? evidence_of(subject) : SubjectEvidence{};
    Judgement judgement = Judge(subject, installed, options, evidence.filter.findings);
    judgement.asked_fingerprint = evidence.filter.asked_fingerprint;
    judgement.told_digest = evidence.filter.told_digest;
    judgement.told_fingerprint = evidence.filter.told_fingerprint;
    Row row = MakeRow(subject, std::move(judgement));
    // Where a sandbox has a kernel of its own, its process's filter is not the workload's.
    if (row.judgement.verdict != Verdict::kNotApplicable) {
      row.checks = evidence.checks;
      row.floor = evidence.floor;
    }
    ApplyPolicy(facts.policy, options.now, row);
    report.rows.push_back(std::move(row));
  }
  std::stable_sort(report.rows.begin(), report.rows.end(),
                   [](const Row& a, const Row& b) { return RowKey(a) < RowKey(b); });
  report.findings = FindMissing(workloads, installed);
  AddExpired(facts.policy, options.now, report.findings);
  report.restarts = Restarts(report.rows);
  report.counts = Count(report.rows);
  report.facts = std::move(facts);
  return report;
}

std::string NearestPath(std::string_view path, const InstalledView& installed) {
  constexpr std::size_t kLongest = 1'024;  // the distance costs the product of the lengths
  if (path.empty() || path.size() > kLongest) return {};
  std::vector<std::string_view> existing;
  for (const auto& [candidate, profile] : installed.profiles) {
    if (profile.on_disk && candidate.size() <= kLongest) existing.emplace_back(candidate);
  }
  const auto exists = [&](std::string_view candidate) {
    return std::find(existing.begin(), existing.end(), candidate) != existing.end();
  };
  // What people write by habit: the runtime's "localhost/" prefix, or no extension.
  constexpr std::string_view kPrefix = "localhost/";
  if (path.starts_with(kPrefix) && exists(path.substr(kPrefix.size()))) {
    return std::string(path.substr(kPrefix.size()));
  }
  std::string with_extension = std::string(path) + ".json";
  if (exists(with_extension)) return with_extension;
  if (const auto nearest = base::Nearest(path, existing)) return std::string(*nearest);
  for (const std::string_view candidate : existing) {
    if (FileName(candidate) == FileName(path)) return std::string(candidate);
  }
  return {};
}

}  // namespace seccompd::audit
