// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/audit/report.h"

// Short literals for the values the audit works on.
namespace seccompd::audit {

inline constexpr std::string_view kUid = "11111111-2222-3333-4444-555555555555";

// The time of every pass: 2026-11-24T03:04:11Z.
inline base::WallTime Now() { return *base::ParseTime("2026-11-24T03:04:11Z"); }

// A process that started `age` before Now(); start_ticks agree.
inline ObservedProcess MakeProcess(pid_t pid, int mode, std::chrono::milliseconds age,
                                   std::string comm = "app") {
  constexpr std::int64_t kUptimeTicks = 100'000'000;
  ObservedProcess observed;
  observed.process.pid = pid;
  observed.process.judged_tid = pid;
  observed.process.state = 'S';
  observed.process.comm = std::move(comm);
  observed.process.start_ticks = static_cast<std::uint64_t>(kUptimeTicks - age.count() / 10);
  observed.process.seccomp.mode = mode;
  if (mode == 2) observed.process.seccomp.filters = 1;
  observed.started = Now() - age;
  return observed;
}

inline Observation MakeObservation(std::string id, std::vector<ObservedProcess> processes,
                                   std::string uid = std::string(kUid)) {
  Observation observation;
  observation.ref = {std::move(uid), id, "containerd"};
  observation.cgroup_path = "kubepods/" + id;
  observation.processes = std::move(processes);
  return observation;
}

inline Asked Localhost(std::string path, bool privileged = false) {
  return {AskedKind::kLocalhost, AskedLevel::kContainer, std::move(path), privileged};
}
inline Asked RuntimeDefault(bool privileged = false) {
  return {AskedKind::kRuntimeDefault, AskedLevel::kPod, "", privileged};
}
inline Asked Unconfined() { return {AskedKind::kUnconfined, AskedLevel::kContainer, "", false}; }

inline Workload MakeContainer(std::string name, std::string id, Asked asked) {
  Workload workload;
  workload.name = std::move(name);
  workload.container_id = std::move(id);
  workload.asked = std::move(asked);
  workload.state = workload.container_id.empty() ? kube::ContainerState::kUnknown
                                                 : kube::ContainerState::kRunning;
  return workload;
}

inline PodWorkload MakePod(std::vector<Workload> containers) {
  PodWorkload pod;
  pod.namespace_name = "shop";
  pod.name = "pay-0";
  pod.uid = kUid;
  pod.containers = std::move(containers);
  pod.pause.kind = WorkloadKind::kPause;
  pod.pause.asked = {AskedKind::kRuntimeDefault, AskedLevel::kSandbox, "", false};
  return pod;
}

inline Revision MakeRevision(std::uint32_t number, std::chrono::milliseconds age,
                             std::string_view content) {
  return {number, base::Sha256("bytes of " + std::string(content)), base::Sha256(content),
          Now() - age};
}

inline InstalledView MakeInstalled(std::string path, InstalledProfile profile) {
  InstalledView view;
  view.available = true;
  view.profiles.emplace(std::move(path), std::move(profile));
  return view;
}

}  // namespace seccompd::audit
