// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/container_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/procfs/boot_clock.h"

namespace seccompd::procfs {
namespace {

// The processes that a list names, directly or by a thread.
struct Named {
  std::vector<pid_t> pids;      // ascending, each once
  std::vector<pid_t> doubtful;  // listed threads whose process is not known
};

// A thread that `believed` (given when it started) does not take is doubtful: its id may have been
// another thread's when the list was taken.
Named ProcessesOf(ProcReader& reader, const FoundContainer& found,
                  const std::function<bool(std::uint64_t start_ticks)>& believed) {
  Named named{.pids = found.pids, .doubtful = {}};
  for (const pid_t tid : found.thread_ids) {
    const auto thread = reader.ReadThread(tid);
    if (thread && believed(thread->start_ticks)) {
      named.pids.push_back(thread->tgid);
    } else {
      named.doubtful.push_back(tid);
    }
  }
  if (!found.thread_ids.empty()) {
    std::sort(named.pids.begin(), named.pids.end());
    named.pids.erase(std::unique(named.pids.begin(), named.pids.end()), named.pids.end());
  }
  return named;
}

bool Holds(const std::vector<pid_t>& sorted, pid_t pid) {
  return std::binary_search(sorted.begin(), sorted.end(), pid);
}

// Not an error of ours or of the kernel: the process is not there, or not the leader of one.
bool NotThere(const base::Error& error) {
  return error.code == base::ErrorCode::kGone || error.code == base::ErrorCode::kNotFound ||
         error.code == base::ErrorCode::kInvalidArgument;
}

// One container: the processes of its first list, and what is left to be decided by a second.
class Reading {
 public:
  Reading(ProcReader& reader, const FoundContainer& found, std::uint64_t ticks_per_second)
      : reader_(reader), found_(found), ticks_per_second_(ticks_per_second) {
    Container& container = outcome_.container;
    container.ref = found.ref;
    container.cgroup_path = found.path;
    container.cgroup_id = found.cgroup_id;
    container.unseen_processes = found.unseen_processes;
  }

  void ReadListed() {
    listed_ =
        ProcessesOf(reader_, found_, [&](std::uint64_t start) { return WasThereFirst(start); });
    outcome_.container.processes.reserve(listed_.pids.size());
    for (const pid_t pid : listed_.pids) {
      auto process = reader_.ReadProcess(pid);
      if (!process && NotThere(process.error())) {
        missing_.push_back(pid);
      } else if (!process) {
        ++outcome_.container.unseen_processes;
      } else if (WasThereFirst(process->start_ticks)) {
        Keep(*std::move(process));
      } else {
        young_.push_back(*std::move(process));
      }
    }
  }

  [[nodiscard]] std::size_t Undecided() const {
    return young_.size() + missing_.size() + listed_.doubtful.size();
  }
  void GiveUp() { outcome_.container.unseen_processes += static_cast<std::uint32_t>(Undecided()); }

  void DecideBy(const FoundContainer& again) {
    std::uint32_t& unseen = outcome_.container.unseen_processes;
    // Without a whole list nobody is known to be gone.
    unseen = std::max(unseen, again.unseen_processes);
    const Named now = ProcessesOf(reader_, again, [](std::uint64_t) { return true; });
    for (Process& process : young_) {
      if (Holds(now.pids, process.pid)) {
        Keep(std::move(process));
      } else {
        ++outcome_.vanished;
      }
    }
    for (const pid_t pid : missing_) {
      if (Holds(now.pids, pid)) {
        ReadAgain(pid, true);
      } else {
        ++outcome_.vanished;
      }
    }
    for (const pid_t pid : now.pids) {
      if (!Holds(listed_.pids, pid)) ReadAgain(pid, false);
    }
    for (const pid_t tid : listed_.doubtful) {
      if (!Holds(again.thread_ids, tid)) ++outcome_.vanished;
    }
    unseen += static_cast<std::uint32_t>(now.doubtful.size());
    std::sort(outcome_.container.processes.begin(), outcome_.container.processes.end(),
              [](const Process& a, const Process& b) { return a.pid < b.pid; });
  }

  ReadOutcome Take() { return std::move(outcome_); }

 private:
  [[nodiscard]] bool WasThereFirst(std::uint64_t start_ticks) const {
    return StartedBefore(start_ticks, found_.listed_at, ticks_per_second_);
  }

  // A zombie leader is not known to be the end of its process while threads of it are unread.
  void Keep(Process process) {
    if (process.live || process.threads_complete) {
      outcome_.container.processes.push_back(std::move(process));
    } else {
      ++outcome_.container.unseen_processes;
    }
  }

  // One that both lists name and that is not there is hidden; one that only the second names may
  // have ended since.
  void ReadAgain(pid_t pid, bool twice) {
    auto process = reader_.ReadProcess(pid);
    if (process) {
      Keep(*std::move(process));
    } else if (twice || !NotThere(process.error())) {
      ++outcome_.container.unseen_processes;
    }
  }

  ProcReader& reader_;
  const FoundContainer& found_;
  std::uint64_t ticks_per_second_;
  ReadOutcome outcome_;
  Named listed_;
  std::vector<Process> young_;
  std::vector<pid_t> missing_;
};

}  // namespace

ReadOutcome ReadContainer(ProcReader& reader, const FoundContainer& found,
                          std::uint64_t ticks_per_second,
                          const std::function<base::Result<FoundContainer>()>& list_again) {
  Reading reading(reader, found, ticks_per_second);
  reading.ReadListed();
  if (reading.Undecided() != 0) {
    if (const auto again = list_again()) {
      reading.DecideBy(*again);
    } else {
      reading.GiveUp();
    }
  }
  return reading.Take();
}

}  // namespace seccompd::procfs
