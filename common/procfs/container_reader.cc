// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/container_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/procfs/boot_clock.h"

namespace seccompd::procfs {
namespace {

// Pids to read: those listed and the processes of listed threads.
std::vector<pid_t> PidsOf(ProcReader& reader, const FoundContainer& found) {
  std::vector<pid_t> pids = found.pids;
  for (const pid_t tid : found.thread_ids) {
    const auto status = reader.ReadStatus(tid);
    // One that cannot be read is kept by its own id, so that it is looked for again and counted.
    pids.push_back(status ? status->tgid : tid);
  }
  if (!found.thread_ids.empty()) {
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  }
  return pids;
}

bool Holds(const std::vector<pid_t>& sorted, pid_t pid) {
  return std::binary_search(sorted.begin(), sorted.end(), pid);
}

// Not an error of ours or of the kernel: the process is not there, or not the leader of one.
bool NotThere(const base::Error& error) {
  return error.code == base::ErrorCode::kGone || error.code == base::ErrorCode::kNotFound ||
         error.code == base::ErrorCode::kInvalidArgument;
}

}  // namespace

ReadOutcome ReadContainer(ProcReader& reader, const FoundContainer& found,
                          std::uint64_t ticks_per_second,
                          const std::function<base::Result<FoundContainer>()>& list_again) {
  ReadOutcome outcome;
  Container& container = outcome.container;
  container.ref = found.ref;
  container.cgroup_path = found.path;
  container.cgroup_id = found.cgroup_id;
  container.unseen_processes = found.unseen_processes;
  std::vector<Process> young;
  std::vector<pid_t> missing;
  const std::vector<pid_t> pids = PidsOf(reader, found);
  container.processes.reserve(pids.size());
  for (const pid_t pid : pids) {
    auto process = reader.ReadProcess(pid);
    if (!process && NotThere(process.error())) {
      missing.push_back(pid);
    } else if (!process) {
      ++container.unseen_processes;
    } else if (StartedBefore(process->start_ticks, found.listed_at, ticks_per_second)) {
      container.processes.push_back(*std::move(process));
    } else {
      young.push_back(*std::move(process));
    }
  }
  if (young.empty() && missing.empty()) return outcome;

  const auto again = list_again();
  if (!again) {
    container.unseen_processes += static_cast<std::uint32_t>(young.size() + missing.size());
    return outcome;
  }
  const std::vector<pid_t> now = PidsOf(reader, *again);
  for (Process& process : young) {
    if (Holds(now, process.pid)) {
      container.processes.push_back(std::move(process));
    } else {
      ++outcome.vanished;
    }
  }
  for (const pid_t pid : missing) {
    if (!Holds(now, pid)) {
      ++outcome.vanished;
    } else if (auto process = reader.ReadProcess(pid)) {
      container.processes.push_back(*std::move(process));
    } else {
      ++container.unseen_processes;
    }
  }
  std::sort(container.processes.begin(), container.processes.end(),
            [](const Process& a, const Process& b) { return a.pid < b.pid; });
  return outcome;
}

}  // namespace seccompd::procfs
