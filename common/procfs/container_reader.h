// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "common/base/result.h"
#include "common/procfs/cgroup_tree.h"
#include "common/procfs/container.h"
#include "common/procfs/proc_reader.h"

namespace seccompd::procfs {

// A container as read, and what became of its listed pids.
struct ReadOutcome {
  Container container;
  std::size_t vanished = 0;  // gone, or the pid had become a process of somebody else
};

// Reads the listed processes of one container. A process that started before the list was taken
// owned its pid then, so it was in the container: one that moved away since is no wrong report, for
// filters never go away (unfiltered now is unfiltered then). The same holds for listed threads,
// which lead to their process. Only for one that is younger or cannot be opened `list_again` is
// called, once; it decides between "reused or gone" (not in the list) and "in the container" or
// "there but hidden" (in it). What it names besides is read, too: a process or thread may have
// handed on to a new one and ended. A listed thread of which only the id was seen counts as unseen,
// and so does a zombie leader with unread threads.
[[nodiscard]] ReadOutcome ReadContainer(
    ProcReader& reader, const FoundContainer& found, std::uint64_t ticks_per_second,
    const std::function<base::Result<FoundContainer>()>& list_again);

}  // namespace seccompd::procfs
