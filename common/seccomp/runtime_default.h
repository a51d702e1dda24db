// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/seccomp/node_facts.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// containerd's default profiles that differ from one another; releases inside one are identical.
enum class ContainerdDefault : std::uint8_t {
  k1_6_28,  // 1.6.28 - 1.6.39
  k1_7_3,   // 1.7.3 - 1.7.12
  k1_7_13,  // 1.7.13 - 1.7.31
  k1_7_32,  // 1.7.32 - 1.7.34
  k2_0_0,   // 2.0.0 - 2.0.8 and, but for loong64, 2.1
  k2_0_9,   // 2.0.9 - 2.0.11
  k2_2_0,   // 2.2.0 - 2.2.3 and 2.3.0
  k2_2_4,   // 2.2.4 on, 2.3.1 on
};
std::span<const ContainerdDefault> AllContainerdDefaults();
std::string_view DisplayName(ContainerdDefault version);  // "containerd 1.7.13-1.7.31"

// "1.7.24", "v2.0.3", "1.7" (its newest known release), each with or without "containerd-",
// "containerd://"; a distribution's suffix ("1.6.20~ds1", "1.7.24-gke.1") is ignored. nullopt
// outside the known ranges: an unknown version is never guessed.
std::optional<ContainerdDefault> ContainerdDefaultOf(std::string_view version);

// The profile that containerd builds for RuntimeDefault: `capabilities` is the bounding set in the
// order of process.capabilities.bounding, `node` its architecture and kernel (unknown kernel: every
// minimum holds). Source of truth: contrib/seccomp/seccomp_default.go, DefaultProfile.
Profile ContainerdDefaultProfile(ContainerdDefault version, const NodeFacts& node,
                                 std::span<const std::string_view> capabilities);

}  // namespace seccompd::seccomp
