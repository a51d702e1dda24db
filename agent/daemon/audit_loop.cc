// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/audit_loop.h"

#include <chrono>
#include <utility>

#include "agent/daemon/change_log.h"
#include "agent/daemon/exposition.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::MonoTime;
using base::Result;
using std::chrono::steady_clock;

constexpr std::size_t kProcessesAtOnce = 64;        // about a millisecond of reading
constexpr std::chrono::milliseconds kSettle{250};   // several changes in a row are one pass
constexpr std::chrono::milliseconds kLeastGap{20};  // between the end of a pass and the next
constexpr std::chrono::hours kNever{24};

std::string KeyOf(const audit::Row& row) {
  return row.pod_uid + '/' + row.container_id + '/' + row.container + '/' +
         std::string(audit::VerdictName(row.judgement.verdict));
}

}  // namespace

AuditLoop::AuditLoop(asio::io_context& io, const RunConfig& config, const Log& log,
                     const host::HostRoot& host, AuditSettings settings,
                     const seccomp::SyscallTable& table, NodeState& state)
    : io_(io),
      config_(config),
      log_(log),
      host_(host),
      settings_(std::move(settings)),
      state_(state),
      wakeup_(io),
      newcomers_(io),
      scanner_(host.proc.get(), host.cgroup.get()),
      meanings_(MakeMeaningTools(table)),
      checks_(meanings_.tools()) {}

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
      state_.last_audit = base::WallNow();
    } else {
      ++state_.counters.audit_failures;
      if (!state_.audit_error || *state_.audit_error != passed.error()) {
        log_.Error("audit failed", {{"error", passed.error().message}});
      }
      state_.audit_error = passed.error();
    }
    const std::chrono::duration<double> took = steady_clock::now() - start;
    state_.counters.audit_seconds.Observe(took.count());
    auto waited = co_await WaitForWork(start);
    if (!waited) co_return waited;
  }
}

// Until the next full pass, or until something changed: then a little longer, for changes come in
// groups, unless a new container waits to be judged.
asio::awaitable<Result<>> AuditLoop::WaitForWork(MonoTime start) {
  const MonoTime earliest = steady_clock::now() + kLeastGap;
  auto woken = co_await wakeup_.WaitUntil(start + config_.audit_interval);
  if (!woken) co_return base::Fail(woken.error());
  const MonoTime settled = steady_clock::now() + kSettle;
  while (*woken && !urgent_ && steady_clock::now() < settled) {
    auto more = co_await wakeup_.WaitUntil(settled);
    if (!more) co_return base::Fail(more.error());
  }
  urgent_ = false;
  if (steady_clock::now() >= earliest) co_return Result<>{};
  auto slept = co_await net::SleepUntil(earliest);
  co_return slept;
}

asio::awaitable<Result<>> AuditLoop::FollowCgroups() {
  auto made = net::ReadableFd::Make(io_, cgroups_->fd());
  if (!made) co_return base::Fail(made.error());
  net::ReadableFd readable = *std::move(made);
  for (;;) {
    auto waited = co_await readable.Wait();
    if (!waited) co_return waited;
    auto drained = DrainCgroups();
    if (!drained) co_return drained;
  }
}

// A pass drains, too: whoever does tells LookForNewcomers, which may sleep for hours otherwise.
Result<> AuditLoop::DrainCgroups() {
  auto drained = cgroups_->Drain(steady_clock::now());
  state_.counters.ended_unjudged = cgroups_->ended_unjudged();
  newcomers_.Notify();
  return drained;
}

asio::awaitable<Result<>> AuditLoop::LookForNewcomers() {
  for (;;) {
    const MonoTime due = cgroups_->Due().value_or(steady_clock::now() + kNever);
    auto woken = co_await newcomers_.WaitUntil(due);
    if (!woken) co_return base::Fail(woken.error());
    const MonoTime now = steady_clock::now();
    if (!cgroups_->Look(now)) continue;
    urgent_ = true;
    wakeup_.Notify();
  }
}

void AuditLoop::set_check_maps(std::function<const std::vector<kube::ConfigMap>&()> check_maps) {
  check_maps_ = std::move(check_maps);
}

