// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::seccomp {

// One system call as a seccomp filter sees it (struct seccomp_data without the instruction
// pointer).
struct Call {
  std::uint32_t audit_arch = 0;
  std::uint32_t nr = 0;
  std::array<std::uint64_t, 6> args{};
};

// Why the filter that a runtime builds decides otherwise than the profile reads. libseccomp 2.5
// behaviour, each a documented or observed rule of its own (seccomp_rule_add(3); src/db.c,
// arch-x86.c).
enum class Deviation : std::uint8_t {
  kForeignArch,     // an architecture that is not listed is killed, whatever the default
  kRepeatedIndex,   // a repeated argument index turns the rule's AND into OR
  kSwallowed,       // an unconditional rule removes the syscall's conditional ones
  kOverlap,         // several conditional rules match: the tree's order decides, not the file's
  kTruncated,       // a 32-bit architecture compares the low 32 bits of each value
  kMultiplexed,     // i386 socketcall(2) and ipc(2): the conditions speak of other arguments
  kEqualToDefault,  // a rule with the default's action is skipped, so it protects nothing
};

struct Meaning {
  Action plain;                // the profile's text: the first rule that matches, else the default
  std::vector<Action> loaded;  // what the filter does; more than one where the tree's order decides
  std::vector<Deviation> deviations;  // in force for this call, even where plain and loaded agree

  bool operator==(const Meaning&) const = default;
};

// What `profile`, loaded by runc or crun on `native`, decides for one call: worked out from the
// rules alone. Shares no code with the compiler or the decision diagrams and does not link
// libseccomp, so that each can be checked against the other. runc's ENOSYS region is not part of
// it.
Meaning MeaningOf(const Profile& profile, const SyscallTable& table, Arch native, const Call& call);

}  // namespace seccompd::seccomp
