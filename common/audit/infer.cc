// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string_view>

#include "common/audit/report.h"

namespace seccompd::audit {
namespace {

constexpr std::size_t kLeastContainers = 3;
constexpr std::size_t kLeastPods = 2;

// The container's first process, unless it is too young to tell: what it has loaded, the runtime or
// the program itself loaded; what its children have may be their own sandbox.
const procfs::Process* FirstProcess(const Observation& observation) {
  const ObservedProcess* first = nullptr;
  for (const ObservedProcess& observed : observation.processes) {
    if (!observed.process.live) continue;
    if (first == nullptr || observed.process.start_ticks < first->process.start_ticks) {
      first = &observed;
    }
  }
  return first == nullptr || first->deferred ? nullptr : &first->process;
}

}  // namespace

NodeDefault InferNodeDefault(std::span<const kube::Pod> pods,
                             std::span<const Observation> observations) {
  const std::vector<PodWorkload> workloads = MakeWorkloads(pods, NodeDefault::kUndecided);
  std::set<const PodWorkload*> witnesses;
  std::size_t filtered = 0;
  std::size_t bare = 0;
  for (const Subject& subject : Resolve(workloads, observations)) {
    const bool unset = subject.workload != nullptr && subject.observation != nullptr &&
                       subject.asked.kind == AskedKind::kUndecided && !subject.asked.privileged;
    if (!unset || !subject.pod->runtime_class.empty()) continue;
    const procfs::Process* process = FirstProcess(*subject.observation);
    if (process == nullptr) continue;
    witnesses.insert(subject.pod);
    ++(process->seccomp.mode == 0 ? bare : filtered);
  }
  const bool enough = filtered + bare >= kLeastContainers && witnesses.size() >= kLeastPods;
  if (!enough || (filtered != 0 && bare != 0)) return NodeDefault::kUndecided;
  return filtered != 0 ? NodeDefault::kRuntimeDefault : NodeDefault::kUnconfined;
}

}  // namespace seccompd::audit
