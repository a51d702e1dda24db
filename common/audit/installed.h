// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/time.h"

namespace seccompd::audit {

// What stands at a path of the seccomp root, as the agent's ledger tells it.
enum class ProfileState : std::uint8_t {
  kInstalled,  // ours and as desired
  kPending,    // desired, not on disk yet
  kInvalid,    // the newest update was refused; the last good revision, if any, is in force
  kForeign,    // another tool's file; its content is not ours to vouch for
  kContested,  // ours, but something keeps overwriting it
  kOrphaned,   // ours, no longer desired, waiting for its grace
};
std::string_view ProfileStateName(ProfileState state);

struct Revision {
  std::uint32_t number = 0;  // from 1, never reused
  base::Digest digest;       // of the canonical rendering on disk
  base::Digest
      meaning;  // of what it decides: two revisions with one meaning are one to a container
  base::WallTime installed_at;

  bool operator==(const Revision&) const = default;
};

struct InstalledProfile {
  ProfileState state = ProfileState::kInstalled;
  bool on_disk = true;  // a pod that starts now finds a file
  std::vector<Revision>
      revisions;  // oldest kept first, the last is in force; none for a foreign file

  bool operator==(const InstalledProfile&) const = default;
};

// Profiles by path below the seccomp root ("web/api.json"). `available` is false where the root or
// its ledger could not be read: then nothing is known, rather than nothing being installed.
struct InstalledView {
  bool available = false;
  std::map<std::string, InstalledProfile, std::less<>> profiles;

  bool operator==(const InstalledView&) const = default;
};

}  // namespace seccompd::audit
