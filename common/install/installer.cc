// SPDX-License-Identifier: Apache-2.0
#include "common/install/installer.h"

#include <algorithm>
#include <utility>

namespace seccompd::install {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::chrono::hours kContestWindow{1};

// Is `path`, or a directory above it, among the names that changed? Or one below it, for the case
// that a directory stood at the path.
bool Touched(const std::set<std::string>& changed, const std::string& path) {
  if (changed.contains(path)) return true;
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    if (changed.contains(path.substr(0, at))) return true;
  }
  const auto below = changed.lower_bound(path + "/");
  return below != changed.end() && below->starts_with(path + "/");
}

bool ChangesFiles(StepKind kind) {
  switch (kind) {
    case StepKind::kInstall:
    case StepKind::kReplaceForeign:
    case StepKind::kUpdate:
    case StepKind::kRepair:
    case StepKind::kRemove:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool Report::Changed() const {
  return std::any_of(steps.begin(), steps.end(), [](const StepResult& result) {
    return !result.error && ChangesFiles(result.step.kind);
  });
}

Installer::Installer(host::FsOps& fs, base::UniqueFd root, InstallerOptions options)
    : fs_(fs), root_(std::move(root)), options_(std::move(options)) {}

Result<std::unique_ptr<Installer>> Installer::Open(host::FsOps& fs, base::UniqueFd root,
                                                   InstallerOptions options) {
  std::unique_ptr<Installer> installer(
      new Installer(fs, std::move(root), std::move(options)));  // private constructor
  if (installer->CheckRoot() == host::RootState::kRemoved) {
    return Fail(ErrorCode::kGone,
                "the directory was removed and only its mount is left: restart the container");
  }
  TRY_ASSIGN(installer->ledger_, LedgerFile::Open(fs, installer->root_.get()));
  if (!installer->newer_ledger()) {
    Applier applier(fs, installer->root_.get(), *installer->ledger_);
    TRY(applier.RemoveLeftovers());
  }
  return installer;
}

host::RootState Installer::CheckRoot() const {
  return host::CheckRoot(root_.get(), options_.root_path);
}

Result<std::string> Installer::ReadRevision(const Revision& revision) const {
  return ledger_->ReadBody(revision);
}

// Why nothing may be done now.
Result<> Installer::Usable() {
  switch (CheckRoot()) {
    case host::RootState::kPresent:
      break;
    case host::RootState::kRemoved:
      return Fail(ErrorCode::kGone,
                  "the seccomp root was removed while the agent ran: restart the agent");
    case host::RootState::kReplaced:
      return Fail(ErrorCode::kGone, "the seccomp root is another directory now: restart the agent");
  }
  if (newer_ledger()) return Fail(ErrorCode::kFailedPrecondition, ledger_->problem());
  return ledger_->Restore();
}

// Looks at every path that is desired or owned and may have changed; forgets all others.
void Installer::Look(const Desired& desired, const Glance& glance) {
  DiskStates seen;
  const auto look = [&](const std::string& path, const Prepared* prepared, bool known) {
    auto it = disk_.find(path);
    const bool reuse = known && it != disk_.end() && !glance.all &&
                       it->second.kind != DiskState::Kind::kUnreadable &&
                       !Touched(glance.paths, path);
    if (reuse) {
      seen.emplace(path, std::move(it->second));
    } else {
      seen.emplace(path, ReadDisk(fs_, root_.get(), path, prepared, options_.meaning));
    }
  };
  for (const DesiredFile& file : desired.files) {
    const OwnedPath* owned = ledger_->state().Find(file.claim.path);
    const Revision* in_force = owned != nullptr ? owned->InForce() : nullptr;
    // What is about to be written is looked at first, whatever the watch said.
    const bool settled = in_force != nullptr && !owned->pending &&
                         (!file.prepared.valid() || file.prepared.digest == in_force->digest);
    look(file.claim.path, in_force == nullptr ? &file.prepared : nullptr, settled);
  }
  for (const auto& [path, owned] : ledger_->state().paths) {
    if (seen.contains(path)) continue;
    look(path, nullptr, owned.orphaned.has_value() && !owned.removing && !owned.pending);
  }
  disk_ = std::move(seen);
}

Plan Installer::PlanNow(const Desired& desired, const References& references,
                        const base::Moment& now) {
  const auto recent = RecentRepairs(now);
  return MakePlan({.desired = desired,
                   .ledger = ledger_->state(),
                   .disk = disk_,
                   .references = references,
                   .recent_repairs = recent,
                   .now = now,
                   .options = options_.plan});
}

Report Installer::Reconcile(const Desired& desired, const References& references,
                            const base::Moment& now, const Glance& glance) {
  Report report;
  report.remarks = desired.remarks;
  auto usable = Usable();
  if (!usable) {
    report.error = std::move(usable).error();
    report.retry = report.error->code != ErrorCode::kFailedPrecondition;
    disk_.clear();  // what was seen may be another directory's
    return report;
  }
  Look(desired, glance);
  Plan plan = PlanNow(desired, references, now);
  CountDrift(plan, &report);
  Applier applier(fs_, root_.get(), *ledger_);
  if (!plan.steps.empty()) {
    report.steps = applier.Apply(plan.steps, desired, now);
    Remember(report.steps, now);
    Relook(report.steps);
    plan = PlanNow(desired, references, now);
    // Whatever is still to be done failed, or showed only now.
    report.retry = !plan.steps.empty();
  }
  Vouch(desired);
  TidyUp(applier, &report);
  report.rows = std::move(plan.rows);
  report.held_removals = plan.held_removals;
  report.next_due = plan.next_due;
  Explain(&report);
  ContestDue(&report);
  return report;
}

// Empty directories of ours go, also those that a killed run left; the log keeps space ahead. Not
// worth failing for, but worth another call.
void Installer::TidyUp(Applier& applier, Report* report) {
  for (const StepResult& result : report->steps) {
    const StepKind kind = result.step.kind;
    untidy_ = untidy_ || kind == StepKind::kRemove || kind == StepKind::kRelease ||
              kind == StepKind::kCancel;
  }
  if (untidy_) untidy_ = !applier.RemoveEmptyDirectories().has_value();
  const bool quiet = report->steps.empty() && !std::exchange(vouched_, false);
  const bool maintained = quiet || ledger_->Maintain().has_value();
  if (untidy_ || !maintained) report->retry = true;
}

// What another build called it by the same name, this one has computed anew: the next start trusts.
void Installer::Vouch(const Desired& desired) {
  const std::string& build = options_.plan.build;
  if (build.empty()) return;
  for (const DesiredFile& file : desired.files) {
    const OwnedPath* owned = ledger_->state().Find(file.claim.path);
    const Revision* in_force = owned != nullptr ? owned->InForce() : nullptr;
    const bool same = in_force != nullptr && file.prepared.valid() && in_force->build != build &&
                      in_force->digest == file.prepared.digest &&
                      in_force->meaning == file.prepared.meaning;
    if (!same) continue;
    ledger_->Vouch(file.claim.path, build);
    vouched_ = true;
  }
}

void Installer::Relook(const std::vector<StepResult>& results) {
  for (const StepResult& result : results) {
    const std::string& path = result.step.path;
    disk_[path] = ReadDisk(fs_, root_.get(), path);
  }
}

// A row that is not as wanted says which step failed and why.
void Installer::Explain(Report* report) {
  for (const StepResult& result : report->steps) {
    if (!result.error) continue;
    report->retry = true;
    for (ProfileRow& row : report->rows) {
      if (row.path != result.step.path || row.state == ProfileState::kShadowed) continue;
      if (!row.note.empty()) row.note += "; ";
      row.note += std::string(StepKindName(result.step.kind)) + ": " + result.error->message;
      if (row.state == ProfileState::kInstalled) row.state = ProfileState::kPending;
    }
  }
}

// When the window of a contested path lets the next repair through.
void Installer::ContestDue(Report* report) {
  for (const ProfileRow& row : report->rows) {
    if (row.state != ProfileState::kContested) continue;
    const auto repairs = repairs_.find(row.path);
    if (repairs == repairs_.end() || repairs->second.empty()) continue;
    const base::WallTime due = repairs->second.front() + kContestWindow;
    if (!report->next_due || due < *report->next_due) report->next_due = due;
  }
}

// A difference is counted when it is first seen, not again while it stays.
void Installer::CountDrift(const Plan& plan, Report* report) {
  for (const auto& difference : plan.drift) {
    // By name: clang 14 lets no lambda see a structured binding.
    const std::string& path = difference.first;
    const DriftKind kind = difference.second;
    const auto known = drift_.find(path);
    if (known != drift_.end() && known->second == kind) continue;
    ++report->drift.at(static_cast<std::size_t>(kind));
    const bool mended = std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
      return step.path == path && step.drift.has_value();
    });
    if (mended) continue;
    LeftDrift left{.path = path, .kind = kind, .in_force = {}};
    const OwnedPath* owned = ledger_->state().Find(path);
    if (owned != nullptr && owned->InForce() != nullptr) left.in_force = *owned->InForce();
    report->left.push_back(std::move(left));
  }
  drift_ = plan.drift;
}

