// SPDX-License-Identifier: Apache-2.0
#include "common/audit/staleness.h"

namespace seccompd::audit {

RevisionRead WhichRevision(const InstalledProfile& profile, base::WallTime start,
                           std::chrono::milliseconds window) {
  const auto& revisions = profile.revisions;
  if (revisions.empty()) return {};
  const Revision& current = revisions.back();
  // Revisions before the oldest kept one are forgotten; they existed unless that is number 1.
  const bool forgotten = revisions.front().number > 1;
  bool read_current = false;
  bool read_other = false;
  std::optional<std::uint32_t> other;
  for (std::size_t i = 0; i < revisions.size(); ++i) {
    // In force from its own install to the next one.
    const bool begun = revisions[i].installed_at - window < start;
    const bool first_ever = i == 0 && !forgotten;
    const bool ended = i + 1 < revisions.size() && revisions[i + 1].installed_at + window <= start;
    if (!begun || ended) {
      if (first_ever && !begun) return {.currency = Currency::kBeforeLedger, .revision = {}};
      continue;
    }
    if (revisions[i].meaning == current.meaning) {
      read_current = true;
    } else {
      // Two candidates: older for certain, but which one is not.
      other = read_other ? std::nullopt : std::optional(revisions[i].number);
      read_other = true;
    }
  }
  if (forgotten && start < revisions.front().installed_at + window) {
    read_other = true;
    other.reset();
  }
  if (read_current && read_other) return {.currency = Currency::kRace, .revision = {}};
  if (read_other) return {.currency = Currency::kStale, .revision = other};
  return {.currency = Currency::kCurrent, .revision = current.number};
}

}  // namespace seccompd::audit
