// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/host/fs_ops.h"

namespace seccompd::host {

// A file system in memory that knows what a power cut may leave. It promises as little as POSIX and
// a journaling file system let a program rely on:
// - bytes written since the last fsync/fdatasync of the file: each 4 KiB page is as it was then, or
// as
//   after any later write, or torn at a 512 byte sector; a new length may be there without its
//   bytes (zeros), or not be there;
// - a mode set since the last fsync of the file may be lost;
// - names made, renamed or removed since the last fsync of their directory: any of these operations
// may
//   be lost while a later one is kept; a rename is there wholly or not at all.
// No symlinks. Descriptors and inodes are its own; any descriptor that it did not give is the root.
class JournalFs final : public FsOps {
 public:
  JournalFs();
  ~JournalFs() override;

  // Files of before: on disk, synced.
  void AddFile(const std::string& path, std::string_view bytes, mode_t mode = 0644);
  [[nodiscard]] std::optional<std::string> Content(const std::string& path) const;
  [[nodiscard]] mode_t Mode(const std::string& path) const;  // permission bits, 0 if absent
  // Every file, relative, and every directory with a '/' at its end.
  [[nodiscard]] std::set<std::string> Names() const;
  [[nodiscard]] int open_files() const;

  // Calls that change something so far; `hook` is called before each with its number.
  [[nodiscard]] std::size_t changes() const { return changes_; }
  void OnChange(std::function<void(std::size_t)> hook) { hook_ = std::move(hook); }

  // How many independent choices a power cut has now.
  [[nodiscard]] std::size_t Choices() const;
  // What a power cut now leaves, as a file system of its own: choice i is decided by `keep(i)`, the
  // pages and tears that need more than yes or no by `random`. Always false: exactly what is
  // synced.
  [[nodiscard]] std::unique_ptr<JournalFs> PowerCut(const std::function<bool(std::size_t)>& keep,
                                                    std::mt19937& random) const;

  int Open(int dirfd, const std::string& path, int flags, mode_t mode) override;
  void Close(int fd) override;
  ssize_t Read(int fd, char* buffer, std::size_t size, off_t offset) override;
  ssize_t Write(int fd, std::string_view data, off_t offset) override;
  int Truncate(int fd, off_t size) override;
  int Fsync(int fd) override;
  int Fdatasync(int fd) override;
  int StartDatasync(int fd) override;
  int FinishDatasync() override;
  int Chmod(int fd, mode_t mode) override;
  int Stat(int fd, struct stat* out) override;
  int StatAt(int dirfd, const std::string& name, struct stat* out) override;
  int Rename(int dirfd, const std::string& from, const std::string& to, unsigned flags) override;
  int Unlink(int dirfd, const std::string& name) override;
  int MakeDirectory(int dirfd, const std::string& name, mode_t mode) override;
  int RemoveDirectory(int dirfd, const std::string& name) override;
  int LockExclusive(int fd) override;
  int List(int dirfd, std::size_t max_entries, std::vector<DirectoryEntry>* out) override;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using Entries = std::map<std::string, NodePtr>;
  // One operation on the names of a directory: all of it or nothing.
  struct NameChange {
    std::string set;  // "" none
    NodePtr node;
    std::string removed;  // "" none
  };

  [[nodiscard]] NodePtr Find(int fd) const;
  [[nodiscard]] NodePtr Walk(const std::string& path) const;
  int NewDescriptor(NodePtr node);
  void Change();
  void ChangeNames(const NodePtr& directory, NameChange change);
  static void Sync(Node* node, bool mode_too);
  static void CollectNames(const Node& directory, const std::string& prefix,
                           std::set<std::string>* names);
  static void CollectNodes(const NodePtr& node, std::vector<NodePtr>* nodes);
  [[nodiscard]] std::vector<NodePtr> AllNodes() const;

  NodePtr root_;
  std::map<int, NodePtr> open_;
  std::optional<int> syncing_;
  std::uint64_t next_inode_ = 2;
  static constexpr int kFirstDescriptor = 1'000'000;  // never a real one
  int next_fd_ = kFirstDescriptor;
  std::size_t changes_ = 0;
  std::function<void(std::size_t)> hook_;
};

}  // namespace seccompd::host
