// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/audit/task_view.h"
#include "common/audit/loaded.h"
#include "common/filters/filter_cache.h"
#include "common/filters/filter_reader.h"
#include "common/procfs/scanner.h"

namespace seccompd::agent {

// What one pass at evidence `filter` saw.
struct FilterScan {
  procfs::ScanResult scan;
  std::vector<audit::LoadedProcess> loaded;  // filtered processes of containers, by pid
  bool walked = false;                       // the cgroup tree was walked for it
};

// Reads the node by the kernel's task iterator: who is there, in which container, under which
// filters. Files are read only where the cgroup tree or the processes changed. `cgroup_fd` is
// borrowed.
class FilterSource {
 public:
  // Loads the iterators (CAP_BPF, CAP_PERFMON, Linux 5.10 with BTF) and proves by a child's filter
  // that programs can be read; the error says in one sentence what is missing. Forks once: call it
  // before threads and before the own seccomp filter.
  [[nodiscard]] static base::Result<std::unique_ptr<FilterSource>> Open(int cgroup_fd);

  // One pass. `tree_changed`: cgroups were made, removed or written to since the last one; always
  // true where nobody watches them.
  [[nodiscard]] base::Result<FilterScan> Scan(bool tree_changed);

  [[nodiscard]] filters::CapabilityNeed need() const { return need_; }
  [[nodiscard]] std::size_t stacks() const { return cache_.size(); }

 private:
  FilterSource(int cgroup_fd, filters::FilterReader reader, filters::CapabilityNeed need);
  [[nodiscard]] base::Result<bool> Place(bool tree_changed);  // true: walked
  [[nodiscard]] base::Result<void> ScanTasks();
  [[nodiscard]] base::Result<void> CountHidden(procfs::CgroupTree& tree);
  [[nodiscard]] base::Result<void> ReadFilters(const TaskView& view);
  [[nodiscard]] std::vector<const ScannedProcess*> WhoCounts(const TaskView& view);
  void AddThread(const filters::Task& task, std::vector<audit::LoadedThread>& threads) const;
  [[nodiscard]] std::vector<audit::LoadedProcess> Loaded(const TaskView& view) const;

  int cgroup_fd_;
  filters::FilterReader reader_;
  filters::CapabilityNeed need_;
  std::vector<filters::Task> tasks_;
  std::optional<TaskView> view_;  // of tasks_
  Placement placement_;
  bool placed_ = false;
  bool hidden_ = false;  // of some container a process is listed and not shown
  std::vector<const ScannedProcess*> parents_;  // of view_: who started each container, or nullptr
  std::vector<std::pair<pid_t, std::uint64_t>> groups_;  // of the filter cache, by process
  filters::FilterCache cache_;
};

// "auto" and "filter" open a source; without one the audit works at `status`, and `why_not` says
// why in one sentence ("" if it was not asked for).
struct EvidenceChoice {
  std::unique_ptr<FilterSource> source;
  std::string why_not;
};
[[nodiscard]] EvidenceChoice ChooseEvidence(std::string_view flag, int cgroup_fd);

}  // namespace seccompd::agent
