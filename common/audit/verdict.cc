// SPDX-License-Identifier: Apache-2.0
#include "common/audit/verdict.h"

#include <algorithm>

#include "common/audit/staleness.h"
#include "common/audit/why.h"

namespace seccompd::audit {
namespace {

// How processes of gVisor, Kata and their monitors are called on the host; comm is cut at 15 bytes.
constexpr std::array<std::string_view, 9> kSandboxPrograms = {
    "runsc", "exe",  "qemu",      "cloud-hyperviso", "firecracker",
    "kata",  "drag", "virtiofsd", "containerd-shim"};

constexpr int kStrictMode = 1;
constexpr int kFilterMode = 2;

// One thread's state, judged against what was asked.
struct Outcome {
  Verdict verdict = Verdict::kUnknown;
  Reason reason = Reason::kNone;
  const ObservedProcess* process = nullptr;
  procfs::SeccompState state;
  const FilterFinding* finding = nullptr;
};

bool AsksForFilter(AskedKind kind) {
  return kind == AskedKind::kRuntimeDefault || kind == AskedKind::kLocalhost;
}

// Evidence `status`: the mode tells whether there is a filter, nothing tells which.
Outcome JudgeState(const procfs::SeccompState& state, const Asked& asked) {
  Outcome outcome;
  outcome.state = state;
  if (!AsksForFilter(asked.kind)) {
    outcome.verdict = state.mode == 0 ? Verdict::kUnconfined : Verdict::kStricter;
    outcome.reason = state.mode == 0 ? Reason::kNone : Reason::kNotAsked;
  } else if (state.mode == 0) {
    outcome.verdict = Verdict::kNotEnforced;
    outcome.reason = asked.privileged ? Reason::kPrivileged : Reason::kNone;
  } else if (state.mode == kStrictMode) {
    // A task with a filter cannot enter strict mode: the runtime loaded none.
    outcome.verdict = Verdict::kNotEnforced;
    outcome.reason = Reason::kStrictMode;
  } else if (asked.privileged) {
    // The runtime loaded nothing, or what it has for privileged containers: not what was asked.
    outcome.reason = Reason::kPrivileged;
  } else {
    outcome.verdict = Verdict::kFiltered;
  }
  return outcome;
}

const FilterFinding* FindingOf(pid_t pid, std::span<const FilterFinding> findings) {
  const auto found =
      std::lower_bound(findings.begin(), findings.end(), pid,
                       [](const FilterFinding& f, pid_t wanted) { return f.pid < wanted; });
  return found == findings.end() || found->pid != pid ? nullptr : &*found;
}

bool Worse(const Outcome& a, const Outcome& b) {
  return a.process != nullptr && (b.process == nullptr || a.verdict < b.verdict);
}

Outcome JudgeProcess(const ObservedProcess& observed, const Asked& asked,
                     std::span<const FilterFinding> findings) {
  Outcome worst = JudgeState(observed.process.seccomp, asked);
  worst.process = &observed;
  const FilterFinding* finding = FindingOf(observed.process.pid, findings);
  if (finding != nullptr && observed.process.seccomp.mode != 0) {
    worst.verdict = finding->verdict;
    worst.reason = finding->reason;
    worst.finding = finding;
  }
  const bool covered = worst.finding != nullptr && finding->all_threads;
  for (const procfs::SeccompState& thread : observed.process.other_threads) {
    if (covered && thread.mode == kFilterMode) continue;
    Outcome outcome = JudgeState(thread, asked);
    outcome.process = &observed;
    if (outcome.reason == Reason::kNone) outcome.reason = Reason::kThread;
    if (Worse(outcome, worst)) worst = outcome;
  }
  return worst;
}

LoadedMode ModeOf(const procfs::SeccompState& state) {
  switch (state.mode) {
    case 0:
      return LoadedMode::kNone;
    case 1:
      return LoadedMode::kStrict;
    default:
      return LoadedMode::kFilter;
  }
}

void Record(const Outcome& outcome, Judgement& judgement) {
  const procfs::Process& process = outcome.process->process;
  judgement.loaded.mode = ModeOf(outcome.state);
  judgement.loaded.filters = outcome.state.filters;
  judgement.loaded.no_new_privs = outcome.state.no_new_privs;
  judgement.witness = Witness{.pid = process.pid,
                              .tid = process.judged_tid,
                              .start_ticks = process.start_ticks,
                              .comm = process.comm};
  if (outcome.finding == nullptr) return;
  judgement.evidence = Evidence::kFilter;
  judgement.loaded.revision = outcome.finding->loaded_revision;
  judgement.loaded.fingerprint = outcome.finding->fingerprint;
  if (outcome.finding->filters) judgement.loaded.filters = outcome.finding->filters;
  judgement.loaded.own_filters = outcome.finding->own_filters;
  judgement.loaded.same_as = outcome.finding->same_as;
  judgement.loaded.runc_enosys = outcome.finding->runc_enosys;
  if (outcome.finding->tid != 0) judgement.witness->tid = outcome.finding->tid;
  judgement.missing = outcome.finding->missing;
  judgement.filter_witness = outcome.finding->witness;
  judgement.causes = outcome.finding->causes;
}

void TallyThreads(const Observation& observation, std::span<const FilterFinding> findings,
                  Judgement& judgement) {
  const auto& fingerprint = judgement.loaded.fingerprint;
  if (!fingerprint) return;
  ThreadTally tally;
  for (const ObservedProcess& observed : observation.processes) {
    if (!observed.process.live) continue;
    tally.total += observed.process.live_threads;
    const FilterFinding* finding = FindingOf(observed.process.pid, findings);
    if (finding == nullptr) continue;
    if (finding->fingerprint == fingerprint) tally.same += finding->same_threads;
    for (const auto& [other, threads] : finding->other_threads) {
      if (other == *fingerprint) tally.same += threads;
    }
  }
  if (tally.total != 0) judgement.threads = tally;
}

// "Every thread has a filter" needs every thread; one without a filter needs no more evidence.
bool NeedsAllRead(Verdict verdict) {
  return verdict != Verdict::kNotEnforced && verdict != Verdict::kWeaker &&
         verdict != Verdict::kUnknown && verdict != Verdict::kUnconfined;
}

// The worst of the processes that can be judged; without one, why not.
void JudgeProcesses(const Observation& observation, const Asked& asked,
                    std::span<const FilterFinding> findings, Judgement& judgement) {
  Outcome worst;
  bool deferred = false;
  bool all_read = observation.unseen_processes == 0;
  for (const ObservedProcess& observed : observation.processes) {
    if (!observed.process.live) continue;
    if (observed.deferred) {
      deferred = true;
      continue;
    }
    all_read = all_read && observed.process.threads_complete;
    const Outcome outcome = JudgeProcess(observed, asked, findings);
    if (Worse(outcome, worst)) worst = outcome;
  }
  if (worst.process == nullptr) {
    judgement.verdict = Verdict::kUnknown;
    judgement.reason = observation.unseen_processes != 0 ? Reason::kNoHostPid
                       : deferred                        ? Reason::kStarting
                                                         : Reason::kNoProcess;
    return;
  }
  judgement.verdict = worst.verdict;
  judgement.reason = worst.reason;
  Record(worst, judgement);
  if (all_read || !NeedsAllRead(worst.verdict)) return;
  judgement.verdict = Verdict::kUnknown;
  judgement.reason = Reason::kUnread;
}

// `filtered` by a Localhost profile may be the filter of an older revision.
void JudgeCurrency(const InstalledProfile& profile, std::chrono::milliseconds window,
                   Judgement& judgement) {
  if (!judgement.since) return;
  const RevisionRead read = WhichRevision(profile, *judgement.since, window);
  switch (read.currency) {
    case Currency::kCurrent:
    case Currency::kUntracked:
      return;
    case Currency::kStale:
      judgement.verdict = Verdict::kStale;
      judgement.reason = Reason::kOldRevision;
      judgement.loaded.revision = read.revision;
      return;
    case Currency::kRace:
      judgement.verdict = Verdict::kUnknown;
      judgement.reason = Reason::kRace;
      return;
    case Currency::kBeforeLedger:
      judgement.verdict = Verdict::kUnknown;
      judgement.reason = Reason::kBeforeLedger;
      return;
  }
}

bool IsSandboxProgram(std::string_view comm) {
  return std::any_of(kSandboxPrograms.begin(), kSandboxPrograms.end(),
                     [&](std::string_view program) { return comm.starts_with(program); });
}

bool HostCannotSee(const Subject& subject, const SandboxRuntimes& sandbox) {
  if (subject.pod == nullptr) return false;
  const auto& classes = sandbox.classes;
  if (std::find(classes.begin(), classes.end(), subject.pod->runtime_class) == classes.end()) {
    return false;
  }
  if (subject.observation == nullptr) return true;
  bool live = false;
  for (const ObservedProcess& observed : subject.observation->processes) {
    if (observed.process.live && IsSandboxProgram(observed.process.comm)) return true;
    live = live || observed.process.live;
  }
  return !live;
}

// What keeps a container from being judged at all; kNone if nothing does.
Reason Obstacle(const Subject& subject, const JudgeOptions& options) {
  if (!options.host_pid) return Reason::kNoHostPid;
  if (HostCannotSee(subject, options.sandbox)) return Reason::kRuntimeClass;
  if (subject.observation == nullptr) return Reason::kNotFound;
  if (subject.pod == nullptr) return Reason::kNoPod;
  if (subject.naming == Naming::kNotYetNamed) return Reason::kNotYetNamed;
  if (subject.asked.kind == AskedKind::kInvalid) return Reason::kBadProfileType;
  if (subject.asked.kind == AskedKind::kUndecided) return Reason::kNodeDefault;
  return Reason::kNone;
}

// Nothing is judged, but what is loaded can still be told: the loosest of the processes.
void DescribeLoaded(const Observation& observation, Judgement& judgement) {
  const Asked nothing{
      .kind = AskedKind::kUnconfined, .level = AskedLevel::kNode, .path = {}, .privileged = false};
  Judgement loosest;
  JudgeProcesses(observation, nothing, {}, loosest);
  judgement.loaded = loosest.loaded;
  judgement.witness = loosest.witness;
}

bool Alarms(const Subject& subject, const JudgeOptions& options, const Judgement& judgement) {
  const bool old = !judgement.since || options.now - *judgement.since > options.naming_grace;
  switch (judgement.verdict) {
    case Verdict::kNotEnforced:
    case Verdict::kWeaker:
    case Verdict::kStale:
    case Verdict::kDiffers:
      return true;
    case Verdict::kStricter:
      return judgement.reason != Reason::kNotAsked;
    case Verdict::kUnconfined:
    case Verdict::kFiltered:
    case Verdict::kMatch:
    case Verdict::kNotApplicable:
      return false;
    case Verdict::kUnknown:
      break;
  }
  switch (judgement.reason) {
    case Reason::kStarting:
    case Reason::kNoProcess:
    case Reason::kFilterPending:
      return false;
    case Reason::kNotYetNamed:
      return judgement.loaded.mode != LoadedMode::kUnseen && old;
    case Reason::kNoPod:  // outside pods it is nobody's workload that this audit knows of
      return options.pods_known && InAPod(subject) &&
             judgement.loaded.mode != LoadedMode::kUnseen && old;
    default:
      return true;
  }
}

const InstalledProfile* ProfileOf(const Asked& asked, const InstalledView& installed) {
  if (asked.kind != AskedKind::kLocalhost) return nullptr;
  const auto found = installed.profiles.find(asked.path);
  return found == installed.profiles.end() ? nullptr : &found->second;
}

}  // namespace

Judgement Judge(const Subject& subject, const InstalledView& installed, const JudgeOptions& options,
                std::span<const FilterFinding> findings) {
  Judgement judgement;
  const Observation* observation = subject.observation;
  if (observation != nullptr) judgement.since = StartOf(*observation);
  judgement.evidence = options.evidence;
  const InstalledProfile* profile = ProfileOf(subject.asked, installed);
  if (profile != nullptr && !profile->revisions.empty()) {
    judgement.asked_revision = profile->revisions.back().number;
    judgement.asked_digest = profile->revisions.back().digest;
  }
  judgement.reason = Obstacle(subject, options);
  if (judgement.reason == Reason::kRuntimeClass) {
    judgement.verdict = Verdict::kNotApplicable;
  } else if (judgement.reason != Reason::kNone) {
    judgement.verdict = Verdict::kUnknown;
    if (observation != nullptr) DescribeLoaded(*observation, judgement);
  } else if (observation != nullptr) {  // else there was an obstacle
    JudgeProcesses(*observation, subject.asked, findings, judgement);
    TallyThreads(*observation, findings, judgement);
    if (judgement.verdict == Verdict::kFiltered) {
      judgement.evidence = Evidence::kStatus;
      if (profile != nullptr) JudgeCurrency(*profile, options.race_window, judgement);
    }
  }
  judgement.alarm = Alarms(subject, options, judgement);
  judgement.why = Why(subject, installed, judgement);
  return judgement;
}

}  // namespace seccompd::audit
