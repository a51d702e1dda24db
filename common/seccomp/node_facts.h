// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/seccomp/arch.h"

namespace seccompd::seccomp {

// Facts of the node that will load the profile, and of the container that will run under it, as a
// value.
struct NodeFacts {
  Arch arch = NativeArch();
  std::uint32_t kernel_major = 0;  // 0: unknown, every kernel condition is taken as true
  std::uint32_t kernel_minor = 0;
  // The container's bounding set, "CAP_SYS_ADMIN"; absent: what containerd gives by default.
  std::optional<std::vector<std::string>> capabilities{};

  [[nodiscard]] bool KernelAtLeast(std::uint32_t major, std::uint32_t minor) const;
  // In the order of process.capabilities.bounding.
  [[nodiscard]] std::vector<std::string_view> Capabilities() const;
};

// The capabilities containerd gives a container that asks for nothing, in its order.
std::span<const std::string_view> DefaultCapabilities();

// Is this one of Linux's capabilities, spelt as OCI does ("CAP_SYS_ADMIN")?
bool IsCapability(std::string_view name);
// All of them, in the kernel's order (include/uapi/linux/capability.h).
std::span<const std::string_view> AllCapabilities();

// "CAP_SYS_ADMIN, net_raw", "ALL" or "NONE" as the annotation seccompd.io/capabilities and
// --capabilities take them, in the kernel's order; or the word that is no capability.
struct CapabilityList {
  std::vector<std::string> names;
  std::string unknown;  // "": all words are known
};
CapabilityList ParseCapabilities(std::string_view text);

}  // namespace seccompd::seccomp
