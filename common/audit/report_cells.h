// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/audit/report.h"

// What the tables of a report for people are made of.
namespace seccompd::audit {

// Shown, never obeyed, and cut to 120 characters.
[[nodiscard]] std::string Cell(std::string_view text);

// "shop/pay-0/app"; where no pod or status names it, by its IDs.
[[nodiscard]] std::string TargetText(const Row& row);

}  // namespace seccompd::audit
