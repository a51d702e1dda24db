// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/procfs/boot_clock.h"
#include "common/procfs/cgroup_tree.h"
#include "common/procfs/container.h"
#include "common/procfs/proc_reader.h"

namespace seccompd::procfs {

struct ScanOptions {
  CgroupTreeOptions tree;
  ReadOptions read;
};

struct ScanCounters {
  std::size_t processes = 0;   // read, in containers
  std::size_t vanished = 0;    // listed, then gone, or the pid had become another process's
  std::size_t unseen = 0;      // in a container, yet not readable: hidepid, another pid namespace
  std::size_t threads = 0;     // whose status was read besides the leader's
  std::size_t files_read = 0;  // status, stat and the cgroup lists of the walk
  std::array<std::size_t, 3> modes{};  // by SeccompState::mode, live processes

  bool operator==(const ScanCounters&) const = default;
};

struct ScanResult {
  std::vector<Container> containers;  // by path; a container without a process is listed, too
  ScanCounters counters;
  BootClock clock;  // as the pass began
  CgroupVersion version = CgroupVersion::kV2;
  std::string hierarchy;  // see CgroupTree
  std::vector<std::string> unrecognised;
  bool host_cgroup_root = true;
  bool truncated = false;  // a limit was hit: containers may be missing
  // Processes shown as pid 0: this agent is not in the host's pid namespace.
  std::uint32_t pids_of_other_namespaces = 0;
};

// Finds all containers and reads their processes: no capability, no process disturbed,
// world-readable files only. ReadContainer (container_reader.h) says how a reused pid is told;
// ProcReader which threads are read. Keeps its buffer and FilteredProcesses from pass to pass.
// Whole passes by Scan(), or in steps so that an event loop can breathe: Begin(), Step() until it
// says false, Finish().
class Scanner {
 public:
  // Borrowed for the scanner's life: `proc_fd` (proc file system), `cgroup_fd` (see WalkCgroups).
  Scanner(int proc_fd, int cgroup_fd, ScanOptions options = {});

  [[nodiscard]] base::Result<ScanResult> Scan();

  [[nodiscard]] base::Result<void> Begin();
  // Reads whole containers until at least `processes` processes were read; false: none is left.
  bool Step(std::size_t processes);
  // Whatever was not read by then is missing from the result.
  [[nodiscard]] ScanResult Finish();

 private:
  int proc_fd_;
  int cgroup_fd_;
  ScanOptions options_;
  ProcReader reader_;
  CgroupTree tree_;       // of the pass under way
  std::size_t next_ = 0;  // container of tree_ to read next
  std::size_t files_before_ = 0;
  std::size_t threads_before_ = 0;
  ScanResult result_;
};

// One pass with a scanner of its own.
[[nodiscard]] base::Result<ScanResult> Scan(int proc_fd, int cgroup_fd,
                                            const ScanOptions& options = {});

}  // namespace seccompd::procfs
