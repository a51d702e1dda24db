// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/scanner.h"

#include <limits>
#include <utility>

#include "common/procfs/clock_reader.h"
#include "common/procfs/container_reader.h"

namespace seccompd::procfs {
namespace {

void CountMode(const SeccompState& state, ScanCounters& counters) {
  const auto mode = static_cast<std::size_t>(state.mode);
  if (mode < counters.modes.size()) ++counters.modes[mode];
}

}  // namespace

Scanner::Scanner(int proc_fd, int cgroup_fd, ScanOptions options)
    : proc_fd_(proc_fd), cgroup_fd_(cgroup_fd), options_(options), reader_(proc_fd, options.read) {}

base::Result<void> Scanner::Begin() {
  result_ = {};
  next_ = 0;
  files_before_ = reader_.FilesRead();
  threads_before_ = reader_.ThreadsRead();
  result_.clock = ReadBootClock();
  TRY_ASSIGN(tree_, WalkCgroups(cgroup_fd_, options_.tree));
  result_.version = tree_.version;
  result_.hierarchy = tree_.hierarchy;
  result_.unrecognised = tree_.unrecognised;
  result_.host_cgroup_root = tree_.host_root;
  result_.truncated = tree_.truncated;
  result_.pids_of_other_namespaces = tree_.pids_of_other_namespaces;
  result_.counters.files_read = tree_.files_read;
  result_.containers.reserve(tree_.containers.size());
  return {};
}

bool Scanner::Step(std::size_t processes) {
  const std::size_t goal = result_.counters.processes + processes;
  while (next_ < tree_.containers.size() && result_.counters.processes < goal) {
    const FoundContainer& found = tree_.containers[next_++];
    ReadOutcome outcome = ReadContainer(reader_, found, result_.clock.ticks_per_second, [&] {
      return ListAgain(cgroup_fd_, tree_, found, options_.tree);
    });
    ScanCounters& counters = result_.counters;
    counters.processes += outcome.container.processes.size();
    counters.vanished += outcome.vanished;
    counters.unseen += outcome.container.unseen_processes;
    for (const Process& process : outcome.container.processes) {
      if (process.live) CountMode(process.seccomp, counters);
    }
    result_.containers.push_back(std::move(outcome.container));
  }
  return next_ < tree_.containers.size();
}

ScanResult Scanner::Finish() {
  result_.counters.files_read += reader_.FilesRead() - files_before_;
  result_.counters.threads = reader_.ThreadsRead() - threads_before_;
  reader_.Filtered().Sweep();
  tree_ = {};
  return std::exchange(result_, {});
}

base::Result<ScanResult> Scanner::Scan() {
  TRY(Begin());
  Step(std::numeric_limits<std::size_t>::max() / 2);
  return Finish();
}

base::Result<ScanResult> Scan(int proc_fd, int cgroup_fd, const ScanOptions& options) {
  return Scanner(proc_fd, cgroup_fd, options).Scan();
}

}  // namespace seccompd::procfs
