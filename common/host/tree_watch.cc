// SPDX-License-Identifier: Apache-2.0
#include "common/host/tree_watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "common/host/fs_ops.h"

namespace seccompd::host {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr std::uint32_t kMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF |
                                IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

std::string Below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

std::uint8_t KindOf(std::uint32_t mask) {
  if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) return kChangeWritten;
  if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) return kChangeRemoved;
  return kChangeTouched;
}

bool OutOfWatches(int error) {
  return error == ENOSPC || error == EMFILE || error == ENFILE || error == ENOMEM;
}

}  // namespace

TreeWatch::TreeWatch(int rootfd, TreeWatchOptions options, base::UniqueFd inotify)
    : rootfd_(rootfd), options_(std::move(options)), inotify_(std::move(inotify)) {}

TreeWatch::~TreeWatch() = default;

Result<std::unique_ptr<TreeWatch>> TreeWatch::Make(int rootfd, TreeWatchOptions options) {
  base::UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) {
    auto error = ErrnoError(errno, "inotify_init1");
    if (OutOfWatches(error.sys_errno)) error.code = ErrorCode::kResourceExhausted;
    return Fail(std::move(error));
  }
  std::unique_ptr<TreeWatch> watch(
      new TreeWatch(rootfd, std::move(options), std::move(inotify)));  // private constructor
  TRY(watch->Add("", 0, nullptr));
  if (watch->degraded_) {
    return Fail(ErrorCode::kResourceExhausted, "not every directory can be watched by inotify");
  }
  return watch;
}

// Watch first, list then: what appears in between is seen twice, never missed. A directory that
// went away meanwhile is no error. Iterative: the tree's depth is not ours to choose.
Result<> TreeWatch::Add(const std::string& top, std::size_t top_depth, TreeChanges* changes) {
  std::vector<Directory> todo{{top, top_depth}};
  while (!todo.empty()) {
    const Directory at = std::move(todo.back());
    todo.pop_back();
    if (at.depth > options_.max_depth || paths_.size() >= options_.max_directories) {
      degraded_ = true;
      continue;
    }
    TRY(AddOne(at, changes, &todo));
  }
  return {};
}

// The directories in it are added to `todo`.
Result<> TreeWatch::AddOne(const Directory& at, TreeChanges* changes,
                           std::vector<Directory>* todo) {
  RealFs fs;
  const FsFile directory(
      fs, fs.Open(rootfd_, at.path.empty() ? "." : at.path, O_RDONLY | O_DIRECTORY, 0));
  if (!directory.valid()) {
    if (at.path.empty()) return Fail(ErrorCode::kGone, "the watched directory cannot be opened");
    return {};
  }
  TRY_ASSIGN(const bool watched, Watch(directory.fd(), at.path));
  if (!watched) return {};
  std::vector<DirectoryEntry> entries;
  const int listed = fs.List(directory.fd(), options_.max_entries, &entries);
  if (listed < 0 && changes != nullptr) changes->overflow = true;
  for (const DirectoryEntry& entry : entries) {
    std::string path = Below(at.path, entry.name);
    if (entry.type != EntryType::kDirectory) {
      if (changes != nullptr) changes->paths[path] |= kChangeWritten;
    } else if (!Skips(at.path, entry.name)) {
      todo->push_back({std::move(path), at.depth + 1});
    }
  }
  return {};
}

// False: no watch is left for it, which is an error for the root only.
Result<bool> TreeWatch::Watch(int fd, const std::string& path) {
  // By descriptor: the path could name another directory by now.
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const int wd = ::inotify_add_watch(inotify_.get(), link.c_str(), kMask);
  if (wd >= 0) {
    paths_[wd] = path;
    return true;
  }
  auto error = ErrnoError(errno, "watch '" + path + "'");
  if (!OutOfWatches(error.sys_errno)) return Fail(std::move(error));
  degraded_ = true;
  if (!path.empty()) return false;
  error.code = ErrorCode::kResourceExhausted;
  return Fail(std::move(error));
}

bool TreeWatch::Skips(const std::string& directory, const std::string& name) const {
  const auto& skip = options_.skip;
  return directory.empty() && std::find(skip.begin(), skip.end(), name) != skip.end();
}

void TreeWatch::Forget(const std::string& path) {
  const std::string prefix = path + "/";
  for (auto it = paths_.begin(); it != paths_.end();) {
    if (it->second == path || it->second.starts_with(prefix)) {
      // EINVAL when the directory is deleted already: the watch went with it.
      (void)::inotify_rm_watch(inotify_.get(), it->first);
      it = paths_.erase(it);
    } else {
      ++it;
    }
  }
}

// A new inotify instance in place of the old: after lost events no watch is known to be right.
Result<> TreeWatch::Rewatch(TreeChanges* changes) {
  changes->overflow = true;
  for (const auto& [wd, path] : paths_) (void)::inotify_rm_watch(inotify_.get(), wd);
  paths_.clear();
  degraded_ = false;
  return Add("", 0, nullptr);
}

void TreeWatch::Handle(int wd, std::uint32_t mask, const std::string& name, TreeChanges* changes) {
  const auto known = paths_.find(wd);
  if (known == paths_.end()) return;  // queued before the watch was removed
  if ((mask & IN_IGNORED) != 0) {
    paths_.erase(known);
    return;
  }
  if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    // Of directories below the root the parent tells.
    if (known->second.empty()) changes->overflow = true;
    return;
  }
  const std::string path = name.empty() ? known->second : Below(known->second, name);
  if ((mask & IN_ISDIR) == 0) {
    changes->paths[path] |= KindOf(mask);
    return;
  }
  if (name.empty()) return;  // attributes of the directory itself
  const bool skipped = Skips(known->second, name);
  if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
    changes->paths[path] |= kChangeRemoved;
    if (!skipped) Forget(path);
    return;
  }
  if ((mask & (IN_CREATE | IN_MOVED_TO)) == 0) return;
  changes->paths[path] |= kChangeTouched;
  if (skipped) return;
  Forget(path);  // a rename over an empty directory says nothing about the one that went
  const auto depth = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
  if (!Add(path, depth, changes)) changes->overflow = true;
}

Result<TreeChanges> TreeWatch::Drain() {
  TreeChanges changes;
  alignas(struct inotify_event) std::array<char, 16'384> buffer{};
  // Bounded: a writer that never rests must not keep the caller here.
  for (int round = 0; round < 256; ++round) {
    const ssize_t n = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return changes;
      return Fail(ErrnoError(errno, "read inotify"));
    }
    for (std::size_t at = 0; at + sizeof(struct inotify_event) <= static_cast<std::size_t>(n);) {
      struct inotify_event event {};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      at += sizeof(event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        TRY(Rewatch(&changes));
        continue;
      }
      Handle(event.wd, event.mask,
             event.len > 0 ? std::string(name, ::strnlen(name, event.len)) : std::string(),
             &changes);
    }
  }
  return changes;
}

RootState CheckRoot(int rootfd, const std::string& path) {
  struct stat held {};
  if (::fstat(rootfd, &held) != 0 || held.st_nlink == 0) return RootState::kRemoved;
  if (path.empty()) return RootState::kPresent;
  struct stat named {};
  if (::stat(path.c_str(), &named) != 0) return RootState::kReplaced;
  const bool same = named.st_dev == held.st_dev && named.st_ino == held.st_ino;
  return same ? RootState::kPresent : RootState::kReplaced;
}

}  // namespace seccompd::host
