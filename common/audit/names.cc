// SPDX-License-Identifier: Apache-2.0
// The spelling of every closed set of this folder: metric label values, JSON and text.
#include "common/audit/report.h"

namespace seccompd::audit {

std::string_view ProfileStateName(ProfileState state) {
  switch (state) {
    case ProfileState::kInstalled:
      return "installed";
    case ProfileState::kPending:
      return "pending";
    case ProfileState::kInvalid:
      return "invalid";
    case ProfileState::kForeign:
      return "foreign";
    case ProfileState::kContested:
      return "contested";
    case ProfileState::kOrphaned:
      return "orphaned";
  }
  return "installed";
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNotEnforced:
      return "not_enforced";
    case Verdict::kWeaker:
      return "weaker";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kStale:
      return "stale";
    case Verdict::kDiffers:
      return "differs";
    case Verdict::kUnconfined:
      return "unconfined";
    case Verdict::kStricter:
      return "stricter";
    case Verdict::kFiltered:
      return "filtered";
    case Verdict::kMatch:
      return "match";
    case Verdict::kNotApplicable:
      return "not_applicable";
  }
  return "unknown";
}

std::string_view ReasonName(Reason reason) {
  // In the order of the enumerators.
  constexpr std::array<std::string_view, 28> kNames = {
      "",
      "privileged",
      "thread",
      "strict-mode",
      "not-asked",
      "old-revision",
      "race",
      "before-ledger",
      "not-yet-named",
      "node-default",
      "bad-profile-type",
      "no-host-pid",
      "unread",
      "starting",
      "no-process",
      "no-pod",
      "not-found",
      "runtime-class",
      "inherited",
      "no-profile-text",
      "runtime-version",
      "undecided",
      "filter-pending",
      "filter-torn",
      "too-many-filters",
      "too-many-instructions",
      "filter-unreadable",
      "filter-limit",
  };
  return kNames.at(static_cast<std::size_t>(reason));
}

std::string_view EvidenceName(Evidence evidence) {
  return evidence == Evidence::kFilter ? "filter" : "status";
}

std::string_view LoadedModeName(LoadedMode mode) {
  switch (mode) {
    case LoadedMode::kUnseen:
      return "unseen";
    case LoadedMode::kNone:
      return "none";
    case LoadedMode::kStrict:
      return "strict";
    case LoadedMode::kFilter:
      return "filter";
  }
  return "unseen";
}

std::string_view FindingKindName(FindingKind kind) {
  switch (kind) {
    case FindingKind::kMissingProfile:
      return "missing_profile";
    case FindingKind::kInvalidProfile:
      return "invalid_profile";
    case FindingKind::kPendingProfile:
      return "pending_profile";
    case FindingKind::kExpiredExemption:
      return "expired_exemption";
  }
  return "missing_profile";
}

std::string_view NamingName(Naming naming) {
  switch (naming) {
    case Naming::kNamed:
      return "named";
    case Naming::kPause:
      return "pause";
    case Naming::kUnanimous:
      return "unanimous";
    case Naming::kNotYetNamed:
      return "not-yet-named";
    case Naming::kNoPod:
      return "no-pod";
    case Naming::kNotFound:
      return "not-found";
  }
  return "no-pod";
}

}  // namespace seccompd::audit
