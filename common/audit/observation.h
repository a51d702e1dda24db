// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/base/time.h"
#include "common/procfs/boot_clock.h"
#include "common/procfs/container.h"

namespace seccompd::audit {

// One live or dead process with what depends on the time of the pass.
struct ObservedProcess {
  procfs::Process process;
  base::WallTime started;
  bool deferred = false;  // looks like a runtime's init and is young: not to be judged yet

  bool operator==(const ObservedProcess&) const = default;
};

// What one pass saw of a container.
struct Observation {
  procfs::ContainerRef ref;
  std::string cgroup_path;
  std::uint64_t cgroup_id = 0;
  std::vector<ObservedProcess> processes;
  std::uint32_t unseen_processes = 0;  // in it, but not readable from here

  bool operator==(const Observation&) const = default;
};

Observation Observe(const procfs::Container& container, const procfs::BootClock& clock);
std::vector<Observation> Observe(std::span<const procfs::Container> containers,
                                 const procfs::BootClock& clock);

// Start of the oldest live process: the container's own start, since its first process outlives all
// others of its pid namespace. nullopt without a live process.
std::optional<base::WallTime> StartOf(const Observation& observation);

}  // namespace seccompd::audit
