// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/task_view.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace seccompd::agent {
namespace {

using filters::Task;

bool Lives(const Task& task) { return !task.zombie && !task.exiting; }

procfs::SeccompState StateOf(const Task& task) {
  constexpr int kFilterMode = 2;  // 3 (dead) is a filter's last word
  return {.mode = std::min<int>(task.mode, kFilterMode),
          .filters = static_cast<int>(task.filter_count),
          .no_new_privs = task.no_new_privs};
}

procfs::Process ToProcess(const ScannedProcess& scanned, std::uint64_t ticks_per_second) {
  const Task* leader = scanned.Leader();
  const Task& shown = leader != nullptr ? *leader : *scanned.threads.front();
  procfs::Process process;
  process.pid = scanned.pid;
  process.ppid = shown.ppid;
  process.start_ticks = filters::StartTicks(scanned.start_ns, ticks_per_second);
  process.state = leader == nullptr || leader->zombie ? 'Z' : 'S';
  process.comm = std::string(shown.Comm());
  const Task* judged = scanned.Judged();
  process.live = judged != nullptr;
  if (judged == nullptr) judged = &shown;
  process.seccomp = StateOf(*judged);
  process.judged_tid = judged->id.pid;
  for (const Task* thread : scanned.threads) {
    if (!Lives(*thread)) continue;
    ++process.live_threads;
    const procfs::SeccompState state = StateOf(*thread);
    auto& others = process.other_threads;
    const bool told =
        state == process.seccomp || std::find(others.begin(), others.end(), state) != others.end();
    if (!told) others.push_back(state);
  }
  return process;
}

// Where the walk saw each pid: container and time of its list.
struct Listed {
  std::size_t container = 0;
  std::uint64_t listed_ns = 0;
};

std::unordered_map<pid_t, Listed> ListsOf(const procfs::CgroupTree& tree) {
  std::unordered_map<pid_t, Listed> lists;
  for (std::size_t i = 0; i < tree.containers.size(); ++i) {
    const procfs::FoundContainer& found = tree.containers[i];
    const auto at = static_cast<std::uint64_t>(std::max<std::int64_t>(found.listed_at.count(), 0));
    for (const pid_t pid : found.pids) lists[pid] = {.container = i, .listed_ns = at};
    for (const pid_t tid : found.thread_ids) lists[tid] = {.container = i, .listed_ns = at};
  }
  return lists;
}

}  // namespace

const Task* ScannedProcess::Leader() const {
  return threads.front()->IsLeader() ? threads.front() : nullptr;
}

const Task* ScannedProcess::Judged() const {
  for (const Task* thread : threads) {
    if (Lives(*thread)) return thread;
  }
  return nullptr;
}

TaskView::TaskView(std::span<const Task> tasks) {
  order_.reserve(tasks.size());
  for (const Task& task : tasks) {
    if (!task.kernel_thread) order_.push_back(&task);
  }
  // The leader first: its pid may be higher than its threads' after a wrap-around.
  const auto key = [](const Task* task) {
    return std::tuple(task->tgid, !task->IsLeader(), task->id.pid);
  };
  const auto before = [&](const Task* a, const Task* b) { return key(a) < key(b); };
  // As the kernel shows them they are in order nearly always.
  if (!std::is_sorted(order_.begin(), order_.end(), before)) {
    std::sort(order_.begin(), order_.end(), before);
  }
  const std::span<const Task* const> all(order_);
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin + 1;
    while (end < all.size() && all[end]->tgid == all[begin]->tgid) ++end;
    const Task& first = *all[begin];
    processes_.push_back({.pid = first.tgid,
                          .start_ns = first.leader_start_ns,
                          .cgroup_id = first.cgroup_id,
                          .threads = all.subspan(begin, end - begin)});
    begin = end;
  }
}

const ScannedProcess* TaskView::Find(pid_t pid) const {
  const auto found = std::lower_bound(
      processes_.begin(), processes_.end(), pid,
      [](const ScannedProcess& process, pid_t wanted) { return process.pid < wanted; });
  return found == processes_.end() || found->pid != pid ? nullptr : &*found;
}

void Placement::Learn(procfs::CgroupTree tree, std::chrono::nanoseconds begun,
                      const TaskView& view) {
  tree_ = std::move(tree);
  known_.clear();
  const auto lists = ListsOf(tree_);
  const auto began = static_cast<std::uint64_t>(std::max<std::int64_t>(begun.count(), 0));
  for (const ScannedProcess& process : view.processes()) {
    const Listed* listed = nullptr;
    for (const Task* thread : process.threads) {
      const auto found = lists.find(thread->id.pid);
      if (found != lists.end()) listed = &found->second;
      if (listed != nullptr || process.threads.size() == 1) break;
    }
    Known known{.pid = process.pid,
                .start_ns = process.start_ns,
                .cgroup_id = process.cgroup_id,
                .container = {}};
    if (listed != nullptr) known.container = listed->container;
    if (process.start_ns < (listed != nullptr ? listed->listed_ns : began)) known_.push_back(known);
  }
}

// Both are by pid: one walk over the two.
bool Placement::Place(TaskView& view) const {
  bool all = true;
  auto known = known_.begin();
  for (ScannedProcess& process : view.processes()) {
    while (known != known_.end() && known->pid < process.pid) ++known;
    const bool same = known != known_.end() && known->pid == process.pid &&
                      known->start_ns == process.start_ns && known->cgroup_id == process.cgroup_id;
    process.container = same ? known->container : std::nullopt;
    all = all && same;
  }
  return all;
}

std::vector<pid_t> NotShown(std::span<const pid_t> pids, const TaskView& view) {
  std::vector<pid_t> missing;
  for (const pid_t pid : pids) {
    if (view.Find(pid) == nullptr) missing.push_back(pid);
  }
  return missing;
}

procfs::ScanResult ToScanResult(const procfs::CgroupTree& tree, const TaskView& view,
                                const procfs::BootClock& clock) {
  procfs::ScanResult result;
  result.clock = clock;
  result.version = tree.version;
  result.hierarchy = tree.hierarchy;
  result.unrecognised = tree.unrecognised;
  result.host_cgroup_root = tree.host_root;
  result.truncated = tree.truncated;
  result.pids_of_other_namespaces = tree.pids_of_other_namespaces;
  result.containers.reserve(tree.containers.size());
  for (const procfs::FoundContainer& found : tree.containers) {
    result.containers.push_back({.ref = found.ref,
                                 .cgroup_path = found.path,
                                 .cgroup_id = found.cgroup_id,
                                 .processes = {},
                                 .unseen_processes = found.unseen_processes});
    result.counters.unseen += found.unseen_processes;
  }
  for (const ScannedProcess& scanned : view.processes()) {
    if (!scanned.container) continue;
    procfs::Process process = ToProcess(scanned, clock.ticks_per_second);
    ++result.counters.processes;
    if (process.live) ++result.counters.modes.at(static_cast<std::size_t>(process.seccomp.mode));
    result.containers[*scanned.container].processes.push_back(std::move(process));
  }
  return result;
}

}  // namespace seccompd::agent
