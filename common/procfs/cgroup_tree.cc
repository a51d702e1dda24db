// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "common/procfs/cgroup_path.h"
#include "common/procfs/clock_reader.h"
#include "common/procfs/text_reader.h"

namespace seccompd::procfs {
namespace {

constexpr std::array<const char*, 9> kHierarchies = {
    "pids", "memory", "cpu,cpuacct", "cpuacct", "cpu", "devices", "freezer", "systemd", "unified"};
constexpr std::size_t kMaxUnrecognised = 32;
constexpr nlink_t kLinksWithoutSubdirectory = 2;  // kernfs counts each subdirectory as a link

bool Exists(int dir_fd, const char* name) {
  return ::faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool IsHierarchy(int fd) { return Exists(fd, "cgroup.procs"); }
bool IsV2(int fd) { return Exists(fd, "cgroup.controllers"); }

// Only below the root of a v2 tree has cgroup.type; only the root of a v1 tree has release_agent.
bool IsHostRoot(int fd) {
  return IsV2(fd) ? !Exists(fd, "cgroup.type") : Exists(fd, "release_agent");
}

// The cgroup went away: the directory (ENOENT) or what an open file in it stood for (ENODEV).
bool Vanished(const base::Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == ENODEV;
}

bool IsUnit(std::string_view name) {
  return name.ends_with(".service") || name.ends_with(".scope");
}

// Who may have made the cgroups we are in: the system, a unit (only `budget`), or a container.
struct Owner {
  FoundContainer* container = nullptr;
  std::size_t* budget = nullptr;
  bool threaded = false;  // v2: the container's own cgroup is threaded, so all below it are
};

class Walker {
 public:
  Walker(const CgroupTreeOptions& options, CgroupTree& tree) : options_(options), tree_(tree) {}
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;
  ~Walker() { tree_.files_read += text_.FilesRead(); }

  void Walk(int root_fd) { Descend(root_fd, Owner{}); }

  // The lists of `container`, whose own directory is `fd`, and of all below.
  void Collect(int fd, FoundContainer& container) {
    std::size_t budget = options_.max_cgroups_per_owner;
    container.listed_at = ReadBootClock().now;
    const bool threaded = !ListProcesses(fd, container);
    if (threaded) ListThreads(fd, container);
    Descend(fd, Owner{.container = &container, .budget = &budget, .threaded = threaded});
    for (auto* ids : {&container.pids, &container.thread_ids}) {
      std::sort(ids->begin(), ids->end());
      ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
    }
  }

 private:
  // Something could not be looked at.
  void Miss(const Owner& owner) {
    if (owner.container != nullptr) {
      ++owner.container->unseen_processes;
    } else {
      tree_.truncated = true;
    }
  }

  bool Spend(const Owner& owner) {
    if (tree_.cgroups >= options_.max_cgroups || (owner.budget != nullptr && *owner.budget == 0)) {
      Miss(owner);
      return false;
    }
    ++tree_.cgroups;
    if (owner.budget != nullptr) --*owner.budget;
    return true;
  }

  void Descend(int fd, const Owner& owner) {
    struct stat info {};
    if (::fstat(fd, &info) != 0 || info.st_nlink == kLinksWithoutSubdirectory) return;
    std::vector<std::string> names;
    const auto listed = ForEachEntry(fd, [&](std::string_view name, unsigned char type) {
      if (type == DT_DIR || type == DT_UNKNOWN) names.emplace_back(name);
      return true;
    });
    if (!listed && !Vanished(listed.error())) Miss(owner);
    if (names.empty()) return;
    if (depth_ >= options_.max_depth) return Miss(owner);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) VisitChild(fd, name, owner);
  }

  void VisitChild(int fd, const std::string& name, const Owner& owner) {
    const auto child = OpenDirectory(fd, name.c_str());
    if (!child) {
      const int error = child.error().sys_errno;
      // ENOTDIR, ELOOP: no directory after all (its type was unknown), or a symlink.
      if (!Vanished(child.error()) && error != ENOTDIR && error != ELOOP) Miss(owner);
      return;
    }
    if (!Spend(owner)) return;
    const std::size_t length = path_.size();
    if (length != 0) path_ += '/';
    path_ += name;
    ++depth_;
    if (owner.container != nullptr) {
      VisitBelowContainer(child->get(), owner);
    } else {
      VisitOutside(child->get(), owner);
    }
    --depth_;
    path_.resize(length);
  }

  void VisitBelowContainer(int fd, const Owner& owner) {
    // False for a threaded cgroup below one that is not: the list of the latter has its processes.
    if (owner.threaded || !ListProcesses(fd, *owner.container)) {
      if (owner.threaded) ListThreads(fd, *owner.container);
    }
    Descend(fd, owner);
  }

  void VisitOutside(int fd, const Owner& owner) {
    CgroupPlace place = ClassifyCgroup(path_);
    if (place.kind == CgroupKind::kContainer) {
      FoundContainer container;
      container.ref = std::move(place.ref);
      container.path = path_;
      struct stat info {};
      if (tree_.version == CgroupVersion::kV2 && ::fstat(fd, &info) == 0) {
        container.cgroup_id = info.st_ino;
      }
      Collect(fd, container);
      tree_.containers.push_back(std::move(container));
      return;
    }
    const bool pod_child = place.kind == CgroupKind::kPodChild;
    if (pod_child) NoteUnrecognised(fd);
    std::size_t budget = options_.max_cgroups_per_owner;
    const bool enters = owner.budget == nullptr && (pod_child || IsUnit(path_));
    Descend(fd, enters ? Owner{.container = nullptr, .budget = &budget} : owner);
  }

  void NoteUnrecognised(int fd) {
    if (tree_.unrecognised.size() >= kMaxUnrecognised) return;
    const auto procs = text_.Read(fd, "cgroup.procs", FileShape::kManyRecords);
    if (procs && !procs->empty()) tree_.unrecognised.push_back(path_);
  }

  // False: the cgroup has no list of processes because it is threaded (or of type "domain
  // invalid").
  bool ListProcesses(int fd, FoundContainer& container) {
    const auto text = text_.Read(fd, "cgroup.procs", FileShape::kManyRecords);
    if (!text && text.error().sys_errno == EOPNOTSUPP) return false;
    Append(text, container, container.pids);
    return true;
  }

  void ListThreads(int fd, FoundContainer& container) {
    Append(text_.Read(fd, "cgroup.threads", FileShape::kManyRecords), container,
           container.thread_ids);
  }

  void Append(const base::Result<std::string_view>& text, FoundContainer& container,
              std::vector<pid_t>& ids) {
    if (!text) {
      if (!Vanished(text.error())) ++container.unseen_processes;
      return;
    }
    std::string_view rest = *text;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const auto id = base::ParseInt<pid_t>(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (id && *id == 0) ++tree_.pids_of_other_namespaces;
      if (!id || *id <= 0 || pids_ >= options_.max_pids) {
        ++container.unseen_processes;
        continue;
      }
      ++pids_;
      ids.push_back(*id);
    }
  }

  const CgroupTreeOptions& options_;
  CgroupTree& tree_;
  TextReader text_;
  std::string path_;  // of the directory being visited
  int depth_ = 0;     // its segments
  std::size_t pids_ = 0;
};

CgroupTree WalkHierarchy(int fd, std::string name, const CgroupTreeOptions& options) {
  CgroupTree tree;
  tree.version = IsV2(fd) ? CgroupVersion::kV2 : CgroupVersion::kV1;
  tree.hierarchy = std::move(name);
  tree.host_root = IsHostRoot(fd);
  Walker(options, tree).Walk(fd);
  return tree;
}

bool HasProcesses(const CgroupTree& tree) {
  return std::any_of(tree.containers.begin(), tree.containers.end(),
                     [](const FoundContainer& container) {
                       return !container.pids.empty() || !container.thread_ids.empty() ||
                              container.unseen_processes != 0;
                     });
}

// More is better: a container with a process, then any container, then any hierarchy.
int Worth(const CgroupTree& tree) {
  if (HasProcesses(tree)) return 2;
  return tree.containers.empty() ? 0 : 1;
}

}  // namespace

base::Result<CgroupTree> WalkCgroups(int cgroup_fd, const CgroupTreeOptions& options) {
  if (IsHierarchy(cgroup_fd)) return WalkHierarchy(cgroup_fd, "", options);
  std::optional<CgroupTree> best;
  std::size_t files_read = 0;
  for (const char* name : kHierarchies) {
    const auto fd = OpenDirectory(cgroup_fd, name);
    if (!fd || !IsHierarchy(fd->get())) continue;
    CgroupTree tree = WalkHierarchy(fd->get(), name, options);
    files_read += tree.files_read;
    if (!best || Worth(tree) > Worth(*best)) best = std::move(tree);
    if (HasProcesses(*best)) break;
  }
  if (!best) {
    return base::Fail(base::ErrorCode::kNotFound,
                      "no cgroup file system: the directory holds neither cgroup.procs nor a v1 "
                      "hierarchy such as pids/; mount the host's /sys/fs/cgroup there");
  }
  best->files_read = files_read;
  return *std::move(best);
}

base::Result<FoundContainer> ListAgain(int cgroup_fd, const CgroupTree& tree,
                                       const FoundContainer& container,
                                       const CgroupTreeOptions& options) {
  FoundContainer again;
  again.ref = container.ref;
  again.path = container.path;
  again.cgroup_id = container.cgroup_id;
  std::string path = tree.hierarchy;
  if (!path.empty()) path += '/';
  path += container.path;
  const auto fd = OpenDirectoryBeneath(cgroup_fd, path.c_str());
  if (!fd && Vanished(fd.error())) return again;
  if (!fd) return base::Fail(fd.error());
  CgroupTree scratch;
  Walker(options, scratch).Collect(fd->get(), again);
  return again;
}

}  // namespace seccompd::procfs
