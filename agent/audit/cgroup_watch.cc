// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/cgroup_watch.h"

#include <fcntl.h>

#include "common/base/strings.h"
#include "common/host/host_root.h"
#include "common/procfs/cgroup_path.h"
#include "common/procfs/runtime_init.h"

namespace seccompd::agent {
namespace {

constexpr std::size_t kMaxCommBytes = 64;

std::string_view FileName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The lists that somebody who moves a process writes to.
bool IsProcessList(std::string_view name) {
  return name == "cgroup.procs" || name == "cgroup.threads" || name == "tasks";
}

// A file of the controllers: a limit or a statistic. Directories of systemd have a dot, too.
bool IsKnob(std::string_view name) {
  return name.find('.') != std::string_view::npos && !name.ends_with(".slice") &&
         !name.ends_with(".scope") && !name.ends_with(".service");
}

}  // namespace

base::Result<std::unique_ptr<CgroupWatch>> CgroupWatch::Make(int proc_fd, int cgroup_fd) {
  TRY_ASSIGN(const procfs::CgroupTree walked, procfs::WalkCgroups(cgroup_fd));
  procfs::CgroupTree tree;
  tree.version = walked.version;
  tree.hierarchy = walked.hierarchy;
  std::unique_ptr<CgroupWatch> made(new CgroupWatch(proc_fd, cgroup_fd, std::move(tree)));
  const std::string& name = made->tree_.hierarchy;
  TRY_ASSIGN(made->root_,
             host::OpenBeneath(cgroup_fd, name.empty() ? "." : name, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(made->watch_, host::TreeWatch::Make(made->root_.get(), {}));
  return made;
}

void CgroupWatch::Take(const std::string& path, std::uint8_t bits, base::MonoTime now) {
  const std::string_view name = FileName(path);
  const bool list = IsProcessList(name);
  if (list || !IsKnob(name)) changed_ = true;
  const procfs::CgroupPlace place = procfs::ClassifyCgroup(path);
  if (place.kind != procfs::CgroupKind::kContainer) return;
  const std::string container(place.container_path);
  const bool itself = container == path;
  if (itself && (bits & host::kChangeRemoved) != 0) {
    newcomers_.Remove(container);
  } else if (list || (itself && (bits & host::kChangeTouched) != 0)) {
    newcomers_.Add(container, now);
  }
}

base::Result<void> CgroupWatch::Drain(base::MonoTime now) {
  TRY_ASSIGN(const host::TreeChanges changes, watch_->Drain());
  if (changes.overflow) changed_ = true;
  for (const auto& [path, bits] : changes.paths) Take(path, bits, now);
  return {};
}

bool CgroupWatch::Runs(const std::string& path) const {
  procfs::FoundContainer container;
  container.path = path;
  const auto found = procfs::ListAgain(cgroup_fd_, tree_, container);
  if (!found) return false;
  for (const pid_t pid : found->pids) {
    const auto comm = host::ReadFile(proc_fd_, std::to_string(pid) + "/comm", kMaxCommBytes);
    if (comm && !procfs::IsRuntimeInitName(base::TrimSpace(*comm))) return true;
  }
  return false;
}

bool CgroupWatch::Look(base::MonoTime now) {
  return newcomers_.Look(now, [this](const std::string& path) { return Runs(path); });
}

}  // namespace seccompd::agent
