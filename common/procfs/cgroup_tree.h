// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/procfs/container.h"

namespace seccompd::procfs {

enum class CgroupVersion { kV1, kV2 };

struct CgroupTreeOptions {
  int max_depth = 32;                         // segments below the root
  std::size_t max_cgroups = 65'536;           // in all
  std::size_t max_cgroups_per_owner = 1'024;  // within one container, .service or .scope
  std::size_t max_pids = 262'144;             // in all
};

// One container cgroup and the pids of it and everything below it.
struct FoundContainer {
  ContainerRef ref;
  std::string path;             // relative to the hierarchy's root, no leading '/'
  std::uint64_t cgroup_id = 0;  // v2: inode of the directory; v1: 0
  std::vector<pid_t> pids;      // ascending, each once
  // v2, only if the container's own cgroup is threaded, where the kernel names no processes: ids of
  // threads, of which the scanner finds the processes.
  std::vector<pid_t> thread_ids;
  std::uint32_t unseen_processes = 0;  // shown as pid 0 (another pid namespace) or beyond a limit
  std::chrono::nanoseconds listed_at{0};  // CLOCK_BOOTTIME just before the first list was read

  bool operator==(const FoundContainer&) const = default;
};

struct CgroupTree {
  CgroupVersion version = CgroupVersion::kV2;
  std::string hierarchy;  // directory below the cgroup root that was walked: "", "pids", "unified"
  std::vector<FoundContainer> containers;  // by path; those without a process too
  // Cgroups directly below a pod that hold processes but are no container we know; at most 32.
  std::vector<std::string> unrecognised;
  bool host_root = true;   // false: not the host's root (cgroup namespace): some may be missing
  bool truncated = false;  // a limit was hit outside containers: some may be missing
  std::uint32_t pids_of_other_namespaces = 0;  // pid 0 entries: no view of the host's pids
  std::size_t cgroups = 0;                     // directories visited
  std::size_t files_read = 0;                  // lists (cgroup.procs, cgroup.threads) read
};

// Walks the cgroup file system whose root directory is `cgroup_fd` (borrowed; the host's
// /sys/fs/cgroup or one hierarchy of it). Relative openat with O_NOFOLLOW only; nothing is written.
//   v2      the root holds cgroup.controllers.
//   one v1  the root holds cgroup.procs.
//   v1 or hybrid  the root holds hierarchies: the first of pids, memory, "cpu,cpuacct", cpuacct,
//   cpu,
//           devices, freezer, systemd, unified in which a container with a process is found.
//           Runtimes join all of them, so one is enough; a hierarchy may be missing or switched
//           off.
// Cgroups that vanish meanwhile are no error. kNotFound: no cgroup file system there.
[[nodiscard]] base::Result<CgroupTree> WalkCgroups(int cgroup_fd,
                                                   const CgroupTreeOptions& options = {});

// The lists of one container read again; without a pid if it is gone. Only the root directory and
// what `tree` and `container` name are used.
[[nodiscard]] base::Result<FoundContainer> ListAgain(int cgroup_fd, const CgroupTree& tree,
                                                     const FoundContainer& container,
                                                     const CgroupTreeOptions& options = {});

}  // namespace seccompd::procfs
