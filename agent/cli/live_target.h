// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/target.h"
#include "common/base/result.h"
#include "common/procfs/container.h"

namespace seccompd::agent {

// TARGETs that run: pid:N, cri:ID, [NS/]POD and self.
struct LiveTargetOptions {
  std::string socket = {};  // of the running agent, which knows the pods
  std::string procfs = "/proc";
  std::string cgroupfs = "/sys/fs/cgroup";
  std::string container = {};  // -c, of a pod with several
};

// A container as one of these words names it.
struct LiveContainer {
  std::string name;  // "shop/api-0/app", "cri:9c1e..."
  std::string container_id;
};

// Which container of the agent's audit report (JSON) is meant by "[NS/]POD" and -c. kNotFound with
// what there is instead, kInvalidArgument where more than one would fit.
[[nodiscard]] base::Result<LiveContainer> FindInReport(std::string_view report,
                                                       std::string_view pod,
                                                       std::string_view container);

// The container whose ID begins with `id` (at least 8 digits; kInvalidArgument if two do).
[[nodiscard]] base::Result<const procfs::Container*> FindById(
    std::span<const procfs::Container> containers, std::string_view id);

// The process a container is judged by unless one of them is worse: its oldest live one.
[[nodiscard]] std::optional<pid_t> FirstProcess(const procfs::Container& container);

// All four forms, for TargetSettings::forms. Reading a loaded filter needs CAP_BPF and CAP_PERFMON;
// without them the error says so. self needs nothing: it is the profile, not a process.
[[nodiscard]] std::vector<TargetForm> LiveTargetForms(const LiveTargetOptions& options);

}  // namespace seccompd::agent