void AuditLoop::set_node(const ThisNode& node) {
  settings_.node_uid = node.uid;
  settings_.os = node.os_image;
  settings_.cluster_uid = node.cluster_uid;
  settings_.cluster_uid_unknown = node.cluster_uid_unknown;
  if (config_.runtime.empty()) settings_.runtime.name = node.RuntimeName();
}

void AuditLoop::set_bundles(Bundles* bundles) {
  bundles_ = bundles;
  texts_.told = [bundles](const procfs::ContainerRef& ref) { return bundles->ToldOf(ref); };
}

// A reader that fails is tried again at the next pass; this one works at `status`.
bool AuditLoop::ScanFilters() {
  if (filter_source_ == nullptr) return false;
  // What happened up to now must not be overlooked by this pass.
  bool changed = cgroups_ == nullptr;
  if (!changed) changed = !DrainCgroups() || cgroups_->TakeChanged();
  auto scan = filter_source_->Scan(changed);
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
  const base::WallTime start = base::WallNow();
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
  ReadChecks();
  settings_.confinement = ReadOwnConfinement(host_.proc.get());
  const Examination examination{.by_filter = by_filter_,
                                .loaded = loaded_,
                                .texts = texts_,
                                .meanings = meanings_,
                                .checks = checks_,
                                .policy = policy_};
  const AuditPass pass{.scan = scan_,
                       .pods = pods,
                       .installed = installed,
                       .pods_known = known,
                       .pods_complete = complete,
                       .notes = std::move(notes),
                       .start = start,
                       .end = base::WallNow(),
                       .examination = &examination,
                       .ended_unjudged = cgroups_ == nullptr ? 0 : cgroups_->ended_unjudged()};
  state_.evidence = by_filter_ ? audit::Evidence::kFilter : audit::Evidence::kStatus;
  TakeReport(JudgePass(settings_, pass), scan_);
  if (bundles_ != nullptr) bundles_->EndPass();
  scan_ = {};
  loaded_.clear();
}

// The ConfigMaps are parsed again only if one of them is another.
void AuditLoop::ReadChecks() {
  static const std::vector<kube::ConfigMap> kNone;
  const std::vector<kube::ConfigMap>& maps = check_maps_ ? check_maps_() : kNone;
  std::string texts;
  for (const kube::ConfigMap& map : maps) {
    if (!map.meta.labels.contains(std::string(audit::kChecksLabel))) continue;
    const auto add = [&texts](const std::string& text) { texts.append(text).push_back('\0'); };
    add(map.meta.namespace_name);
    add(map.meta.name);
    for (const auto& [key, text] : map.data) {
      add(key);
      add(text);
    }
  }
  const base::Digest digest = base::Sha256(texts);
  if (digest == check_texts_) return;
  check_texts_ = digest;
  const audit::CheckSet checks = audit::MakeChecks(maps, seccomp::NativeArch());
  for (const std::string& problem : checks.problems) {
    log_.Warning("check not understood, ignoring it", {{"problem", problem}});
  }
  checks_.Use(checks);
}

void AuditLoop::TellJudged(const audit::Report& report) {
  if (cgroups_ == nullptr) return;
  for (const audit::Row& row : report.rows) {
    const audit::Reason reason = row.judgement.reason;
    const bool waits = reason == audit::Reason::kStarting || reason == audit::Reason::kNoProcess;
    if (!waits && !row.cgroup_path.empty()) cgroups_->Judged(row.cgroup_path);
  }
}

// Counted once, when a container is first seen not to block a call.
void AuditLoop::CountChecks(const audit::Report& report) {
  std::set<std::string> now;
  const auto& checks = report.facts.checks.checks;
  for (const audit::Row& row : report.rows) {
    for (std::size_t i = 0; i < row.checks.size() && i < checks.size(); ++i) {
      const bpf::CheckResult result = row.checks[i].result;
      if (result == bpf::CheckResult::kBlocked || result == bpf::CheckResult::kUnknown) continue;
      std::string key = checks[i].name + '/' + row.pod_uid + '/' + row.container_id;
      if (!unblocked_.contains(key)) ++state_.counters.check_violations[checks[i].name];
      now.insert(std::move(key));
    }
  }
  unblocked_ = std::move(now);
}

void AuditLoop::TakeReport(audit::Report report, const procfs::ScanResult& scan) {
  TellJudged(report);
  CountChecks(report);
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
