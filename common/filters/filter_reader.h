// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/filters/dump.h"
#include "common/filters/filter_cache.h"
#include "common/filters/task.h"

namespace seccompd::filters {

struct ReaderState;

struct OpenOptions {
  std::uint32_t records = 2048;  // tasks per read(2), 80 bytes each; more tasks take more reads
};

// What the process must keep to go on reading.
enum class CapabilityNeed {
  kNone,        // Linux 5.19, or kernel.unprivileged_bpf_disabled=0
  kBpfPerfmon,  // the kernel checks them on every bpf(2) command
};

// Reads the seccomp state and the loaded programs of every task by a BPF task iterator. No task is
// stopped, signalled or woken. After Open the only bpf(2) command is BPF_ITER_CREATE. Holds two
// link descriptors and 450 KiB of maps (charged to the memory cgroup); Open itself peaks at 12 MiB
// for the kernel's type information. Not for two threads.
class FilterReader {
 public:
  // Needs CAP_BPF and CAP_PERFMON, Linux 5.10 and BTF; the error says which is missing.
  [[nodiscard]] static base::Result<FilterReader> Open(const OpenOptions& options = {});

  FilterReader(FilterReader&&) noexcept;
  FilterReader& operator=(FilterReader&&) noexcept;
  ~FilterReader();

  // Every task of the reader's pid namespace and below, ascending by pid, into `tasks` (replaced).
  // Tasks that start or end meanwhile may be missed or shown.
  [[nodiscard]] base::Result<void> Scan(std::vector<Task>& tasks);

  // Gives `take` one answer a request, by pid. An error is of the reader, never of one task.
  [[nodiscard]] base::Result<void> DumpStacks(std::span<const DumpRequest> requests,
                                              const std::function<void(Dump)>& take);

  // Proves by a child that loads a filter of its own, reads it back, empties its capability sets
  // and reads it again. An error: programs cannot be read here at all. Forks: call it while the
  // process has one thread and may still fork.
  [[nodiscard]] base::Result<CapabilityNeed> SelfTestWithoutCapabilities();

 private:
  explicit FilterReader(std::unique_ptr<ReaderState> state);
  std::unique_ptr<ReaderState> state_;
};

// One pass: scan, then dump what the cache does not know, in a bounded number of rounds.
[[nodiscard]] base::Result<void> Refresh(FilterReader& reader, FilterCache& cache,
                                         std::vector<Task>& tasks);

}  // namespace seccompd::filters
