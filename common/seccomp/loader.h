// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/node_facts.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::seccomp {

struct Release {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t patch = 0;

  auto operator<=>(const Release&) const = default;  // NOLINT(modernize-use-nullptr): no pointer
};

// What will load a profile, as far as it is known: parts that are absent are not judged.
struct LoaderFacts {
  std::string container_runtime{};  // "containerd-1.7", "crio-1.32": whose RuntimeDefault it is
  std::optional<Release> runc{};
  std::optional<Release> crun{};
  std::optional<Release> libseccomp{};  // of runc or crun

  bool operator==(const LoaderFacts&) const = default;
};

// Adds "runc-1.1.12", "crun-1.8", "libseccomp-2.5.4", "containerd-1.7.13" or "crio-1.32".
// kInvalidArgument: none of these, a release that is not understood, or the second of a kind.
[[nodiscard]] base::Result<void> AddLoader(std::string_view text, LoaderFacts* loader);

// What this loader and the node's kernel make of a profile that is valid in itself: what they
// refuse, where they build another filter, which calls they do not know.
[[nodiscard]] std::vector<Diagnostic> DiagnoseLoader(const Profile& profile,
                                                     const SyscallTable& table,
                                                     const NodeFacts& node,
                                                     const LoaderFacts& loader);

}  // namespace seccompd::seccomp