void Installer::Remember(const std::vector<StepResult>& results, const base::Moment& now) {
  for (const StepResult& result : results) {
    if (result.error) continue;
    drift_.erase(result.step.path);
    if (result.step.kind == StepKind::kRepair) repairs_[result.step.path].push_back(now.wall);
    if (result.step.kind == StepKind::kRemove) repairs_.erase(result.step.path);
  }
}

std::map<std::string, int, std::less<>> Installer::RecentRepairs(const base::Moment& now) {
  std::map<std::string, int, std::less<>> recent;
  for (auto it = repairs_.begin(); it != repairs_.end();) {
    auto& times = it->second;
    // Also what a clock that was set back put into the future.
    std::erase_if(times,
                  [&](base::WallTime t) { return t + kContestWindow <= now.wall || t > now.wall; });
    if (times.empty()) {
      it = repairs_.erase(it);
      continue;
    }
    recent[it->first] = static_cast<int>(times.size());
    ++it;
  }
  return recent;
}

Result<PurgeReport> Installer::Purge(const References& references, bool force,
                                     const base::Moment& now) {
  TRY(Usable());
  PurgeReport report;
  std::vector<Step> steps;
  for (const auto& [path, owned] : ledger_->state().paths) {
    if (!force && !references.known) {
      report.kept.push_back({path, "what pods refer to is not known (--pods); --force removes it"});
    } else if (!force && references.paths.contains(path)) {
      report.kept.push_back({path, "pods on this node refer to it"});
    } else {
      steps.push_back({.kind = StepKind::kRemove, .path = path});
    }
  }
  Applier applier(fs_, root_.get(), *ledger_);
  for (StepResult& result : applier.Apply(steps, Desired{}, now)) {
    if (result.error) {
      report.kept.push_back({result.step.path, result.error->message});
    } else {
      report.removed.push_back(result.step.path);
    }
  }
  std::sort(report.kept.begin(), report.kept.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  TRY(applier.RemoveEmptyDirectories());
  disk_.clear();
  if (ledger_->state().paths.empty()) TRY(ledger_->Destroy());
  return report;
}

}  // namespace seccompd::install
