// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/install_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/daemon/change_log.h"
#include "agent/version.h"
#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/host/host_root.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::MonoTime;
using base::Result;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kRetry{5};            // after a step that failed
constexpr seconds kSyncCheck{1};        // a source may be complete without a change
constexpr double kRemovalJitter = 0.5;  // of the delay before a mass removal is asked about

double SecondsSince(MonoTime start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

metrics::FileOperation OperationOf(install::StepKind kind) {
  switch (kind) {
    case install::StepKind::kUpdate:
    case install::StepKind::kRepair:
      return metrics::FileOperation::kUpdate;
    case install::StepKind::kRemove:
      return metrics::FileOperation::kDelete;
    default:
      return metrics::FileOperation::kCreate;
  }
}

// Steps that write a file; the others are notes in the ledger.
bool TouchesFile(install::StepKind kind) {
  switch (kind) {
    case install::StepKind::kInstall:
    case install::StepKind::kReplaceForeign:
    case install::StepKind::kUpdate:
    case install::StepKind::kRepair:
    case install::StepKind::kRemove:
      return true;
    default:
      return false;
  }
}

std::string FirstError(const install::DesiredFile& file) {
  for (const seccomp::Diagnostic& diagnostic : file.prepared.diagnostics) {
    if (diagnostic.severity == seccomp::Severity::kError) return std::string(diagnostic.code);
  }
  return "path";
}

std::vector<metrics::InvalidProfile> InvalidProfiles(const install::Desired& desired) {
  std::vector<metrics::InvalidProfile> invalid;
  for (const install::DesiredFile& file : desired.files) {
    if (file.prepared.valid()) continue;
    invalid.push_back(
        {.source = file.claim.origin, .profile = file.claim.path, .reason = FirstError(file)});
  }
  return invalid;
}

// Which adopted file means the same as what is desired: the same program after the same compile.
std::optional<base::Digest> MeaningOf(const install::Preparer& preparer, std::string_view bytes) {
  const install::Prepared prepared = install::PrepareProfile({.text = bytes}, preparer);
  if (!prepared.valid()) return std::nullopt;
  return prepared.meaning;
}

}  // namespace

InstallLoop::InstallLoop(asio::io_context& io, const RunConfig& config, const Log& log,
                         ProfileSource& source, NodeState& state)
    : config_(config),
      log_(log),
      source_(source),
      state_(state),
      io_(io),
      wakeup_(io),
      fs_(std::make_unique<host::RealFs>()),
      table_(seccomp::LoadLibseccompTable(true)) {
  preparer_.table = &table_;
  preparer_.runtime = config.runtime;
  preparer_.floor = config.floor;
  if (const auto kernel = ParseKernelVersion(ReadKernelSupport().release)) {
    preparer_.node.kernel_major = kernel->first;
    preparer_.node.kernel_minor = kernel->second;
  }
  preparer_.known_meaning = [this](const base::Digest& bytes) {
    return installer_ ? installer_->ledger().MeaningBy(build_, bytes) : std::nullopt;
  };
  preparer_.compile = [arch = preparer_.node.arch](const seccomp::Profile& profile) {
    return bpf::Compile(profile, arch);
  };
}

void InstallLoop::set_references(std::function<const install::References&()> references) {
  references_ = std::move(references);
}
void InstallLoop::set_on_change(std::function<void()> on_change) {
  on_change_ = std::move(on_change);
}

void InstallLoop::set_compile(
    std::function<Result<bpf::Program>(const seccomp::Profile&)> compile) {
  preparer_.compile = [this, compile = std::move(compile)](const seccomp::Profile& profile) {
    auto program = compile(profile);
    if (!program && program.error().code == base::ErrorCode::kGone) compile_gone_ = program.error();
    return program;
  };
}

