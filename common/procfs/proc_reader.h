// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "common/base/result.h"
#include "common/procfs/container.h"
#include "common/procfs/filtered_processes.h"
#include "common/procfs/status.h"
#include "common/procfs/text_reader.h"

namespace seccompd::procfs {

// When the threads of a process are read one by one.
//
// The kernel copies the filters of the creating thread into every new thread and keeps them over
// execve, which also ends all other threads. So what a runtime loaded before execve holds for every
// thread; threads differ only if one of them loaded a filter later without
// SECCOMP_FILTER_FLAG_TSYNC. A filter never goes away. Hence, where threads may differ:
//   - the leader is live and unfiltered: nothing can be worse, the threads are not read;
//   - one thread: nothing to read;
//   - the leader is a zombie, or is filtered (it may have filtered only itself): all are read, and
//   if
//     all are filtered that holds for ever, so the process is remembered and not read again.
enum class ThreadPolicy { kWhereTheyCanDiffer, kAll };

struct ReadOptions {
  ThreadPolicy threads = ThreadPolicy::kWhereTheyCanDiffer;
  std::size_t max_threads = 4'096;  // of one process; more: threads_complete is false
};

// Which process a thread belongs to. A thread's start is its own, later than that of its process.
struct ThreadIdentity {
  pid_t tgid = 0;
  std::uint64_t start_ticks = 0;
};

// Reads single processes through one buffer.
class ProcReader {
 public:
  // `proc_fd`: directory of the proc file system, borrowed for the reader's life.
  explicit ProcReader(int proc_fd, ReadOptions options = {});

  // A consistent reading: stat is opened first and read last; while that open file answers, the pid
  // has not been given to another process, so all that was opened in between was of this one
  // (tested). kGone or kNotFound: no such process (or hidden by hidepid); kPermissionDenied:
  // hidepid=1; kInvalidArgument: `pid` is the id of a thread that does not lead its process.
  [[nodiscard]] base::Result<Process> ReadProcess(pid_t pid);

  // The status of the thread `tid` alone; the same errors but the last.
  [[nodiscard]] base::Result<Status> ReadStatus(pid_t tid);
  // As consistent as ReadProcess; the same errors but the last.
  [[nodiscard]] base::Result<ThreadIdentity> ReadThread(pid_t tid);

  [[nodiscard]] std::size_t FilesRead() const { return text_.FilesRead(); }
  // Threads whose status was read, the leaders not counted.
  [[nodiscard]] std::size_t ThreadsRead() const { return threads_read_; }
  FilteredProcesses& Filtered() { return filtered_; }

 private:
  [[nodiscard]] base::Result<std::uint64_t> ReadStartTicks(int stat_fd);
  [[nodiscard]] base::Result<void> ReadThreads(bool first_only, Process& process);

  int proc_fd_;
  ReadOptions options_;
  TextReader text_;
  FilteredProcesses filtered_;
  std::size_t threads_read_ = 0;
};

}  // namespace seccompd::procfs
