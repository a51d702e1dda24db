// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace seccompd::procfs {

// Seccomp state of one thread (proc(5), /proc/<pid>/status).
struct SeccompState {
  int mode = 0;  // 0 disabled, 1 strict, 2 filter; the kernel's 3 (dead) is read as 2
  std::optional<int> filters = {};  // Seccomp_filters, Linux 5.9+
  bool no_new_privs = false;

  bool operator==(const SeccompState&) const = default;
};

// One process. Identity is (pid, start_ticks): a pid alone may be reused.
struct Process {
  pid_t pid = 0;
  pid_t ppid = 0;
  std::uint64_t start_ticks = 0;  // since boot, field 22 of /proc/<pid>/stat
  char state = '?';               // of the leader: 'Z' when the main thread has exited
  std::string comm;               // chosen by the workload: print escaped
  SeccompState seccomp;           // of the leader, or of `judged_tid` where the leader is a zombie
  pid_t judged_tid = 0;           // the thread `seccomp` was read from
  bool live = true;  // false: zombie with no live thread; if `threads_complete`, nothing to judge
  std::vector<SeccompState> other_threads =
      {};  // distinct states of threads that differ from `seccomp`
  bool threads_complete =
      true;  // false: a thread could not be read, so "all filtered" is not proven
  std::uint32_t live_threads = 0;  // 0: not counted

  bool operator==(const Process&) const = default;
};

// A container as its cgroup path names it; exact segments, never substrings.
struct ContainerRef {
  std::string pod_uid;       // with dashes; "" for a container outside a pod
  std::string container_id;  // 64 hex digits, or the runtime's own name
  std::string runtime;  // "containerd", "crio", "docker", "libpod", "" when the name has no prefix

  auto operator<=>(const ContainerRef&) const = default;
};

struct Container {
  ContainerRef ref;
  std::string cgroup_path;         // relative to the cgroup root, for people
  std::uint64_t cgroup_id = 0;     // inode of the v2 directory; 0 on v1
  std::vector<Process> processes;  // of it and of every cgroup below, by pid
  // Processes that are in the cgroup but cannot be seen (no host pid namespace, hidepid) or were
  // beyond a limit: with any of them the container is not fully judged.
  std::uint32_t unseen_processes = 0;

  bool operator==(const Container&) const = default;
};

}  // namespace seccompd::procfs