Result<> InstallLoop::Open() {
  TRY_ASSIGN(base::UniqueFd root, host::OpenDirectory(config_.seccomp_root));
  install::InstallerOptions options;
  options.plan.delete_grace = config_.delete_grace;
  options.root_path = config_.seccomp_root;
  options.plan.build = build_;
  options.meaning = [this](std::string_view bytes) { return MeaningOf(preparer_, bytes); };
  TRY_ASSIGN(installer_, install::Installer::Open(*fs_, std::move(root), std::move(options)));
  if (!installer_->ledger_problem().empty()) {
    log_.Warning("ledger damaged", {{"problem", installer_->ledger_problem()}});
  }
  glance_.all = true;
  StartWatch();
  return {};
}

asio::awaitable<Result<>> InstallLoop::Reconcile() {
  next_rehash_ = steady_clock::now();
  for (;;) {
    const MonoTime next = Pass();
    if (compile_gone_) co_return base::Fail(*compile_gone_);
    auto woken = co_await wakeup_.WaitUntil(next);
    if (!woken) co_return base::Fail(woken.error());
  }
}

void InstallLoop::SourceChanged() {
  source_changed_ = true;
  if (!changed_at_) changed_at_ = steady_clock::now();
  wakeup_.Notify();
}

void InstallLoop::set_desired_options(install::DesiredOptions options) {
  desired_options_ = std::move(options);
  SourceChanged();
}

// What the source holds becomes what is desired.
void InstallLoop::TakeSource() {
  const ProfileContents& contents = source_.profiles();
  if (std::exchange(source_changed_, false)) {
    install::ClaimSet claims =
        install::ResolveClaims(contents.config_maps, contents.bare, desired_options_);
    desired_ = install::PrepareAll(std::move(claims), std::move(desired_), preparer_);
    WeighUpdates();
    for (const SourceProblem& problem : contents.problems) {
      if (std::find(state_.source_problems.begin(), state_.source_problems.end(), problem) !=
          state_.source_problems.end()) {
        continue;
      }
      log_.Warning("source cannot be read, keeping what it held",
                   {{"path", problem.path}, {"error", problem.error.message}});
    }
    state_.source_problems = contents.problems;
  }
  desired_.complete = contents.complete;
  desired_.held_namespaces = contents.held_namespaces;
  state_.source_complete = contents.complete && contents.held_namespaces.empty();
}

// A mass removal counts when it lasted for the delay and the source, asked once more, still says
// so.
bool InstallLoop::RemovalConfirmed(MonoTime now) {
  if (!held_until_ || now < *held_until_) return false;
  if (!asked_again_) {
    asked_again_ = true;
    source_.Confirm();
  }
  return source_.confirmed();
}

// One pass; when to come again if nothing happens.
MonoTime InstallLoop::Pass() {
  const MonoTime start = steady_clock::now();
  state_.install_heartbeat = start;
  if (!installer_) return start + kRetry;
  if (paused_) return start + config_.rehash_interval;
  TakeSource();
  if (compile_gone_) return start;
  desired_.removal_confirmed = RemovalConfirmed(start);
  if (start >= next_rehash_) glance_.all = true;
  if (glance_.all) next_rehash_ = start + config_.rehash_interval;

  const install::Glance glance = std::exchange(glance_, {.all = false, .paths = {}});
  static const install::References kNotKnown;
  const install::References& references = references_ ? references_() : kNotKnown;
  const base::Moment now = base::MomentNow(boot_);
  const install::Report report = installer_->Reconcile(desired_, references, now, glance);
  state_.counters.sync_seconds.Observe(SecondsSince(start));
  TakeReport(report);
  if (!report.error && !report.retry) {
    state_.synced = state_.synced || source_.synced();
    if (changed_at_) state_.propagation_seconds.Observe(SecondsSince(*changed_at_));
    changed_at_.reset();
  }

  MonoTime next = next_rehash_;
  if (!state_.synced) next = std::min<MonoTime>(next, start + kSyncCheck);
  if (report.next_due) next = std::min(next, start + std::max(*report.next_due - now.wall, {}));
  if (report.retry || report.error) next = std::min(next, start + kRetry);
  if (held_until_ && !asked_again_) next = std::min(next, *held_until_);
  // A clock that jumped must not turn the loop into a spin.
  return std::max(next, start + std::chrono::milliseconds(10));
}

