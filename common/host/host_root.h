// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace seccompd::host {

// The world as directory descriptors, opened once: what a path means later cannot change under us.
// An unset member (-1) is a root that this run does not use.
struct HostRoot {
  base::UniqueFd proc;
  base::UniqueFd cgroup;
  base::UniqueFd seccomp;
};

struct HostPaths {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
  std::string seccomp;  // empty: not opened
};

// Opens what is named; the error says which directory is missing and which flag names it.
[[nodiscard]] base::Result<HostRoot> OpenHostRoot(const HostPaths& paths);

// O_RDONLY|O_DIRECTORY|O_CLOEXEC. The path is an operator's: symlinks in it are followed.
[[nodiscard]] base::Result<base::UniqueFd> OpenDirectory(const std::string& path);

// openat2(2) with RESOLVE_BENEATH: symlinks are followed as long as they stay below `dirfd` (a
// mounted ConfigMap is made of them). O_CLOEXEC and O_NOCTTY are added.
[[nodiscard]] base::Result<base::UniqueFd> OpenBeneath(int dirfd, const std::string& path,
                                                       int flags);

// The whole file below `dirfd`, at most `max_bytes`; a longer one is kResourceExhausted, never cut.
// Opened O_NONBLOCK|O_NOCTTY; only regular files (procfs ones too) are read, so no fifo can hang
// us.
[[nodiscard]] base::Result<std::string> ReadFile(int dirfd, const std::string& path,
                                                 std::size_t max_bytes);
[[nodiscard]] base::Result<std::string> ReadFile(const base::UniqueFd& file,
                                                 const std::string& name, std::size_t max_bytes);

}  // namespace seccompd::host
