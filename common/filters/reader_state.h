// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <memory>
#include <span>

#include "common/base/unique_fd.h"
#include "common/filters/filter_reader.h"
#include "common/filters/mapping.h"
// Needs the types above.
#include "common/filters/seccomp_iter_abi.h"

namespace seccompd::filters {

// The inside of a FilterReader, for its own files and for tests that look between two reads.
// What is left of the loaded object: libbpf, the programs' and the maps' descriptors are gone.
struct ReaderState {
  base::UniqueFd scan_link;
  base::UniqueFd dump_link;
  Mapping control;  // the object's .bss
  Mapping records;
  Mapping arena;
  seccompd_scan* scan = nullptr;  // in control
  seccompd_dump* dump = nullptr;  // in control
  std::span<const seccompd_task> tasks;
  const unsigned char* instructions = nullptr;  // in arena, 8 bytes each
  std::uint64_t requests = 0;                   // numbers given out; 0 is none

  // Makes the next reads of a dump iterator look for this thread from the beginning.
  void BeginDump(const TaskId& id);
  // One attempt, on an iterator that has not passed the thread; fills `answer` but its request.
  [[nodiscard]] base::Result<void> DumpOnce(const base::UniqueFd& iterator, Dump& answer);
};

[[nodiscard]] base::Result<std::unique_ptr<ReaderState>> LoadIterators(const OpenOptions& options);

// The one bpf(2) command of a running reader.
[[nodiscard]] base::Result<base::UniqueFd> CreateIterator(const base::UniqueFd& link);

enum class Step { kAgain, kEnd };

// Runs the iterator's program until it stops a read(2) or the tasks are at an end.
[[nodiscard]] base::Result<Step> Advance(const base::UniqueFd& iterator);

}  // namespace seccompd::filters