void InstallLoop::TakeReport(const install::Report& report) {
  ++state_.counters.syncs;
  CountSteps(report);
  const bool failed = report.error || report.retry;
  if (failed) {
    ++state_.counters.sync_failures;
  } else {
    state_.last_sync = base::WallNow();
  }
  if (report.error && (!state_.install_error || *state_.install_error != *report.error)) {
    log_.Error("nothing can be installed", {{"error", report.error->message}});
  }
  state_.install_error = report.error;
  if (!report.error) {
    state_.profiles = report.rows;
    state_.remarks = report.remarks;
    LogChanges(report.rows);
    state_.invalid = InvalidProfiles(desired_);
  }
  if (report.held_removals == 0) {
    held_until_.reset();
    asked_again_ = false;
  } else if (!held_until_) {
    // Spread, so that a fleet that lost sight of its profiles does not ask at one moment.
    const std::chrono::duration<double, std::milli> jitter =
        config_.removal_delay * (random_() * kRemovalJitter);
    held_until_ = steady_clock::now() + config_.removal_delay +
                  std::chrono::duration_cast<std::chrono::milliseconds>(jitter);
    log_.Warning("many profiles are gone at once, waiting before any is given up",
                 {{"profiles", static_cast<std::int64_t>(report.held_removals)}});
  }
  state_.held_removals = report.held_removals;
  if (report.Changed() && on_change_) on_change_();
}

void InstallLoop::CountSteps(const install::Report& report) {
  for (std::size_t i = 0; i < report.drift.size(); ++i) {
    state_.counters.profile_drifts[static_cast<metrics::DriftKind>(i)] += report.drift[i];
  }
  for (const install::LeftDrift& left : report.left) {
    LogTamper(log_, left.path, left.kind, left.in_force, /*repaired=*/false);
  }
  for (const install::StepResult& result : report.steps) {
    const std::string_view what = install::StepKindName(result.step.kind);
    if (result.error) {
      if (TouchesFile(result.step.kind)) {
        ++state_.counters.profile_write_errors[OperationOf(result.step.kind)];
      }
      log_.Error("profile step failed",
                 {{"step", what}, {"path", result.step.path}, {"error", result.error->message}});
      continue;
    }
    const install::DesiredFile* file = desired_.Find(result.step.path);
    LogStep(log_, result.step, state_.profiles, file == nullptr ? "" : file->claim.origin);
    if (result.step.drift) {
      state_.last_drift =
          DriftSeen{.path = result.step.path, .kind = *result.step.drift, .time = base::WallNow()};
    }
    if (!TouchesFile(result.step.kind)) continue;
    ++state_.counters.profile_writes[OperationOf(result.step.kind)];
  }
}

// One line for each profile whose state changed, and for each new remark.
void InstallLoop::LogChanges(const std::vector<install::ProfileRow>& rows) {
  std::map<std::string, std::string> now;
  for (const install::ProfileRow& row : rows) {
    const std::string_view state = install::ProfileStateName(row.state);
    std::string told = std::string(state) + ' ' + row.note;
    const auto before = logged_.find(row.path);
    if (before == logged_.end() || before->second != told) {
      const bool good = row.state == install::ProfileState::kInstalled ||
                        row.state == install::ProfileState::kOrphaned;
      const LogFields fields = {{"path", row.path},
                                {"state", state},
                                {"note", row.note},
                                {"origin", row.origin},
                                {"revision", std::int64_t{row.revision}}};
      if (good) {
        log_.Info("profile state", fields);
      } else {
        log_.Warning("profile state", fields);
      }
    }
    now.insert_or_assign(row.path, std::move(told));
  }
  logged_ = std::move(now);
  std::set<std::string> remarks;
  for (const install::Remark& remark : state_.remarks) {
    const std::string told = remark.origin + ": " + remark.reason;
    if (!logged_remarks_.contains(told)) {
      log_.Warning("source remark", {{"origin", remark.origin}, {"reason", remark.reason}});
    }
    remarks.insert(told);
  }
  logged_remarks_ = std::move(remarks);
}

}  // namespace seccompd::agent
