// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/scanner.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "common/procfs/container_reader.h"
#include "common/procfs/proc_view.h"
#include "common/procfs/text_reader.h"

namespace seccompd::procfs {
namespace {

constexpr pid_t kKthreadd = 2;

void CountMode(const SeccompState& state, ScanCounters& counters) {
  const auto mode = static_cast<std::size_t>(state.mode);
  if (mode < counters.modes.size()) ++counters.modes[mode];
}

std::vector<pid_t> PidsOf(const std::vector<Container>& containers) {
  std::vector<pid_t> pids;
  for (const Container& container : containers) {
    for (const Process& process : container.processes) pids.push_back(process.pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
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
  if (options_.whole_proc) CountRest();
  result_.counters.files_read += reader_.FilesRead() - files_before_;
  result_.counters.threads = reader_.ThreadsRead() - threads_before_;
  reader_.Filtered().Sweep();
  tree_ = {};
  return std::exchange(result_, {});
}

// Kernel threads (kthreadd and its children) run no syscalls of a program and are not counted.
void Scanner::CountRest() {
  const std::vector<pid_t> counted = PidsOf(result_.containers);
  bool kernel_threads = false;
  const auto listed = ForEachEntry(proc_fd_, [&](std::string_view name, unsigned char) {
    const auto pid = base::ParseInt<pid_t>(name);
    if (!pid || std::binary_search(counted.begin(), counted.end(), *pid)) return true;
    const auto status = reader_.ReadStatus(*pid);
    if (!status || status->state == 'Z' || status->state == 'X') return true;
    if (*pid == kKthreadd && status->ppid == 0 && status->comm == "kthreadd") kernel_threads = true;
    if (kernel_threads && (*pid == kKthreadd || status->ppid == kKthreadd)) return true;
    CountMode(status->seccomp, result_.counters);
    return true;
  });
  if (!listed) result_.truncated = true;
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
