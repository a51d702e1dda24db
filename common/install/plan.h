// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/time.h"
#include "common/install/ledger.h"
#include "common/install/prepare.h"

namespace seccompd::install {

// What stands at one path, as looked at just now.
struct DiskState {
  enum class Kind : std::uint8_t {
    kAbsent,
    kRegular,
    kSymlink,
    kDirectory,
    kOther,       // fifo, socket, device
    kBlocked,     // a level above is a symlink or no directory: `note` names it
    kUnreadable,  // could not be looked at: `note` says why; never taken for drift
  };
  Kind kind = Kind::kAbsent;
  base::Digest digest{};  // kRegular; zero for a file too large to be a profile
  mode_t mode = 0;        // permission bits
  std::uint64_t size = 0;
  std::uint64_t links = 0;
  FileIdentity file{};
  bool same_meaning = false;     // kRegular: compiles to what is desired here
  std::string blocked_at{};      // kBlocked: that level
  bool blocked_by_link = false;  // kBlocked: it is a symlink
  std::string note{};

  bool operator==(const DiskState&) const = default;
};
using DiskStates = std::map<std::string, DiskState, std::less<>>;

// What pods on this node refer to: specs and live containers both, as NormalizeReference gives it.
struct References {
  bool known = false;  // false: no working pod source, nothing is removed
  std::set<std::string, std::less<>> paths;
};

enum class DriftKind : std::uint8_t { kContent, kMode, kMissing, kSymlink };
inline constexpr std::size_t kDriftKinds = 4;
[[nodiscard]] std::string_view DriftKindName(DriftKind kind);  // "content", "mode", ...

enum class StepKind : std::uint8_t {
  kComplete,        // an announced file is in place: say so in the ledger
  kCancel,          // announced, but something foreign stands there now
  kRelease,         // ours no more, nothing to delete
  kClaim,           // desired again, or by another owner
  kOrphan,          // desired no more
  kAdopt,           // foreign, same bytes (or meaning): ours from now on
  kInstall,         // nothing there yet
  kReplaceForeign,  // seccompd.io/adopt: replace: the old bytes are kept first
  kUpdate,
  kRepair,
  kRemove,
};
[[nodiscard]] std::string_view StepKindName(StepKind kind);  // "install", "repair", ...

struct Step {
  StepKind kind = StepKind::kInstall;
  std::string path{};
  std::optional<DriftKind> drift{};    // kRepair, and kUpdate over a file that had drifted
  std::optional<Revision> revision{};  // what is to be in force after it, where that is known
  bool desired_bytes = true;           // false: from the ledger's last good copy

  bool operator==(const Step&) const = default;
};

enum class ProfileState : std::uint8_t {
  kInstalled,
  kPending,    // wanted, not in place yet: the note says why
  kInvalid,    // the source's text is refused; `revision` says what stays in force
  kForeign,    // something of another tool stands there
  kShadowed,   // another claim has the path
  kOrphaned,   // wanted no more, kept for the grace or because pods refer to it
  kContested,  // repaired too often: repairing stopped
};
inline constexpr std::size_t kProfileStates = 7;
[[nodiscard]] std::string_view ProfileStateName(ProfileState state);

// One row of `status` and of the metrics.
struct ProfileRow {
  std::string path{};
  ProfileState state = ProfileState::kPending;
  std::uint32_t revision = 0;             // in force; 0: none
  base::Digest digest{};                  // in force
  std::optional<base::WallTime> since{};  // installed, or orphaned
  bool used = false;                      // some pod refers to it
  std::string origin{};
  std::string note{};

  bool operator==(const ProfileRow&) const = default;
};

struct PlanOptions {
  std::chrono::milliseconds delete_grace = std::chrono::hours(168);
  int contested_after = 5;  // repairs of one path within an hour; 0: never contested
  std::string build{};      // of this agent: what it calls a meaning may differ from another's
};

struct PlanInput {
  const Desired& desired;
  const LedgerState& ledger;
  const DiskStates& disk;  // of every path that is desired or owned
  const References& references;
  const std::map<std::string, int, std::less<>>& recent_repairs;  // within the last hour
  base::Moment now;
  PlanOptions options;
};

struct Plan {
  std::vector<Step> steps;  // in the order in which they are to be done
  std::vector<ProfileRow> rows;
  std::size_t held_removals = 0;  // orphanings held until Desired::removal_confirmed
  std::map<std::string, DriftKind, std::less<>> drift;  // seen now, repaired by a step or not
  std::optional<base::WallTime> next_due;               // when time alone will change this plan
};

[[nodiscard]] Plan MakePlan(const PlanInput& input);

// All that was live goes, or at least five and more than half: rather a broken source than a wish.
[[nodiscard]] bool IsMassRemoval(std::size_t live, std::size_t missing);

}  // namespace seccompd::install
