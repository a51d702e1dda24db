// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/audit/verdict.h"
#include "common/bpf/program.h"

namespace seccompd::audit {

// shared_ptr because equal stacks of many processes are one object, which the reader's cache and
// the verdicts' memory hold as long as either needs it; immutable, so its address is its identity.
using SharedStack = std::shared_ptr<const bpf::Stack>;

// Filters of one thread, oldest first, or why they are not known.
struct LoadedThread {
  pid_t tid = 0;
  SharedStack stack;               // null: not known
  Reason unknown = Reason::kNone;  // then why
  std::uint32_t threads = 1;       // of this process, that have just this

  bool operator==(const LoadedThread&) const = default;
};

// What the filtered threads of one process have loaded; threads that share a stack are named once.
// Threads without a filter are not listed: their state says all.
struct LoadedProcess {
  pid_t pid = 0;
  std::vector<LoadedThread> threads;  // the thread that the process is judged by comes first
  // What its container's runtime itself runs under (nested runtimes, SystemCallFilter=): every
  // process inherits that, and nobody asked for it. Null: nothing.
  SharedStack inherited;
};

// In a list that is sorted by pid; nullptr: not in it.
const LoadedProcess* FindLoaded(std::span<const LoadedProcess> loaded, pid_t pid);

}  // namespace seccompd::audit
