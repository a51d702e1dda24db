// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/seccomp/node_facts.h"
#include "common/seccomp/profile.h"

namespace seccompd::seccomp {

// CRI-O's default profiles that are known here: containers/common's profile, changed by CRI-O's own
// rule on calls that make namespaces. Releases between them mix older lists with that rule and are
// not known.
enum class CrioDefault : std::uint8_t {
  k1_26,  // 1.26, 1.27: containers/common 0.50, unshare needs CAP_SYS_ADMIN (cri-o#5788)
  k1_32,  // 1.32 - 1.34: its last releases; clone and clone3 are restricted, too (cri-o#8514)
  k1_36,  // 1.36 on: container-libs of 2026, AF_VSOCK is refused
};
std::span<const CrioDefault> AllCrioDefaults();
std::string_view DisplayName(CrioDefault version);  // "CRI-O 1.32-1.34"

// "crio-1.32", "cri-o://1.33.4", "cri-o-1.26.0+git"; nullopt outside the known ranges.
std::optional<CrioDefault> CrioDefaultOf(std::string_view version);
// Does the text name CRI-O, of whatever release?
bool NamesCrio(std::string_view version);

// The capabilities CRI-O gives a container that asks for nothing (internal/config/capabilities).
std::span<const std::string_view> CrioCapabilities();

// The profile that CRI-O builds for RuntimeDefault, resolved for the node's architecture and the
// bounding set. Source of truth: internal/config/seccomp/seccomp.go, DefaultProfile.
Profile CrioDefaultProfile(CrioDefault version, Arch arch,
                           std::span<const std::string_view> capabilities);

}  // namespace seccompd::seccomp
