// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/filters/task.h"
#include "common/procfs/boot_clock.h"
#include "common/procfs/cgroup_tree.h"
#include "common/procfs/scanner.h"

namespace seccompd::agent {

// One process of a task scan; `threads` lie in the view that made it, by pid.
struct ScannedProcess {
  pid_t pid = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t cgroup_id = 0;  // of its first thread
  std::span<const filters::Task* const> threads;
  // Index into Placement::tree().containers, by Placement::Place; nullopt: in none, or not known.
  std::optional<std::size_t> container = {};

  // What it is judged by: its leader, or its first live thread; nullptr: nothing of it lives.
  [[nodiscard]] const filters::Task* Judged() const;
  [[nodiscard]] const filters::Task* Leader() const;  // nullptr: the scan did not show it
};

// A scan by processes. Kernel threads are left out. `tasks` is borrowed.
class TaskView {
 public:
  explicit TaskView(std::span<const filters::Task> tasks);
  TaskView(const TaskView&) = delete;
  TaskView& operator=(const TaskView&) = delete;

  [[nodiscard]] std::span<const ScannedProcess> processes() const { return processes_; }  // by pid
  [[nodiscard]] std::span<ScannedProcess> processes() { return processes_; }
  [[nodiscard]] const ScannedProcess* Find(pid_t pid) const;

 private:
  std::vector<const filters::Task*> order_;
  std::vector<ScannedProcess> processes_;
};

// Which container each process is in. A process stays in its cgroup until somebody moves it; so
// what a walk over the cgroups told of a process holds until the tree changes (inotify says so) or,
// on v2, its cgroup id does. Only processes that no walk has placed cost another walk.
class Placement {
 public:
  // Takes in a walk that began at `begun` (CLOCK_BOOTTIME) and a scan made after it. A process that
  // started before a list was read owned its pid then, so the list speaks of it; a younger one with
  // the same pid is another, and stays unknown until the next walk.
  void Learn(procfs::CgroupTree tree, std::chrono::nanoseconds begun, const TaskView& view);

  // Says of each process which container it is in. False: of some it is not known.
  bool Place(TaskView& view) const;

  [[nodiscard]] const procfs::CgroupTree& tree() const { return tree_; }

 private:
  // A process, and where it is; nullopt: in no container.
  struct Known {
    pid_t pid = 0;
    std::uint64_t start_ns = 0;
    std::uint64_t cgroup_id = 0;
    std::optional<std::size_t> container;
  };

  procfs::CgroupTree tree_;
  std::vector<Known> known_;  // by pid
};

// Of these processes those that the view does not show.
[[nodiscard]] std::vector<pid_t> NotShown(std::span<const pid_t> pids, const TaskView& view);

// The scan in the form that reading /proc gives, so that both are judged alike.
[[nodiscard]] procfs::ScanResult ToScanResult(const procfs::CgroupTree& tree, const TaskView& view,
                                              const procfs::BootClock& clock);

}  // namespace seccompd::agent
