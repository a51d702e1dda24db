// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/audit/observation.h"
#include "common/audit/workload.h"

namespace seccompd::audit {

// How a container on the node and a container of a pod came together.
enum class Naming : std::uint8_t {
  kNamed,        // the pod's status names its container ID
  kPause,        // the pod's sandbox
  kUnanimous,    // not named yet, but every container of the pod asks the same
  kNotYetNamed,  // not named yet, and they do not
  kNoPod,        // no pod record has its pod uid
  kNotFound,     // running by the pod's status, but no such cgroup
};

std::string_view NamingName(Naming naming);

// One container to judge. Pointers borrow from the arguments of Resolve; `workload` is null for
// kUnanimous, kNotYetNamed and kNoPod, `pod` for kNoPod, `observation` for kNotFound.
struct Subject {
  Naming naming = Naming::kNoPod;
  const PodWorkload* pod = nullptr;
  const Workload* workload = nullptr;
  const Observation* observation = nullptr;
  Asked asked;  // kUndecided for kNotYetNamed and kNoPod
};

// Joins by pod uid and container ID together, never by container ID alone: outside pods a user may
// choose that name. Every observation is in exactly one subject; so is every container that a pod's
// status calls running. Order: pods as given, their containers, pause, then what has no pod.
//
// The pause container is named by no status. It is the unnamed container that is older than all
// others of its pod, if its first process is called like a known pause program or all other running
// containers of the pod are accounted for. (A workload may take the name of a pause program, but
// not be older than its sandbox; where the runtime has no pause container the name could buy it the
// sandbox's expectation until the status names it.)
std::vector<Subject> Resolve(std::span<const PodWorkload> pods,
                             std::span<const Observation> observations);

}  // namespace seccompd::audit
