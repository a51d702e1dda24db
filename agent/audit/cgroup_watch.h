// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/audit/newcomers.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/host/tree_watch.h"
#include "common/procfs/cgroup_tree.h"

namespace seccompd::agent {

// Notices by inotify that cgroups are made, removed or joined, so that new containers are judged at
// once and nobody walks an unchanged tree. Roots are borrowed.
class CgroupWatch {
 public:
  // Watches the hierarchy in which a walk finds containers. An error: no inotify is left, or there
  // is no cgroup tree; then every pass has to walk.
  [[nodiscard]] static base::Result<std::unique_ptr<CgroupWatch>> Make(int proc_fd, int cgroup_fd);

  // Readable: something happened, Drain() it.
  [[nodiscard]] int fd() const { return watch_->fd(); }
  [[nodiscard]] base::Result<void> Drain(base::MonoTime now);

  // When to Look() next.
  [[nodiscard]] std::optional<base::MonoTime> Due() const { return newcomers_.Due(); }
  // True: a new container runs its program, so a pass is due now.
  [[nodiscard]] bool Look(base::MonoTime now);

  // Has the tree changed since the last call? Always, where parts of it are not watched.
  [[nodiscard]] bool TakeChanged() { return std::exchange(changed_, false) || watch_->degraded(); }
  void Judged(const std::string& path) { newcomers_.Judged(path); }
  [[nodiscard]] std::uint64_t ended_unjudged() const { return newcomers_.ended_unjudged(); }

 private:
  CgroupWatch(int proc_fd, int cgroup_fd, procfs::CgroupTree tree)
      : proc_fd_(proc_fd), cgroup_fd_(cgroup_fd), tree_(std::move(tree)) {}
  void Take(const std::string& path, std::uint8_t bits, base::MonoTime now);
  [[nodiscard]] bool Runs(const std::string& path) const;

  int proc_fd_;
  int cgroup_fd_;
  procfs::CgroupTree tree_;  // version and hierarchy only
  base::UniqueFd root_;      // of the hierarchy; outlives the watch
  std::unique_ptr<host::TreeWatch> watch_;
  Newcomers newcomers_;
  bool changed_ = true;
};

}  // namespace seccompd::agent
