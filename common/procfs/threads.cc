// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/threads.h"

#include <algorithm>

namespace seccompd::procfs {
namespace {

// A workload may start threads faster than they are read: then there is no proof in this pass.
constexpr int kMaxRounds = 4;
constexpr std::size_t kMaxDistinctStates = 64;
constexpr int kUnfiltered = 0;

bool IsDead(char state) { return state == 'Z' || state == 'X' || state == 'x'; }

bool HasEnded(const base::Error& error) {
  return error.code == base::ErrorCode::kGone || error.code == base::ErrorCode::kNotFound;
}

void AddState(Process& process, const SeccompState& state) {
  auto& others = process.other_threads;
  if (state == process.seccomp || std::find(others.begin(), others.end(), state) != others.end()) {
    return;
  }
  // A workload can make thousands of distinct filter counts; what is unfiltered is never left out.
  if (others.size() < kMaxDistinctStates || state.mode == kUnfiltered) others.push_back(state);
}

void Judge(pid_t tid, const SeccompState& state, Process& process) {
  if (process.live) return AddState(process, state);
  process.live = true;
  process.seccomp = state;
  process.judged_tid = tid;
}

// Of the threads in `tids`; false: one could not be read.
bool ReadSome(const ThreadSource& source, const std::vector<pid_t>& tids, bool first_only,
              Process& process) {
  bool readable = true;
  for (const pid_t tid : tids) {
    if (first_only && process.live) break;
    const auto status = source.read(tid);
    if (!status) {
      readable = readable && HasEnded(status.error());
    } else if (!IsDead(status->state)) {
      Judge(tid, status->seccomp, process);
    }
  }
  return readable;
}

}  // namespace

base::Result<void> JudgeThreads(const ThreadSource& source, const ThreadLimits& limits,
                                Process& process) {
  std::vector<pid_t> known{process.pid};  // ascending
  bool readable = true;
  process.threads_complete = false;
  for (int round = 0; round < kMaxRounds; ++round) {
    TRY_ASSIGN(std::vector<pid_t> fresh, source.list(limits.max_threads + 1));
    const bool too_many = fresh.size() > limits.max_threads;
    std::erase_if(fresh,
                  [&](pid_t tid) { return std::binary_search(known.begin(), known.end(), tid); });
    if (!too_many && fresh.empty()) {
      process.threads_complete = readable;
      return {};
    }
    readable = ReadSome(source, fresh, limits.first_only, process) && readable;
    if (limits.first_only && process.live) {
      process.threads_complete = true;
      return {};
    }
    if (too_many) return {};
    known.insert(known.end(), fresh.begin(), fresh.end());
    std::sort(known.begin(), known.end());
  }
  return {};
}

bool AllFiltered(const Process& process) {
  return process.seccomp.mode != kUnfiltered &&
         std::none_of(process.other_threads.begin(), process.other_threads.end(),
                      [](const SeccompState& state) { return state.mode == kUnfiltered; });
}

}  // namespace seccompd::procfs
