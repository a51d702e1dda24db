// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/procfs/container.h"

namespace seccompd::procfs {

// How long a process that looks like a runtime's init goes unjudged: the name can be faked
// (PR_SET_NAME), so it buys a workload these seconds once and no more.
inline constexpr std::chrono::seconds kRuntimeInitGrace{10};

// Names of a runtime's process inside the container's cgroup before it executes the workload:
// runc "runc:[0:PARENT]", "runc:[1:CHILD]", "runc:[2:INIT]", for an instant before that "runc" or
// "exe"; crun "crun"; youki "youki:[1:INTER]", "youki:[2:INIT]" or "youki".
[[nodiscard]] bool IsRuntimeInitName(std::string_view comm);

// True: not to be judged yet. `now_ticks` is CLOCK_BOOTTIME in the unit of process.start_ticks; a
// start later than now (read after it) counts as age 0.
[[nodiscard]] bool IsDeferred(const Process& process, std::uint64_t now_ticks,
                              std::uint64_t ticks_per_second = 100);

}  // namespace seccompd::procfs
