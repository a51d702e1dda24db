// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/seccomp/crio_default.h"
#include "common/seccomp/node_facts.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/runtime_default.h"

namespace seccompd::seccomp {

// The RuntimeDefault of some releases of a container runtime, of whichever runtimes are known.
using KnownDefault = std::variant<ContainerdDefault, CrioDefault>;

// Oldest first; containerd's before CRI-O's.
std::vector<KnownDefault> KnownDefaults();
// "containerd-1.7", "1.7.13", "crio-1.32", "cri-o://1.33.1"; nullopt: not known, never guessed.
std::optional<KnownDefault> KnownDefaultOf(std::string_view version);
// Those that a runtime may have which is only named: all of CRI-O's for "cri-o://1.30", all of
// containerd's for "containerd://9.9", every one for "".
std::vector<KnownDefault> DefaultsOfRuntime(std::string_view runtime);

std::string_view DisplayName(const KnownDefault& known);
// "containerd 1.6.28-1.6.39, ..., CRI-O 1.36+", for a message.
std::string KnownDefaultNames();

// What a container gets that asks for no capability.
std::span<const std::string_view> CapabilitiesBy(const KnownDefault& known);
// The profile as that runtime builds it for these capabilities.
Profile ProfileOf(const KnownDefault& known, const NodeFacts& node,
                  std::span<const std::string_view> capabilities);
// The same for `node.capabilities`, or for the runtime's own set where those are absent.
Profile ProfileOf(const KnownDefault& known, const NodeFacts& node);

}  // namespace seccompd::seccomp
