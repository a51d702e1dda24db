// SPDX-License-Identifier: Apache-2.0
#include "common/filters/task.h"

#include <algorithm>

namespace seccompd::filters {

std::string_view Task::Comm() const {
  const auto end = std::find(comm.begin(), comm.end(), '\0');
  return {comm.data(), static_cast<std::size_t>(end - comm.begin())};
}

const Task* JudgedThread(std::span<const Task> tasks, pid_t tgid) {
  const Task* first = nullptr;
  for (const Task& task : tasks) {
    if (task.tgid != tgid || task.zombie || task.exiting) continue;
    if (task.IsLeader()) return &task;
    if (first == nullptr) first = &task;
  }
  return first;
}

}  // namespace seccompd::filters
