// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace seccompd::procfs {

// Processes all of whose threads were seen filtered, which then holds until they end (see
// ThreadPolicy). Identity is (pid, start time). What was neither added nor looked up since the last
// Sweep is forgotten, so the size is bounded by the processes of one pass.
class FilteredProcesses {
 public:
  [[nodiscard]] bool Contains(pid_t pid, std::uint64_t start_ticks);
  void Add(pid_t pid, std::uint64_t start_ticks);
  void Sweep();
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t start_ticks = 0;
    bool used = false;
  };
  std::unordered_map<pid_t, Entry> entries_;
};

}  // namespace seccompd::procfs
