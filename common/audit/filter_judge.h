// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/audit/loaded.h"
#include "common/audit/loaded_meaning.h"
#include "common/audit/verdict.h"

namespace seccompd::audit {

// One profile that a container may have been started with.
struct Candidate {
  base::Digest key;  // identifies the profile's bytes
  std::optional<std::uint32_t> revision;
  std::string name;  // "r4", "containerd 1.7.13-1.7.31", "its bundle"
  std::function<base::Result<seccomp::Profile>()> make;
  std::function<std::string()> text = {};  // as its author wrote it; may be empty
};

// What a container's filter is compared with.
struct Expected {
  // The first is what is asked for now. kRevisions: the others are earlier ones, newest first, of
  // which a container may still run one. kAny: it is not known which of them was asked for.
  enum class Kind { kRevisions, kAny };
  Kind kind = Kind::kRevisions;
  std::vector<Candidate> candidates;
  Reason none = Reason::kNoProfileText;  // why there is no candidate
};

// Judges what a process has loaded by meaning: the worst of its threads. The filter that the
// runtime loaded is the oldest one above those that the runtime itself runs under; later ones are
// the workload's own and can only refuse more.
FilterFinding JudgeLoaded(const LoadedProcess& process, const Expected& expected,
                          Meanings& meanings);

}  // namespace seccompd::audit
