// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/filter_source.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "common/procfs/clock_reader.h"

namespace seccompd::agent {
namespace {

using audit::Reason;
using filters::Task;
using filters::Unknown;

constexpr std::uint8_t kFilterMode = 2;
constexpr int kRounds = 64;

bool HasFilter(const Task& task) {
  return task.mode == kFilterMode && !task.zombie && !task.exiting;
}

Reason ReasonOf(Unknown unknown) {
  switch (unknown) {
    case Unknown::kPending:
    case Unknown::kGone:
    case Unknown::kNoFilter:
    case Unknown::kChanged:
      return Reason::kFilterPending;
    case Unknown::kTorn:
      return Reason::kFilterTorn;
    case Unknown::kTooManyFilters:
      return Reason::kTooManyFilters;
    case Unknown::kTooManyInstructions:
      return Reason::kTooManyInstructions;
    case Unknown::kNoOriginal:
    case Unknown::kUnreadable:
      return Reason::kFilterUnreadable;
    case Unknown::kLimit:
      return Reason::kFilterLimit;
  }
  return Reason::kFilterUnreadable;
}

// The process that started the container: the parent of its first process, outside of it.
std::vector<const ScannedProcess*> ParentsOf(std::size_t containers, const TaskView& view) {
  std::vector<const ScannedProcess*> first(containers, nullptr);
  for (const ScannedProcess& process : view.processes()) {
    if (!process.container || process.Judged() == nullptr) continue;
    const ScannedProcess*& oldest = first[*process.container];
    if (oldest == nullptr || process.start_ns < oldest->start_ns) oldest = &process;
  }
  for (const ScannedProcess*& process : first) {
    if (process != nullptr) process = view.Find(process->threads.front()->ppid);
  }
  return first;
}

}  // namespace

FilterSource::FilterSource(int cgroup_fd, filters::FilterReader reader,
                           filters::CapabilityNeed need)
    : cgroup_fd_(cgroup_fd),
      reader_(std::move(reader)),
      need_(need),
      cache_({}, [this](const Task& task) {
        const auto found = std::lower_bound(groups_.begin(), groups_.end(),
                                            std::pair(task.tgid, std::uint64_t{0}));
        return found == groups_.end() || found->first != task.tgid ? std::uint64_t{0}
                                                                   : found->second;
      }) {}

base::Result<std::unique_ptr<FilterSource>> FilterSource::Open(int cgroup_fd) {
  TRY_ASSIGN(filters::FilterReader reader, filters::FilterReader::Open());
  TRY_ASSIGN(const filters::CapabilityNeed need, reader.SelfTestWithoutCapabilities());
  return std::unique_ptr<FilterSource>(new FilterSource(cgroup_fd, std::move(reader), need));
}

base::Result<void> FilterSource::ScanTasks() {
  TRY(reader_.Scan(tasks_));
  view_.emplace(tasks_);
  return {};
}

// The kernel's iterator need not show everybody: there are machines on which it passes over one
// process. What a container's list names before and after a scan that does not show it is there,
// and was not seen; what ended in between is in the first list only.
base::Result<void> FilterSource::CountHidden(procfs::CgroupTree& tree) {
  hidden_ = false;
  for (procfs::FoundContainer& found : tree.containers) {
    const std::vector<pid_t> missing = NotShown(found.pids, *view_);
    if (missing.empty()) continue;
    const auto again = procfs::ListAgain(cgroup_fd_, tree, found);
    if (!again) continue;
    std::vector<pid_t> listed;
    std::set_intersection(missing.begin(), missing.end(), again->pids.begin(), again->pids.end(),
                          std::back_inserter(listed));
    if (listed.empty()) continue;
    TRY(ScanTasks());
    const std::size_t hidden = NotShown(listed, *view_).size();
    found.unseen_processes += static_cast<std::uint32_t>(hidden);
    hidden_ = hidden_ || hidden != 0;
  }
  return {};
}

base::Result<bool> FilterSource::Place(bool tree_changed) {
  TRY(ScanTasks());
  if (placed_ && !hidden_ && !tree_changed && placement_.Place(*view_)) return false;
  const auto begun = procfs::ReadBootClock().now;
  TRY_ASSIGN(procfs::CgroupTree tree, procfs::WalkCgroups(cgroup_fd_));
  TRY(ScanTasks());
  TRY(CountHidden(tree));
  placement_.Learn(std::move(tree), begun, *view_);
  placement_.Place(*view_);
  placed_ = true;
  return true;
}

// Only who is in a container, or started one, is of interest: nobody else's filters are read.
std::vector<const ScannedProcess*> FilterSource::WhoCounts(const TaskView& view) {
  std::vector<const ScannedProcess*> who;
  who.reserve(view.processes().size());
  for (const ScannedProcess& process : view.processes()) {
    if (process.container) who.push_back(&process);
  }
  const auto by_pid = [](const ScannedProcess* a, const ScannedProcess* b) {
    return a->pid < b->pid;
  };
  const auto members = static_cast<std::ptrdiff_t>(who.size());
  for (const ScannedProcess* parent : parents_) {
    if (parent != nullptr && !parent->container) who.push_back(parent);
  }
  std::sort(who.begin() + members, who.end(), by_pid);
  who.erase(std::unique(who.begin() + members, who.end()), who.end());
  std::inplace_merge(who.begin(), who.begin() + members, who.end(), by_pid);
  return who;
}

base::Result<void> FilterSource::ReadFilters(const TaskView& view) {
  const auto& containers = placement_.tree().containers;
  parents_ = ParentsOf(containers.size(), view);
  std::vector<std::uint64_t> group_of(containers.size());
  for (std::size_t i = 0; i < containers.size(); ++i) {
    group_of[i] = std::hash<std::string>{}(containers[i].path);
  }
  groups_.clear();
  std::vector<Task> wanted;
  wanted.reserve(view.processes().size());
  for (const ScannedProcess* process : WhoCounts(view)) {
    groups_.emplace_back(process->pid, process->container
                                           ? group_of[*process->container]
                                           : static_cast<std::uint64_t>(process->pid));
    for (const Task* thread : process->threads) {
      if (HasFilter(*thread)) wanted.push_back(*thread);
    }
  }
  const auto by_pid = [](const Task& a, const Task& b) { return a.id.pid < b.id.pid; };
  if (!std::is_sorted(wanted.begin(), wanted.end(), by_pid)) {
    std::sort(wanted.begin(), wanted.end(), by_pid);
  }
  cache_.Update(wanted);
  for (int round = 0; round < kRounds; ++round) {
    const auto requests = cache_.Requests();
    if (requests.empty()) break;
    TRY(reader_.DumpStacks(requests,
                           [this](filters::Dump dump) { cache_.Store(std::move(dump)); }));
  }
  return {};
}

// Threads that have the same are told once, and counted.
void FilterSource::AddThread(const Task& task, std::vector<audit::LoadedThread>& threads) const {
  audit::LoadedThread state{.tid = task.id.pid, .stack = nullptr, .unknown = Reason::kNone};
  if (auto stack = cache_.Find(task)) {
    state.stack = *std::move(stack);
  } else {
    state.unknown = ReasonOf(stack.error());
  }
  for (audit::LoadedThread& told : threads) {
    if (told.stack != state.stack || told.unknown != state.unknown) continue;
    ++told.threads;
    return;
  }
  threads.push_back(std::move(state));
}

std::vector<audit::LoadedProcess> FilterSource::Loaded(const TaskView& view) const {
  std::vector<audit::LoadedProcess> loaded;
  loaded.reserve(groups_.size());
  for (const ScannedProcess& process : view.processes()) {
    if (!process.container || process.Judged() == nullptr) continue;
    audit::LoadedProcess out{.pid = process.pid, .threads = {}, .inherited = nullptr};
    for (const Task* thread : process.threads) {
      if (HasFilter(*thread)) AddThread(*thread, out.threads);
    }
    if (out.threads.empty()) continue;
    const ScannedProcess* parent = parents_[*process.container];
    const Task* runtime = parent == nullptr ? nullptr : parent->Judged();
    if (runtime != nullptr && HasFilter(*runtime)) {
      if (auto stack = cache_.Find(*runtime)) out.inherited = *std::move(stack);
    }
    loaded.push_back(std::move(out));
  }
  return loaded;
}

base::Result<FilterScan> FilterSource::Scan(bool tree_changed) {
  const auto clock = procfs::ReadBootClock();
  FilterScan result;
  TRY_ASSIGN(result.walked, Place(tree_changed));
  TRY(ReadFilters(*view_));
  result.scan = ToScanResult(placement_.tree(), *view_, clock);
  result.loaded = Loaded(*view_);
  return result;
}

EvidenceChoice ChooseEvidence(std::string_view flag, int cgroup_fd) {
  EvidenceChoice choice;
  if (flag == "status") return choice;
  auto source = FilterSource::Open(cgroup_fd);
  if (source) {
    choice.source = *std::move(source);
  } else {
    choice.why_not = source.error().message;
  }
  return choice;
}

}  // namespace seccompd::agent
