// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <vector>

#include "common/base/result.h"
#include "common/procfs/container.h"
#include "common/procfs/status.h"

namespace seccompd::procfs {

// Where the threads of one process come from.
struct ThreadSource {
  // All ids, or the first `most` of them.
  std::function<base::Result<std::vector<pid_t>>(std::size_t most)> list;
  // kGone or kNotFound: ended meanwhile.
  std::function<base::Result<Status>(pid_t tid)> read;
};

struct ThreadLimits {
  std::size_t max_threads = 4'096;  // the leader counts
  bool first_only = false;          // one live thread stands for all (FilteredProcesses)
};

// Fills in what threads other than the leader decide. `process.live` says whether the leader lives,
// with `process.seccomp` its state; else the first live thread is judged in its stead, and without
// one `live` stays false. The list is read until it brings nothing new: then every thread that
// lives was read, for a new one inherits from one that was read or stands in the list. Otherwise,
// or with a thread unreadable, threads_complete is false. Errors are those of `list`.
[[nodiscard]] base::Result<void> JudgeThreads(const ThreadSource& source,
                                              const ThreadLimits& limits, Process& process);

// Every thread that was read has a filter or is in strict mode.
[[nodiscard]] bool AllFiltered(const Process& process);

}  // namespace seccompd::procfs
