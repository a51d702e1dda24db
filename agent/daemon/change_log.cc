// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/change_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace seccompd::agent {
namespace {

using audit::Row;

// What tells one container of the node from another, also before a status names it.
using Key = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>;
Key KeyOf(const Row& row) {
  return {row.pod_uid, row.container_id, row.container_id.empty() ? row.container : "",
          row.cgroup_path};
}

std::map<Key, const Row*> RowsOf(const audit::Report* report) {
  std::map<Key, const Row*> rows;
  if (report == nullptr) return rows;
  for (const Row& row : report->rows) rows.emplace(KeyOf(row), &row);
  return rows;
}

std::string DigestText(const std::optional<base::Digest>& digest) {
  return digest ? "sha256:" + digest->Hex() : std::string();
}

std::string RevisionText(std::uint32_t number) {
  return number == 0 ? std::string("none") : fmt::format("r{}", number);
}

std::string LoadedText(const audit::Loaded& loaded) {
  if (loaded.revision) return RevisionText(*loaded.revision);
  return std::string(audit::LoadedModeName(loaded.mode));
}

std::string AskedText(const Row& row) {
  std::string text = audit::AskedText(row.asked);
  if (row.judgement.asked_revision) text += '@' + RevisionText(*row.judgement.asked_revision);
  return text;
}

std::string CauseText(const audit::Judgement& judgement) {
  std::string text;
  for (const bpf::CauseFound& found : judgement.causes) {
    text += text.empty() ? "" : ", ";
    text += bpf::Name(found.cause);
  }
  return text;
}

VerdictChange ChangeOf(const Row& row, std::string from, std::string to) {
  const audit::Judgement& judgement = row.judgement;
  return {.namespace_name = row.namespace_name,
          .pod = row.pod,
          .pod_uid = row.pod_uid,
          .container = row.container,
          .container_id = row.container_id,
          .image_id = row.image_id,
          .from = std::move(from),
          .to = std::move(to),
          .reason = std::string(audit::ReasonName(judgement.reason)),
          .evidence = std::string(audit::EvidenceName(judgement.evidence)),
          .asked = AskedText(row),
          .digest = DigestText(judgement.asked_digest),
          .loaded = LoadedText(judgement.loaded),
          .fingerprint = DigestText(judgement.loaded.fingerprint),
          .difference = judgement.filter_witness,
          .cause = CauseText(judgement),
          .finding = judgement.alarm};
}

// Who is judged, and why, is the same; the process that decided need not be.
bool Same(const Row& a, const Row& b) {
  const VerdictChange first = ChangeOf(a, "", "");
  VerdictChange second = ChangeOf(b, "", "");
  second.difference = first.difference;  // its witness may name another input each time
  return a.judgement.verdict == b.judgement.verdict && first == second;
}

// Steps after which another revision, or none, is in force.
bool ChangesRevision(install::StepKind kind) {
  switch (kind) {
    case install::StepKind::kComplete:
    case install::StepKind::kRelease:
    case install::StepKind::kAdopt:
    case install::StepKind::kInstall:
    case install::StepKind::kReplaceForeign:
    case install::StepKind::kUpdate:
    case install::StepKind::kRemove:
      return true;
    default:
      return false;
  }
}

using Results = std::map<std::string, std::string>;
Results ResultsOf(const audit::Report* report, const Row* row, const ChecksOf& checks_of) {
  Results results;
  if (report == nullptr || row == nullptr || !checks_of) return results;
  for (auto& [check, result] : checks_of(*report, *row)) results[check] = std::move(result);
  return results;
}

void AddChecks(const audit::Report* old_report, const Row* before, const audit::Report& report,
               const Row* after, const ChecksOf& checks_of, std::vector<CheckChange>* out) {
  const Results old_results = ResultsOf(old_report, before, checks_of);
  const Results new_results = ResultsOf(&report, after, checks_of);
  Results names = old_results;
  names.insert(new_results.begin(), new_results.end());
  const Row* row = after != nullptr ? after : before;
  if (row == nullptr) return;
  const auto find = [](const Results& results, const std::string& name, const char* absent) {
    const auto found = results.find(name);
    return found == results.end() ? std::string(absent) : found->second;
  };
  for (const auto& [name, result] : names) {
    std::string from = find(old_results, name, "new");
    std::string to = find(new_results, name, "ended");
    if (from == to) continue;
    out->push_back({.namespace_name = row->namespace_name,
                    .pod = row->pod,
                    .pod_uid = row->pod_uid,
                    .container = row->container,
                    .container_id = row->container_id,
                    .check = name,
                    .from = std::move(from),
                    .to = std::move(to)});
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ChecksOfRow(const audit::Report& report,
                                                             const Row& row) {
  const std::vector<audit::Check>& checks = report.facts.checks.checks;
  std::vector<std::pair<std::string, std::string>> results;
  for (std::size_t i = 0; i < std::min(checks.size(), row.checks.size()); ++i) {
    results.emplace_back(checks[i].name, bpf::Name(row.checks[i].result));
  }
  return results;
}

AuditChanges ChangesBetween(const audit::Report* before, const audit::Report& after,
                            const ChecksOf& checks_of) {
  AuditChanges changes;
  std::map<Key, const Row*> gone = RowsOf(before);
  for (const Row& row : after.rows) {
    const auto found = gone.find(KeyOf(row));
    const Row* old = found == gone.end() ? nullptr : found->second;
    const std::string to(audit::VerdictName(row.judgement.verdict));
    if (old == nullptr) {
      changes.verdicts.push_back(ChangeOf(row, "new", to));
    } else if (!Same(*old, row)) {
      changes.verdicts.push_back(
          ChangeOf(row, std::string(audit::VerdictName(old->judgement.verdict)), to));
    }
    AddChecks(before, old, after, &row, checks_of, &changes.checks);
    if (old != nullptr) gone.erase(found);
  }
  for (const auto& [key, row] : gone) {
    changes.verdicts.push_back(
        ChangeOf(*row, std::string(audit::VerdictName(row->judgement.verdict)), "ended"));
    AddChecks(before, row, after, nullptr, checks_of, &changes.checks);
  }
  return changes;
}

void LogChange(const Log& log, const VerdictChange& change) {
  const LogFields fields = {{"schema", kChangeSchema},
                            {"kind", "verdict"},
                            {"namespace", change.namespace_name},
                            {"pod", change.pod},
                            {"pod_uid", change.pod_uid},
                            {"container", change.container},
                            {"container_id", change.container_id},
                            {"image_id", change.image_id},
                            {"from", change.from},
                            {"to", change.to},
                            {"reason", change.reason},
                            {"evidence", change.evidence},
                            {"asked", change.asked},
                            {"asked_digest", change.digest},
                            {"loaded", change.loaded},
                            {"loaded_fingerprint", change.fingerprint},
                            {"difference", change.difference},
                            {"cause", change.cause},
                            {"finding", change.finding ? "true" : "false"}};
  if (change.finding && change.to != "ended") {
    log.Warning("change", fields);
  } else {
    log.Info("change", fields);
  }
}

void LogChange(const Log& log, const CheckChange& change) {
  log.Info("change", {{"schema", kChangeSchema},
                      {"kind", "check"},
                      {"namespace", change.namespace_name},
                      {"pod", change.pod},
                      {"pod_uid", change.pod_uid},
                      {"container", change.container},
                      {"container_id", change.container_id},
                      {"check", change.check},
                      {"from", change.from},
                      {"to", change.to}});
}

void LogTamper(const Log& log, std::string_view path, install::DriftKind kind,
               const std::optional<install::Revision>& in_force, bool repaired) {
  log.Warning("change", {{"schema", kChangeSchema},
                         {"kind", "tamper"},
                         {"path", path},
                         {"what", install::DriftKindName(kind)},
                         {"from", RevisionText(in_force ? in_force->number : 0)},
                         {"to", repaired ? "repaired" : "left"},
                         {"digest", in_force ? DigestText(in_force->digest) : std::string()}});
}

void LogRevision(const Log& log, const install::Step& step, const install::ProfileRow* before,
                 std::string_view origin) {
  const bool gone =
      step.kind == install::StepKind::kRemove || step.kind == install::StepKind::kRelease;
  const std::uint32_t number = gone || !step.revision ? 0 : step.revision->number;
  log.Info("change",
           {{"schema", kChangeSchema},
            {"kind", "revision"},
            {"path", step.path},
            {"step", install::StepKindName(step.kind)},
            {"from", before != nullptr ? RevisionText(before->revision) : std::string()},
            {"from_digest", before != nullptr && before->revision != 0 ? DigestText(before->digest)
                                                                       : std::string()},
            {"to", RevisionText(number)},
            {"digest", number != 0 ? DigestText(step.revision->digest) : std::string()},
            {"meaning", number != 0 ? DigestText(step.revision->meaning) : std::string()},
            {"origin", origin}});
}

void LogStep(const Log& log, const install::Step& step, std::span<const install::ProfileRow> before,
             std::string_view origin) {
  if (step.drift) LogTamper(log, step.path, *step.drift, step.revision, /*repaired=*/true);
  if (!ChangesRevision(step.kind)) return;
  const auto row = std::find_if(before.begin(), before.end(),
                                [&](const auto& each) { return each.path == step.path; });
  LogRevision(log, step, row == before.end() ? nullptr : &*row, origin);
}

}  // namespace seccompd::agent
