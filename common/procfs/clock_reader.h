// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/procfs/boot_clock.h"

namespace seccompd::procfs {

// CLOCK_REALTIME, CLOCK_BOOTTIME and the tick, read now.
[[nodiscard]] BootClock ReadBootClock();

}  // namespace seccompd::procfs
