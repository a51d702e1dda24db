// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/audit/installed.h"

namespace seccompd::audit {

enum class Currency : std::uint8_t {
  kCurrent,       // read the revision in force, or one of the same meaning
  kStale,         // read an older revision
  kRace,          // started too near to an install to tell which
  kBeforeLedger,  // older than the first file that the ledger knows at this path
  kUntracked,     // no revisions: foreign, or nothing there
};

struct RevisionRead {
  Currency currency = Currency::kUntracked;
  std::optional<std::uint32_t> revision;  // the one that was read, where it is still known

  bool operator==(const RevisionRead&) const = default;
};

// Which revision did a container read that started at `start`? The runtime reads the file once,
// when it creates the container, at most a few seconds before its first process starts; both clocks
// may be off a little. So revisions whose installs lie within `window` of the start are all
// possible. Before the very first one there was no file of ours: a container that could start found
// that first one, or, if it is older than the window, another tool's.
RevisionRead WhichRevision(const InstalledProfile& profile, base::WallTime start,
                           std::chrono::milliseconds window);

}  // namespace seccompd::audit
