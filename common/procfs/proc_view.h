// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/procfs/boot_clock.h"

namespace seccompd::procfs {

// Can this process see the host's processes? For warnings: kind nodes differ and work all the same.
struct ProcView {
  // /proc/self/ns/pid is the initial pid namespace's; nullopt: the link cannot be read.
  std::optional<bool> initial_pid_namespace;
  bool sees_pid_1 = false;  // false: hidepid hides others, or no such process

  bool operator==(const ProcView&) const = default;
};

// `proc_fd`: an open directory of the proc file system, borrowed.
[[nodiscard]] base::Result<ProcView> CheckProcView(int proc_fd);

// CLOCK_REALTIME, CLOCK_BOOTTIME and the tick, read now.
[[nodiscard]] BootClock ReadBootClock();

}  // namespace seccompd::procfs
