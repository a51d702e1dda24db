// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <span>

#include "common/base/unique_fd.h"
#include "common/filters/filter_reader.h"
#include "common/filters/mapping.h"
// Needs the types above.
#include "common/filters/seccomp_iter_abi.h"

namespace seccompd::filters {

// What is left of the loaded object: libbpf, the programs' and the maps' descriptors are gone.
struct FilterReader::State {
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

  // One attempt, on an iterator that has not passed the thread; fills `dump` but its request.
  [[nodiscard]] base::Result<void> DumpOnce(const base::UniqueFd& iterator, Dump& dump);
};

}  // namespace seccompd::filters
