// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/proc_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/procfs/stat.h"

namespace seccompd::procfs {
namespace {

// New threads may start while the old ones are read: so often is the list read again before giving
// up.
constexpr int kMaxThreadRounds = 4;
constexpr std::size_t kMaxDistinctStates = 64;
constexpr int kUnfiltered = 0;

// "<pid>/<file>" or "<pid>" without the heap.
class ShortPath {
 public:
  ShortPath(pid_t id, std::string_view rest) {
    char* const end = text_.data() + text_.size();
    char* at = std::to_chars(text_.data(), end, id).ptr;
    at = std::copy_n(rest.begin(), std::min(rest.size(), static_cast<std::size_t>(end - at) - 1),
                     at);
    *at = '\0';
  }
  [[nodiscard]] const char* c_str() const { return text_.data(); }

 private:
  std::array<char, 32> text_{};
};

bool IsDead(char state) { return state == 'Z' || state == 'X' || state == 'x'; }

bool WasGone(const base::Error& error) {
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

bool AllFiltered(const Process& process) {
  return process.seccomp.mode != kUnfiltered &&
         std::none_of(process.other_threads.begin(), process.other_threads.end(),
                      [](const SeccompState& state) { return state.mode == kUnfiltered; });
}

}  // namespace

// One process's threads while they are being read.
struct ProcReader::Threads {
  explicit Threads(Process& owner) : process(owner) {}

  Process& process;
  bool judged = false;        // process.seccomp is a live thread's
  bool first_only = false;    // one live thread is enough
  std::vector<pid_t> read;    // ascending
  std::size_t found_new = 0;  // in the last round
  bool too_many = false;
  bool unreadable = false;
};

ProcReader::ProcReader(int proc_fd, ReadOptions options) : proc_fd_(proc_fd), options_(options) {}

base::Result<Status> ProcReader::ReadStatus(pid_t tid) {
  const ShortPath path(tid, "/status");
  TRY_ASSIGN(const std::string_view text,
             text_.Read(proc_fd_, path.c_str(), FileShape::kOneRecord));
  return ParseStatus(text);
}

base::Result<std::uint64_t> ProcReader::ReadStartTicks(int stat_fd) {
  TRY_ASSIGN(const std::string_view text, text_.ReadFd(stat_fd, FileShape::kOneRecord));
  const auto ticks = ParseStartTicks(text);
  if (!ticks) return base::Fail(base::ErrorCode::kCorrupt, "stat: start time is no number");
  return *ticks;
}

base::Result<Process> ProcReader::ReadProcess(pid_t pid) {
  const ShortPath stat_path(pid, "/stat");
  TRY_ASSIGN(const base::UniqueFd stat_fd, OpenFile(proc_fd_, stat_path.c_str()));
  TRY_ASSIGN(Status status, ReadStatus(pid));
  if (status.tgid != pid) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      "the pid is that of a thread, not a process");
  }
  Process process;
  process.pid = pid;
  process.ppid = status.ppid;
  process.state = status.state;
  process.comm = std::move(status.comm);
  process.seccomp = status.seccomp;
  process.judged_tid = pid;
  TRY_ASSIGN(process.start_ticks, ReadStartTicks(stat_fd.get()));

  const bool dead_leader = IsDead(status.state);
  process.live = !dead_leader;
  const bool all = options_.threads == ThreadPolicy::kAll;
  if (status.threads <= 1 || (!dead_leader && !all && status.seccomp.mode == kUnfiltered)) {
    return process;
  }
  if (!all && !dead_leader && filtered_.Contains(pid, process.start_ticks)) return process;
  const ShortPath task_path(pid, "/task");
  TRY(ReadThreads(task_path.c_str(), process));
  // Still the same process: then the task directory was its own.
  TRY(ReadStartTicks(stat_fd.get()));
  if (process.live && process.threads_complete && AllFiltered(process)) {
    filtered_.Add(pid, process.start_ticks);
  }
  return process;
}

base::Result<void> ProcReader::ReadThreads(const char* task_path, Process& process) {
  TRY_ASSIGN(const base::UniqueFd task_fd, OpenDirectory(proc_fd_, task_path));
  Threads threads{process};
  threads.judged = process.live;
  threads.read.push_back(process.pid);  // the leader's status was read
  threads.first_only = !process.live && options_.threads != ThreadPolicy::kAll &&
                       filtered_.Contains(process.pid, process.start_ticks);
  // A round that finds no new thread proves that every live thread was read: a new thread inherits
  // from one that had been read, or would be in the list.
  threads.found_new = 1;
  for (int round = 0; round < kMaxThreadRounds && threads.found_new != 0; ++round) {
    TRY(ReadNewThreads(task_fd.get(), threads));
    if (threads.too_many || (threads.first_only && threads.judged)) break;
  }
  process.live = threads.judged;
  process.threads_complete =
      threads.first_only || (threads.found_new == 0 && !threads.too_many && !threads.unreadable);
  return {};
}

base::Result<void> ProcReader::ReadNewThreads(int task_fd, Threads& threads) {
  std::vector<pid_t> fresh;
  TRY(ForEachEntry(task_fd, [&](std::string_view name, unsigned char) {
    const auto tid = base::ParseInt<pid_t>(name);
    if (!tid || std::binary_search(threads.read.begin(), threads.read.end(), *tid)) return true;
    threads.too_many = threads.read.size() + fresh.size() >= options_.max_threads;
    if (!threads.too_many) fresh.push_back(*tid);
    return !threads.too_many;
  }));
  threads.found_new = fresh.size();
  for (const pid_t tid : fresh) {
    const ShortPath path(tid, "/status");
    const auto text = text_.Read(task_fd, path.c_str(), FileShape::kOneRecord);
    const auto status = text.and_then(ParseStatus);
    if (!status) {
      if (!WasGone(status.error())) threads.unreadable = true;
      continue;
    }
    ++threads_read_;
    if (IsDead(status->state)) continue;
    if (!threads.judged) {
      threads.judged = true;
      threads.process.seccomp = status->seccomp;
      threads.process.judged_tid = tid;
    } else {
      AddState(threads.process, status->seccomp);
    }
    if (threads.first_only) break;
  }
  threads.read.insert(threads.read.end(), fresh.begin(), fresh.end());
  std::sort(threads.read.begin(), threads.read.end());
  return {};
}

}  // namespace seccompd::procfs
