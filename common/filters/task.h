// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string_view>

namespace seccompd::filters {

// One thread for its whole life, until it executes another program. start_ns is CLOCK_BOOTTIME in
// the host's time namespace; exec_id tells apart a thread that took its leader's pid and start time
// over by execve(2).
struct TaskId {
  pid_t pid = 0;  // of the thread, as gettid(2) and /proc/<pid>/task/<tid> say
  std::uint64_t start_ns = 0;
  std::uint64_t exec_id = 0;

  auto operator<=>(const TaskId&) const = default;  // NOLINT(modernize-use-nullptr): no pointer
};

// One thread as the kernel's task iterator shows it. Pids are those of the reader's pid namespace.
struct Task {
  TaskId id;
  pid_t tgid = 0;
  pid_t ppid = 0;                     // 0: none in the reader's pid namespace
  std::uint64_t leader_start_ns = 0;  // with tgid: the identity of the process
  std::uint64_t filter = 0;  // opaque identity of the newest filter, 0 none; reused by the kernel
  std::uint64_t cgroup_id = 0;  // inode of its directory in the v2 hierarchy
  std::uint32_t filter_count = 0;
  std::uint8_t mode = 0;  // 0 disabled, 1 strict, 2 filter (proc(5) Seccomp)
  bool no_new_privs = false;
  bool kernel_thread = false;
  bool exiting = false;  // on its way out, or a zombie: since Linux 6.11 it holds no filter then
  bool zombie = false;   // exit_state is not 0
  std::array<char, 16> comm{};  // chosen by the workload: print escaped

  [[nodiscard]] bool IsLeader() const { return id.pid == tgid; }
  [[nodiscard]] std::string_view Comm() const;
  bool operator==(const Task&) const = default;
};

// Field 22 of /proc/<pid>/stat; USER_HZ is 100 wherever Kubernetes runs (sysconf(_SC_CLK_TCK)).
constexpr std::uint64_t StartTicks(std::uint64_t start_ns, std::uint64_t ticks_per_second = 100) {
  return start_ns / (1'000'000'000 / ticks_per_second);
}

// The thread a process is judged by: its leader, or its first live thread where the leader has
// exited; nullptr where no live thread is left. `tasks` as FilterReader::Scan gives them.
const Task* JudgedThread(std::span<const Task> tasks, pid_t tgid);

}  // namespace seccompd::filters
