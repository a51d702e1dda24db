// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/config.h"
#include "agent/source/pod_records.h"
#include "common/base/result.h"

namespace seccompd::agent {

// The pods that `--pods` names, read once, for a command that is not the running agent: from a
// directory, or from the API server or kubelet that the flags, the kubeconfig or the pod's service
// account lead to.
[[nodiscard]] base::Result<PodRecords> ReadRecordsOf(const RunConfig& config,
                                                     std::string user_agent);

}  // namespace seccompd::agent
