// SPDX-License-Identifier: Apache-2.0
#include "common/audit/resolve.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace seccompd::audit {
namespace {

// Kubernetes' pause, OpenShift's, and Podman's choice.
constexpr std::array<std::string_view, 3> kPausePrograms = {"pause", "pod", "catatonit"};

using ByUid = std::multimap<std::string_view, const Observation*>;

bool Runs(const PodWorkload& pod, const Workload& workload) {
  return !pod.ended && !workload.container_id.empty() &&
         workload.state != kube::ContainerState::kTerminated &&
         workload.state != kube::ContainerState::kWaiting;
}

// May it run without an observation of that ID, because its status lags behind?
bool MayRunUnseen(const PodWorkload& pod, const Workload& workload) {
  const bool once =
      workload.kind == WorkloadKind::kInit || workload.kind == WorkloadKind::kEphemeral;
  return workload.state != kube::ContainerState::kTerminated || !(once || pod.ended);
}

const ObservedProcess* Oldest(const Observation& observation) {
  const ObservedProcess* oldest = nullptr;
  for (const ObservedProcess& observed : observation.processes) {
    if (!observed.process.live) continue;
    if (oldest == nullptr || observed.process.start_ticks < oldest->process.start_ticks) {
      oldest = &observed;
    }
  }
  return oldest;
}

bool IsPauseProgram(std::string_view comm) {
  return std::find(kPausePrograms.begin(), kPausePrograms.end(), comm) != kPausePrograms.end();
}

// All containers of the pod and what it is made of, while it is being resolved.
struct Members {
  std::vector<const Observation*> all;
  std::vector<const Observation*> unnamed;
  bool all_accounted = true;  // every container that may run has its own observation
};

// The sandbox: see Resolve. nullptr if there is none or it cannot be told.
const Observation* FindPause(const Members& members) {
  const Observation* first = nullptr;
  std::uint64_t first_ticks = 0;
  bool tie = false;
  for (const Observation* observation : members.all) {
    const ObservedProcess* oldest = Oldest(*observation);
    if (oldest == nullptr) continue;
    const std::uint64_t ticks = oldest->process.start_ticks;
    if (first != nullptr && ticks == first_ticks) tie = true;
    if (first != nullptr && ticks >= first_ticks) continue;
    first = observation;
    first_ticks = ticks;
    tie = false;
  }
  if (first == nullptr || tie) return nullptr;
  const bool unnamed =
      std::find(members.unnamed.begin(), members.unnamed.end(), first) != members.unnamed.end();
  if (!unnamed) return nullptr;
  return IsPauseProgram(Oldest(*first)->process.comm) || members.all_accounted ? first : nullptr;
}

// What every container of the pod asks, if they agree.
const Asked* Unanimous(const PodWorkload& pod) {
  if (pod.containers.empty()) return nullptr;
  const Asked& asked = pod.containers.front().asked;
  const bool same =
      std::all_of(pod.containers.begin(), pod.containers.end(), [&](const Workload& workload) {
        return workload.asked.kind == asked.kind && workload.asked.path == asked.path &&
               workload.asked.privileged == asked.privileged;
      });
  return same ? &asked : nullptr;
}

const Observation* TakeById(std::vector<const Observation*>& unnamed, std::string_view id) {
  const auto found = std::find_if(unnamed.begin(), unnamed.end(),
                                  [&](const Observation* o) { return o->ref.container_id == id; });
  if (found == unnamed.end()) return nullptr;
  const Observation* observation = *found;
  unnamed.erase(found);
  return observation;
}

void ResolvePod(const PodWorkload& pod, std::vector<const Observation*> observations,
                std::vector<Subject>& subjects) {
  Members members;
  members.all = observations;
  members.unnamed = std::move(observations);
  for (const Workload& workload : pod.containers) {
    const Observation* observation =
        workload.container_id.empty() ? nullptr : TakeById(members.unnamed, workload.container_id);
    if (observation != nullptr) {
      subjects.push_back({Naming::kNamed, &pod, &workload, observation, workload.asked});
      continue;
    }
    if (MayRunUnseen(pod, workload)) members.all_accounted = false;
    if (Runs(pod, workload)) {
      subjects.push_back({Naming::kNotFound, &pod, &workload, nullptr, workload.asked});
    }
  }
  if (const Observation* pause = FindPause(members); pause != nullptr) {
    subjects.push_back({Naming::kPause, &pod, &pod.pause, pause, pod.pause.asked});
    std::erase(members.unnamed, pause);
  }
  const Asked* unanimous = Unanimous(pod);
  for (const Observation* observation : members.unnamed) {
    if (unanimous != nullptr) {
      subjects.push_back({Naming::kUnanimous, &pod, nullptr, observation, *unanimous});
    } else {
      subjects.push_back({Naming::kNotYetNamed, &pod, nullptr, observation, {}});
    }
  }
}

}  // namespace

std::vector<Subject> Resolve(std::span<const PodWorkload> pods,
                             std::span<const Observation> observations) {
  std::vector<Subject> subjects;
  ByUid by_uid;
  for (const Observation& observation : observations) {
    by_uid.emplace(observation.ref.pod_uid, &observation);
  }
  for (const PodWorkload& pod : pods) {
    std::vector<const Observation*> own;
    if (!pod.uid.empty()) {
      const auto [first, last] = by_uid.equal_range(pod.uid);
      for (auto it = first; it != last; ++it) own.push_back(it->second);
      by_uid.erase(first, last);
    }
    ResolvePod(pod, std::move(own), subjects);
  }
  for (const auto& [uid, observation] : by_uid) {
    subjects.push_back({Naming::kNoPod, nullptr, nullptr, observation, {}});
  }
  return subjects;
}

}  // namespace seccompd::audit
