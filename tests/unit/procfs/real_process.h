// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"

namespace seccompd::procfs {

// A forked child that runs `body` and then waits for SIGKILL. Constructed, it has called ready() in
// the child. Ends with this object.
class RealProcess {
 public:
  // `body` gets a function that it calls when all is in place, unless it returns: then that counts.
  // A body that returns lets the child wait for its end.
  using Body = std::function<void(const std::function<void()>& ready)>;
  // `wanted_pid` != 0: exactly that pid, which must be free (clone3 with set_tid, needs root).
  explicit RealProcess(const Body& body, pid_t wanted_pid = 0);
  RealProcess(const RealProcess&) = delete;
  RealProcess& operator=(const RealProcess&) = delete;
  ~RealProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void KillAndReap();

 private:
  pid_t pid_ = -1;
};

// In the calling thread: no_new_privs and `count` filters that let everything through.
void LoadFilters(int count = 1);
// Ends the calling thread, not the process; of the leader it makes a zombie.
[[noreturn]] void ExitThread();
// A thread that runs `body` and then sleeps for ever; returns when `body` did.
void StartThread(const std::function<void()>& body);

// A directory of the test's own; all of it goes with the object.
class TempTree {
 public:
  TempTree();
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;
  ~TempTree();

  // Makes parents too. "dir/file" with its text.
  TempTree& File(const std::string& path, const std::string& text);
  TempTree& Directory(const std::string& path);
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] base::UniqueFd Open() const;

 private:
  std::string path_;
};

// A cgroup of the test's own in a real hierarchy, removed with everything below it. Declare it
// before the processes that live in it.
class RealCgroup {
 public:
  explicit RealCgroup(const std::string& hierarchy);
  RealCgroup(const RealCgroup&) = delete;
  RealCgroup& operator=(const RealCgroup&) = delete;
  ~RealCgroup();

  [[nodiscard]] bool valid() const { return !path_.empty(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] base::UniqueFd Open() const;
  // Makes `path` (all its segments) below the root.
  void Make(const std::string& path) const;
  void Write(const std::string& file, const std::string& text) const;
  void Move(pid_t pid, const std::string& path) const;

 private:
  std::string path_;
};

// Mount points of cgroup hierarchies in which this process may make cgroups: on any machine at
// least one, of each version where there are both.
std::vector<std::string> WritableHierarchies();

}  // namespace seccompd::procfs
