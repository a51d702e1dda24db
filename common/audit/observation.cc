// SPDX-License-Identifier: Apache-2.0
#include "common/audit/observation.h"

#include "common/procfs/runtime_init.h"

namespace seccompd::audit {

Observation Observe(const procfs::Container& container, const procfs::BootClock& clock) {
  Observation observation{.ref = container.ref,
                          .cgroup_path = container.cgroup_path,
                          .cgroup_id = container.cgroup_id,
                          .processes = {},
                          .unseen_processes = container.unseen_processes};
  observation.processes.reserve(container.processes.size());
  const std::uint64_t now_ticks = procfs::NowTicks(clock);
  for (const procfs::Process& process : container.processes) {
    observation.processes.push_back(
        {.process = process,
         .started = procfs::StartTime(process.start_ticks, clock),
         .deferred = procfs::IsDeferred(process, now_ticks, clock.ticks_per_second)});
  }
  return observation;
}

std::vector<Observation> Observe(std::span<const procfs::Container> containers,
                                 const procfs::BootClock& clock) {
  std::vector<Observation> observations;
  observations.reserve(containers.size());
  for (const procfs::Container& container : containers) {
    observations.push_back(Observe(container, clock));
  }
  return observations;
}

std::optional<base::WallTime> StartOf(const Observation& observation) {
  std::optional<base::WallTime> start;
  for (const ObservedProcess& observed : observation.processes) {
    if (observed.process.live && (!start || observed.started < *start)) start = observed.started;
  }
  return start;
}

}  // namespace seccompd::audit
