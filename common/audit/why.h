// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/audit/resolve.h"
#include "common/audit/verdict.h"

namespace seccompd::audit {

// Is its cgroup below a pod's?
bool InAPod(const Subject& subject);

// Judgement::why: one clause for people, "" where the verdict says it all.
std::string Why(const Subject& subject, const InstalledView& installed, const Judgement& judgement);

}  // namespace seccompd::audit
