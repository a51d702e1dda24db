// SPDX-License-Identifier: Apache-2.0
#include "common/audit/filter_judge.h"

#include <algorithm>

namespace seccompd::audit {
namespace {

// Filters that both stacks begin with.
std::size_t CommonPrefix(const SharedStack& inherited, const bpf::Stack& stack) {
  if (inherited == nullptr) return 0;
  const auto [a, b] =
      std::mismatch(inherited->begin(), inherited->end(), stack.begin(), stack.end());
  return static_cast<std::size_t>(b - stack.begin());
}

const ProfileMeaning& MeaningOf(const Candidate& candidate, Meanings& meanings) {
  return meanings.Of(candidate.key, candidate.make);
}

// Which program of a thread is the runtime's.
struct Target {
  const SharedStack& stack;
  std::size_t index = 0;  // or Meanings::kWholeStack
};

const ProgramRelation& Relate(const Candidate& candidate, const Target& target,
                              Meanings& meanings) {
  return meanings.Compare(candidate.key, MeaningOf(candidate, meanings), target.stack,
                          target.index);
}

FilterFinding Unknown(Reason reason, std::string words) {
  FilterFinding finding;
  finding.verdict = Verdict::kUnknown;
  finding.reason = reason;
  finding.witness = std::move(words);
  return finding;
}

void TakeRelation(const ProgramRelation& relation, FilterFinding& finding) {
  finding.verdict = relation.verdict;
  finding.witness = relation.words;
  finding.runc_enosys = relation.runc_enosys;
  if (relation.verdict == Verdict::kUnknown) finding.reason = Reason::kUndecided;
}

// The candidate that the program means the same as.
const Candidate* Same(const Expected& expected, const Target& target, Meanings& meanings) {
  for (const Candidate& candidate : expected.candidates) {
    if (Relate(candidate, target, meanings).verdict == Verdict::kMatch) return &candidate;
  }
  return nullptr;
}

FilterFinding JudgeTarget(const Target& target, const Expected& expected, Meanings& meanings) {
  FilterFinding finding;
  const Candidate& current = expected.candidates.front();
  const Candidate* same = Same(expected, target, meanings);
  if (same != nullptr) {
    finding.verdict = Verdict::kMatch;
    finding.runc_enosys = Relate(*same, target, meanings).runc_enosys;
    finding.loaded_revision = same->revision;
    finding.same_as = same->name;
  }
  const bool any = expected.kind == Expected::Kind::kAny;
  if (same == &current || (same != nullptr && any)) return finding;
  const ProfileMeaning& asked = MeaningOf(current, meanings);
  const ProgramRelation& relation = Relate(current, target, meanings);
  if (same != nullptr) {
    finding.verdict = Verdict::kStale;
    finding.reason = Reason::kOldRevision;
    finding.runc_enosys = false;
    if (relation.verdict != Verdict::kUnknown) finding.missing = relation.verdict;
    finding.witness = relation.words;
    return finding;
  }
  if (asked.error) return Unknown(Reason::kNoProfileText, asked.error->message);
  if (any && expected.candidates.size() > 1) {
    return Unknown(Reason::kRuntimeVersion, "it means no default profile that is known here");
  }
  TakeRelation(relation, finding);
  if (relation.verdict != Verdict::kMatch && relation.verdict != Verdict::kUnknown) {
    finding.causes =
        meanings.CausesOf({.key = current.key, .make = current.make, .text = current.text},
                          target.stack, target.index);
  }
  return finding;
}

FilterFinding JudgeThread(const LoadedThread& thread, const LoadedProcess& process,
                          const Expected& expected, Meanings& meanings) {
  if (thread.stack == nullptr) return Unknown(thread.unknown, {});
  const std::size_t base = CommonPrefix(process.inherited, *thread.stack);
  const bool none_of_its_own = base == thread.stack->size();
  const Target target{.stack = thread.stack,
                      .index = none_of_its_own ? Meanings::kWholeStack : base};
  FilterFinding finding;
  if (expected.candidates.empty()) {
    finding = Unknown(expected.none, {});
  } else {
    finding = JudgeTarget(target, expected, meanings);
  }
  if (none_of_its_own && finding.verdict != Verdict::kMatch) {
    finding.verdict = Verdict::kNotEnforced;
    finding.reason = Reason::kInherited;
    finding.causes.clear();
  }
  if (const auto& fingerprint = meanings.FingerprintOf(thread.stack, target.index)) {
    finding.fingerprint = *fingerprint;
  }
  finding.filters = static_cast<int>(thread.stack->size());
  finding.own_filters = none_of_its_own ? 0 : thread.stack->size() - base - 1;
  return finding;
}

void AddThreads(const std::optional<base::Digest>& fingerprint, std::uint32_t threads,
                FilterFinding& finding) {
  if (!fingerprint) return;
  if (fingerprint == finding.fingerprint) {
    finding.same_threads += threads;
    return;
  }
  std::vector<ProgramThreads>& others = finding.other_threads;
  const auto known = std::find_if(others.begin(), others.end(), [&](const ProgramThreads& other) {
    return other.fingerprint == *fingerprint;
  });
  if (known != others.end()) {
    known->threads += threads;
  } else {
    others.push_back({.fingerprint = *fingerprint, .threads = threads});
  }
}

}  // namespace

FilterFinding JudgeLoaded(const LoadedProcess& process, const Expected& expected,
                          Meanings& meanings) {
  std::optional<FilterFinding> worst;
  pid_t tid = 0;
  for (const LoadedThread& thread : process.threads) {
    FilterFinding finding = JudgeThread(thread, process, expected, meanings);
    if (worst && finding.verdict >= worst->verdict) {
      AddThreads(finding.fingerprint, thread.threads, *worst);
      continue;
    }
    AddThreads(finding.fingerprint, thread.threads, finding);
    if (worst) {
      AddThreads(worst->fingerprint, worst->same_threads, finding);
      for (const auto& [other, threads] : worst->other_threads) AddThreads(other, threads, finding);
    }
    worst = std::move(finding);
    tid = thread.tid;
  }
  if (!worst) worst = Unknown(Reason::kUnread, {});
  worst->pid = process.pid;
  worst->tid = tid;
  worst->all_threads = true;
  return *std::move(worst);
}

}  // namespace seccompd::audit
