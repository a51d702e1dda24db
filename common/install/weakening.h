// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/install/ledger.h"
#include "common/install/prepare.h"

namespace seccompd::install {

// What becomes of an update that permits more than the revision in force (--weakening).
enum class WeakeningPolicy : std::uint8_t { kAllow, kWarn, kReject };
[[nodiscard]] std::optional<WeakeningPolicy> WeakeningPolicyFrom(std::string_view name);

// What the new profile permits and the old one does not, by meaning and for all inputs: one line
// with an example, "" if nothing. An error if it cannot be told within bounds.
[[nodiscard]] base::Result<std::string> WhatItWeakens(std::string_view old_bytes,
                                                      std::string_view new_bytes,
                                                      const Preparer& preparer);

struct Weakening {
  std::string path;
  std::uint32_t revision = 0;  // in force
  std::string text;
  bool refused = false;

  bool operator==(const Weakening&) const = default;
};

// Compares every update with the revision in force, once, and marks those that permit more: with
// kWarn a warning of the profile, with kReject an error, so that the last good one stays. What
// cannot be compared counts as permitting more. `read` gives the bytes of a revision.
[[nodiscard]] std::vector<Weakening> WeighUpdates(
    Desired& desired, const LedgerState& ledger,
    const std::function<base::Result<std::string>(const Revision&)>& read, const Preparer& preparer,
    WeakeningPolicy policy);

}  // namespace seccompd::install
