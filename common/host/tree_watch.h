// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace seccompd::host {

// What happened to one name, ORed.
enum ChangeKind : std::uint8_t {
  kChangeWritten = 1,  // closed after writing, or renamed into place: the content is complete
  kChangeRemoved = 2,  // unlinked or renamed away
  kChangeTouched = 4,  // created, modified, attributes: perhaps not complete yet
};

struct TreeChanges {
  std::map<std::string, std::uint8_t> paths;  // relative to the root -> ChangeKind bits
  bool overflow =
      false;  // events were lost, or a directory could not be watched: look at everything
};

struct TreeWatchOptions {
  std::vector<std::string> skip{};  // top-level directories that are not watched
  std::size_t max_directories = 8'192;
  std::size_t max_depth = 32;
  std::size_t max_entries = 1'000'000;  // per directory, when listing
};

// Recursive inotify(7) on a directory tree; no Asio: wait for fd() to be readable, then Drain(). A
// new directory is watched first and listed then, so nothing in it is missed. Symlinks are not
// followed.
class TreeWatch {
 public:
  // kResourceExhausted: no inotify instance or watch is left (EMFILE, ENOSPC): poll instead.
  // The descriptor is borrowed and must outlive the watch.
  [[nodiscard]] static base::Result<std::unique_ptr<TreeWatch>> Make(int rootfd,
                                                                     TreeWatchOptions options);
  ~TreeWatch();
  TreeWatch(const TreeWatch&) = delete;
  TreeWatch& operator=(const TreeWatch&) = delete;

  [[nodiscard]] int fd() const { return inotify_.get(); }

  // Everything queued, never blocks. After an overflow the tree has been watched anew.
  [[nodiscard]] base::Result<TreeChanges> Drain();

  // Some directory is not watched (limits, or it vanished too often): poll as well.
  [[nodiscard]] bool degraded() const { return degraded_; }
  [[nodiscard]] std::size_t watches() const { return paths_.size(); }

 private:
  struct Directory {
    std::string path;  // relative to the root, "" is the root
    std::size_t depth = 0;
  };
  TreeWatch(int rootfd, TreeWatchOptions options, base::UniqueFd inotify);
  [[nodiscard]] base::Result<> Add(const std::string& path, std::size_t depth,
                                   TreeChanges* changes);
  [[nodiscard]] base::Result<> AddOne(const Directory& at, TreeChanges* changes,
                                      std::vector<Directory>* todo);
  [[nodiscard]] base::Result<bool> Watch(int fd, const std::string& path);
  [[nodiscard]] bool Skips(const std::string& directory, const std::string& name) const;
  [[nodiscard]] base::Result<> Rewatch(TreeChanges* changes);
  void Forget(const std::string& path);
  void Handle(int wd, std::uint32_t mask, const std::string& name, TreeChanges* changes);

  int rootfd_;
  TreeWatchOptions options_;
  base::UniqueFd inotify_;
  std::map<int, std::string> paths_;  // watch -> directory relative to the root, "" is the root
  bool degraded_ = false;
};

enum class RootState : std::uint8_t {
  kPresent,
  kRemoved,   // nlink 0: removed under us (through a bind mount no event says so)
  kReplaced,  // the path now names another directory, or nothing
};

// `path` empty: only nlink is looked at.
[[nodiscard]] RootState CheckRoot(int rootfd, const std::string& path);

}  // namespace seccompd::host
