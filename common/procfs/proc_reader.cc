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
#include "common/procfs/threads.h"

namespace seccompd::procfs {
namespace {

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

}  // namespace

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

base::Result<ThreadIdentity> ProcReader::ReadThread(pid_t tid) {
  const ShortPath stat_path(tid, "/stat");
  TRY_ASSIGN(const base::UniqueFd stat_fd, OpenFile(proc_fd_, stat_path.c_str()));
  TRY_ASSIGN(const Status status, ReadStatus(tid));
  TRY_ASSIGN(const std::uint64_t start_ticks, ReadStartTicks(stat_fd.get()));
  return ThreadIdentity{.tgid = status.tgid, .start_ticks = start_ticks};
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
  const bool remembered = !all && filtered_.Contains(pid, process.start_ticks);
  if (remembered && process.live) return process;
  TRY(ReadThreads(remembered, process));
  // Still the same process: then the task directory was its own.
  TRY(ReadStartTicks(stat_fd.get()));
  if (process.live && process.threads_complete && AllFiltered(process)) {
    filtered_.Add(pid, process.start_ticks);
  }
  return process;
}

base::Result<void> ProcReader::ReadThreads(bool first_only, Process& process) {
  const ShortPath task_path(process.pid, "/task");
  TRY_ASSIGN(const base::UniqueFd task_fd, OpenDirectory(proc_fd_, task_path.c_str()));
  ThreadSource source;
  source.list = [&](std::size_t most) -> base::Result<std::vector<pid_t>> {
    std::vector<pid_t> tids;
    TRY(ForEachEntry(task_fd.get(), [&](std::string_view name, unsigned char) {
      if (const auto tid = base::ParseInt<pid_t>(name)) tids.push_back(*tid);
      return tids.size() < most;
    }));
    return tids;
  };
  source.read = [&](pid_t tid) -> base::Result<Status> {
    const ShortPath path(tid, "/status");
    TRY_ASSIGN(const std::string_view text,
               text_.Read(task_fd.get(), path.c_str(), FileShape::kOneRecord));
    ++threads_read_;
    return ParseStatus(text);
  };
  return JudgeThreads(source, {.max_threads = options_.max_threads, .first_only = first_only},
                      process);
}

}  // namespace seccompd::procfs
