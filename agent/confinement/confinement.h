// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/confinement/own_profile.h"
#include "common/base/result.h"

namespace seccompd::agent {

// How the agent treats a system call of its own that it does not need: `off` is for debugging,
// `kill` for tests, which must notice.
enum class ConfinementMode : std::uint8_t { kOff, kOn, kKill };

struct ConfinementPlan {
  ConfinementMode mode = ConfinementMode::kOn;
  Role role = Role::kAgent;
  bool keep_bpf = false;  // CAP_BPF and CAP_PERFMON stay: Linux before 5.19
  // Directories below which files may be made, borrowed. The rule holds for the directory that is
  // open here: one that is made anew at the same path later is not covered.
  std::vector<int> writable{};
};

// What the process is left with, for logs, `status` and the audit report.
struct Confinement {
  bool filter = false;             // its own seccomp filter is loaded
  int landlock_abi = 0;            // 0: the kernel has no Landlock
  bool signals_scoped = false;     // Landlock keeps signals inside the process, too
  std::uint64_t capabilities = 0;  // permitted
  std::uint64_t bounding = 0;      // could not be emptied without CAP_SETPCAP; harmless then

  bool operator==(const Confinement&) const = default;
};

// Gives up everything that the plan does not keep, for good and for all threads: no_new_privs, not
// dumpable, Landlock (landlock(7)), the capability sets (capabilities(7)), then the own filter
// (seccomp(2)). Call it once, when everything that needs a privilege is open and no second thread
// runs. kUnavailable: the kernel refuses a step that is not optional (only Landlock is).
[[nodiscard]] base::Result<Confinement> Confine(const ConfinementPlan& plan);

// The Landlock ABI that this kernel offers now; 0: none, or something refuses to tell.
[[nodiscard]] int KernelLandlockAbi();

// "off", "on" or "kill".
[[nodiscard]] std::string_view ConfinementModeName(ConfinementMode mode);

// "caps none, own filter, Landlock 7 with signals": for people.
[[nodiscard]] std::string Describe(const Confinement& confinement);

// "CAP_BPF,CAP_PERFMON", "none"; a bit without a name is its number.
[[nodiscard]] std::string CapabilityNames(std::uint64_t set);

// "on", "off" or "kill" (--confinement).
[[nodiscard]] base::Result<ConfinementMode> ParseConfinementMode(std::string_view value);

}  // namespace seccompd::agent
