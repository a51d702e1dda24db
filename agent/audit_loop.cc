// SPDX-License-Identifier: Apache-2.0
#include "agent/audit_loop.h"

#include <chrono>
#include <utility>

#include "agent/change_log.h"
#include "agent/exposition.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::MonoTime;
using base::Result;
using std::chrono::steady_clock;

constexpr std::size_t kProcessesAtOnce = 64;       // about a millisecond of reading
constexpr std::chrono::milliseconds kSettle{250};  // several changes in a row are one pass

base::WallTime WallNow() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string KeyOf(const audit::Row& row) {
  return row.pod_uid + '/' + row.container_id + '/' + row.container + '/' +
         std::string(audit::VerdictName(row.judgement.verdict));
}

}  // namespace

AuditLoop::AuditLoop(asio::io_context& io, const RunConfig& config, const Log& log,
                     const host::HostRoot& host, AuditSettings settings, NodeState& state)
    : config_(config),
      log_(log),
      settings_(std::move(settings)),
      state_(state),
      wakeup_(io),
      scanner_(host.proc.get(), host.cgroup.get()) {}

void AuditLoop::set_installed(std::function<audit::InstalledView()> installed) {
  installed_ = std::move(installed);
}

asio::awaitable<Result<>> AuditLoop::Run() {
  for (;;) {
    const MonoTime start = steady_clock::now();
    state_.audit_heartbeat = start;
    auto passed = co_await Pass();
    ++state_.counters.audits;
    if (!passed && passed.error().code == base::ErrorCode::kCancelled) co_return passed;
    if (passed) {
      state_.audit_error.reset();
      state_.last_audit = WallNow();
    } else {
      ++state_.counters.audit_failures;
      if (!state_.audit_error || *state_.audit_error != passed.error()) {
        log_.Error("audit failed", {{"error", passed.error().message}});
      }
      state_.audit_error = passed.error();
    }
    const std::chrono::duration<double> took = steady_clock::now() - start;
    state_.counters.audit_seconds.Observe(took.count());
    auto woken = co_await wakeup_.WaitUntil(start + config_.audit_interval);
    if (!woken) co_return base::Fail(woken.error());
    if (*woken) {
      auto settled = co_await net::SleepFor(kSettle);
      if (!settled) co_return settled;
    }
  }
}

void AuditLoop::set_filter_source(FilterSource* source, const seccomp::SyscallTable& table) {
  filter_source_ = source;
  meanings_.emplace(MakeMeaningTools(table));
}

void AuditLoop::set_bundles(Bundles* bundles) {
  bundles_ = bundles;
  texts_.told = [bundles](const procfs::ContainerRef& ref) { return bundles->ToldOf(ref); };
}

// A reader that fails is tried again at the next pass; this one works at `status`.
bool AuditLoop::ScanFilters() {
  if (filter_source_ == nullptr) return false;
  auto scan = filter_source_->Scan(/*tree_changed=*/true);
  if (!scan) {
    if (!filter_error_) {
      log_.Error("evidence filter failed, working at status", {{"error", scan.error().message}});
    }
    filter_error_ = scan.error();
    return false;
  }
  filter_error_.reset();
  scan_ = std::move(scan->scan);
  loaded_ = std::move(scan->loaded);
  return true;
}

asio::awaitable<Result<>> AuditLoop::ScanStatus() {
  auto begun = scanner_.Begin();
  if (!begun) co_return begun;
  while (scanner_.Step(kProcessesAtOnce)) {
    auto yielded = co_await net::Yield();
    if (!yielded) co_return yielded;
  }
  scan_ = scanner_.Finish();
  loaded_.clear();
  co_return Result<>{};
}

asio::awaitable<Result<>> AuditLoop::Pass() {
  // Pods first: a container that starts in between is then "not named yet", and not one that the
  // status calls running and nobody finds.
  if (paused_) co_return Result<>{};
  const base::WallTime start = WallNow();
  std::vector<kube::Pod> pods;
  if (pods_ != nullptr) pods = pods_->pods();
  by_filter_ = ScanFilters();
  if (!by_filter_) {
    auto scanned = co_await ScanStatus();
    if (!scanned) co_return scanned;
  }
  JudgeScan(pods, start);
  co_return Result<>{};
}

void AuditLoop::JudgeScan(const std::vector<kube::Pod>& pods, base::WallTime start) {
  const audit::InstalledView installed = installed_();
  const bool complete = pods_ == nullptr || pods_->complete();
  // Before the first answer of an API server nobody's pod is missing.
  const bool known = pods_ != nullptr && (complete || !pods.empty());
  std::vector<std::string> notes;
  const std::string why_not = filter_error_ ? filter_error_->message : why_not_;
  if (!by_filter_ && !why_not.empty()) {
    notes.push_back("evidence filter is not to be had: " + why_not);
  }
  std::optional<FilterEvidence> filter;
  if (by_filter_) {
    filter.emplace(FilterEvidence{.loaded = loaded_, .texts = texts_, .meanings = *meanings_});
  }
  const AuditPass pass{.scan = scan_,
                       .pods = pods,
                       .installed = installed,
                       .pods_known = known,
                       .pods_complete = complete,
                       .notes = std::move(notes),
                       .start = start,
                       .end = WallNow(),
                       .filter = filter ? &*filter : nullptr};
  state_.evidence = by_filter_ ? audit::Evidence::kFilter : audit::Evidence::kStatus;
  TakeReport(JudgePass(settings_, pass), scan_);
  if (bundles_ != nullptr) bundles_->EndPass();
  scan_ = {};
  loaded_.clear();
}

void AuditLoop::TakeReport(audit::Report report, const procfs::ScanResult& scan) {
  CountViolations(report);
  const AuditChanges changes = ChangesBetween(state_.audit ? &*state_.audit : nullptr, report);
  for (const VerdictChange& change : changes.verdicts) LogChange(log_, change);
  for (const CheckChange& change : changes.checks) LogChange(log_, change);
  for (std::size_t mode = 0; mode < scan.counters.modes.size(); ++mode) {
    state_.processes[static_cast<metrics::SeccompMode>(mode)] = scan.counters.modes.at(mode);
  }
  state_.audit = std::move(report);
}

// A violation counts once, when it is first seen.
void AuditLoop::CountViolations(const audit::Report& report) {
  std::set<std::string> now;
  for (const audit::Row& row : report.rows) {
    if (!row.judgement.alarm) continue;
    std::string key = KeyOf(row);
    if (!violating_.contains(key)) {
      const auto evidence = static_cast<metrics::Evidence>(row.judgement.evidence);
      const metrics::Expected expected = ExpectedOf(row.asked);
      ++state_.counters.violations[evidence][expected][VerdictOf(row.judgement.verdict)];
      log_.Warning("container violates its profile",
                   {{"namespace", row.namespace_name},
                    {"pod", row.pod},
                    {"container", row.container},
                    {"verdict", audit::VerdictName(row.judgement.verdict)},
                    {"reason", audit::ReasonName(row.judgement.reason)},
                    {"asked", audit::AskedText(row.asked)}});
    }
    now.insert(std::move(key));
  }
  violating_ = std::move(now);
}

}  // namespace seccompd::agent
