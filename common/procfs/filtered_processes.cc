// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/filtered_processes.h"

namespace seccompd::procfs {

bool FilteredProcesses::Contains(pid_t pid, std::uint64_t start_ticks) {
  const auto entry = entries_.find(pid);
  if (entry == entries_.end() || entry->second.start_ticks != start_ticks) return false;
  entry->second.used = true;
  return true;
}

void FilteredProcesses::Add(pid_t pid, std::uint64_t start_ticks) {
  entries_[pid] = Entry{.start_ticks = start_ticks, .used = true};
}

void FilteredProcesses::Sweep() {
  std::erase_if(entries_, [](const auto& entry) { return !entry.second.used; });
  for (auto& [pid, entry] : entries_) entry.used = false;
}

}  // namespace seccompd::procfs
