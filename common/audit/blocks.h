// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/audit/report.h"

// The answer to `audit --blocks CALL`: does every container of the node refuse this call now?
namespace seccompd::audit {

// Does some container not block a call that --blocks names? Exempt ones do not count.
[[nodiscard]] bool SomeDoNotBlock(const Report& report);

// A heading for each call that --blocks names, and below it the containers that do not block it,
// the worst first. "" if nothing was asked.
[[nodiscard]] std::string RenderBlocks(const Report& report);

}  // namespace seccompd::audit
