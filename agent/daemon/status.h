// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"
#include "agent/confinement/confinement.h"
#include "agent/node_state.h"
#include "common/audit/verdict.h"
#include "common/base/time.h"
#include "common/install/plan.h"

namespace seccompd::agent {

inline constexpr std::string_view kStatusSchema = "seccompd.io/status/v1";

struct StatusProfile {
  std::string path;
  install::ProfileState state = install::ProfileState::kPending;
  std::uint32_t revision = 0;  // in force; 0: none
  std::string digest;          // of its bytes, "" without one
  std::optional<base::WallTime> since;
  std::string origin;
  std::string note;
  std::size_t used = 0;  // containers that ask for it, running or not yet started
  // Running containers that have another revision loaded.
  std::map<std::uint32_t, std::size_t> older;
};

// One source of profiles or pods, or one watch of it.
struct StatusSource {
  std::string name;
  std::string state;                              // "ok", "problem", what a watch says of itself
  std::optional<std::chrono::milliseconds> idle;  // since its last byte
  std::string problem;
};

// What `seccompd status` shows: a plain value, of which text and JSON are made.
struct AgentStatus {
  std::string version;
  std::string node;
  base::WallTime now;
  base::WallTime started;
  std::string evidence;
  std::string confinement_mode;
  Confinement confinement;
  std::string seccomp_root;
  std::string source;
  std::string pods;
  bool ready = false;
  std::string problem;  // why nothing can be installed or audited, "" if all is well
  std::vector<StatusSource> sources;
  std::vector<StatusProfile> profiles;  // by path
  std::array<std::uint64_t, install::kDriftKinds> drift{};
  std::optional<DriftSeen> last_drift;
  std::size_t held_removals = 0;
  std::optional<base::WallTime> last_audit;
  std::size_t containers = 0;
  std::size_t unjudged = 0;
  std::size_t findings = 0;
  std::array<std::size_t, audit::kVerdicts.size()> verdicts{};

  // Something that a person has to look at: exit code 1 of `seccompd status`.
  [[nodiscard]] bool HasProblem() const;
};

struct StatusTimes {
  base::WallTime now;
  base::MonoTime mono_now;
  base::WallTime started;
};
[[nodiscard]] AgentStatus MakeStatus(const NodeState& state, const RunConfig& config,
                                     std::string version, const StatusTimes& times);

// One line of JSON; members are never removed or renamed within a schema version.
[[nodiscard]] std::string RenderStatusJson(const AgentStatus& status);
// For people; names are escaped.
[[nodiscard]] std::string RenderStatusText(const AgentStatus& status, bool colour);

}  // namespace seccompd::agent
