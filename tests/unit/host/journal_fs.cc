// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/host/journal_fs.h"

#include <fcntl.h>
#include <linux/fs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::host {
namespace {

constexpr std::size_t kPage = 4'096;
constexpr std::size_t kSector = 512;

// The page's bytes, as long as the file reaches into it.
std::string PageOf(const std::string& text, std::size_t page) {
  return page * kPage < text.size() ? text.substr(page * kPage, kPage) : std::string();
}

void PutPage(std::string* text, std::size_t page, std::string bytes) {
  const std::size_t start = page * kPage;
  if (start >= text->size()) return;
  bytes.resize(std::min(kPage, text->size() - start), '\0');
  text->replace(start, bytes.size(), bytes);
}

}  // namespace

struct JournalFs::Node {
  bool directory = false;
  std::uint64_t inode = 0;
  // Files: as the kernel shows it, as the disk has it, and what each page was in between.
  std::string text;
  std::string synced_text;
  std::map<std::size_t, std::vector<std::string>> dirty;  // page -> versions since the last sync
  mode_t mode = 0;
  mode_t synced_mode = 0;
  // Directories.
  Entries entries;
  Entries synced_entries;
  std::vector<NameChange> pending;
};

JournalFs::JournalFs() : root_(std::make_shared<Node>()) {
  root_->directory = true;
  root_->inode = 1;
  root_->mode = root_->synced_mode = 0755;
}

JournalFs::~JournalFs() = default;

JournalFs::NodePtr JournalFs::Find(int fd) const {
  if (fd < kFirstDescriptor) return root_;
  const auto it = open_.find(fd);
  return it == open_.end() ? nullptr : it->second;
}

JournalFs::NodePtr JournalFs::Walk(const std::string& path) const {
  NodePtr node = root_;
  for (const std::string_view name : base::Split(path, '/')) {
    if (!node->directory) return nullptr;
    const auto it = node->entries.find(std::string(name));
    if (it == node->entries.end()) return nullptr;
    node = it->second;
  }
  return node;
}

void JournalFs::AddFile(const std::string& path, std::string_view bytes, mode_t mode) {
  NodePtr node = root_;
  const auto names = base::Split(path, '/');
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name(names[i]);
    NodePtr& next = node->entries[name];
    if (!next) {
      next = std::make_shared<Node>();
      next->inode = next_inode_++;
      next->directory = i + 1 < names.size();
      next->mode = next->synced_mode = next->directory ? 0755 : mode;
    }
    node->synced_entries[name] = next;
    node = next;
  }
  node->text = node->synced_text = bytes;
}

std::optional<std::string> JournalFs::Content(const std::string& path) const {
  const NodePtr node = Walk(path);
  if (!node || node->directory) return std::nullopt;
  return node->text;
}

mode_t JournalFs::Mode(const std::string& path) const {
  const NodePtr node = Walk(path);
  return node ? node->mode : 0;
}

void JournalFs::CollectNames(const Node& directory, const std::string& prefix,
                             std::set<std::string>* names) {
  for (const auto& [name, node] : directory.entries) {
    names->insert(prefix + name + (node->directory ? "/" : ""));
    if (node->directory) CollectNames(*node, prefix + name + "/", names);
  }
}

std::set<std::string> JournalFs::Names() const {
  std::set<std::string> names;
  CollectNames(*root_, "", &names);
  return names;
}

int JournalFs::open_files() const { return static_cast<int>(open_.size()); }

void JournalFs::CollectNodes(const NodePtr& node, std::vector<NodePtr>* nodes) {
  if (std::find(nodes->begin(), nodes->end(), node) != nodes->end()) return;
  nodes->push_back(node);
  for (const auto& [name, child] : node->synced_entries) CollectNodes(child, nodes);
  for (const NameChange& change : node->pending) {
    if (change.node) CollectNodes(change.node, nodes);
  }
}

// Every file and directory that a power cut could bring back or lose.
std::vector<JournalFs::NodePtr> JournalFs::AllNodes() const {
  std::vector<NodePtr> nodes;
  CollectNodes(root_, &nodes);
  return nodes;
}

std::size_t JournalFs::Choices() const {
  std::size_t choices = 0;
  for (const NodePtr& node : AllNodes()) {
    choices += node->pending.size() + node->dirty.size();
    if (node->text.size() != node->synced_text.size()) ++choices;
    if (node->mode != node->synced_mode) ++choices;
  }
  return choices;
}

std::unique_ptr<JournalFs> JournalFs::PowerCut(const std::function<bool(std::size_t)>& keep,
                                               std::mt19937& random) const {
  auto cut = std::make_unique<JournalFs>();
  cut->next_inode_ = next_inode_;
  std::map<const Node*, NodePtr> copies;
  const std::vector<NodePtr> nodes = AllNodes();
  for (const NodePtr& node : nodes) {
    copies[node.get()] = node == root_ ? cut->root_ : std::make_shared<Node>();
  }
  std::size_t choice = 0;
  for (const NodePtr& node : nodes) {
    Node& copy = *copies.at(node.get());
    copy.directory = node->directory;
    copy.inode = node->inode;
    copy.text = node->synced_text;
    if (node->text.size() != node->synced_text.size() && keep(choice++)) {
      copy.text.resize(node->text.size(), '\0');
    }
    for (const auto& [page, versions] : node->dirty) {
      if (!keep(choice++)) continue;
      std::string bytes = versions.back();
      if (random() % 4 == 0) bytes = versions.at(random() % versions.size());
      if (random() % 4 == 0) {  // torn: the first sectors of the new, the rest of the old
        const std::size_t at = (random() % (kPage / kSector)) * kSector;
        std::string old = PageOf(copy.text, page);
        old.resize(kPage, '\0');
        bytes.resize(kPage, '\0');
        bytes = bytes.substr(0, at) + old.substr(at);
      }
      PutPage(&copy.text, page, std::move(bytes));
    }
    copy.mode = node->mode != node->synced_mode && keep(choice++) ? node->mode : node->synced_mode;
    Entries entries = node->synced_entries;
    for (const NameChange& change : node->pending) {
      if (!keep(choice++)) continue;
      if (!change.removed.empty()) entries.erase(change.removed);
      if (!change.set.empty()) entries[change.set] = change.node;
    }
    for (const auto& [name, child] : entries) copy.entries[name] = copies.at(child.get());
    copy.synced_text = copy.text;
    copy.synced_mode = copy.mode;
    copy.synced_entries = copy.entries;
  }
  return cut;
}

void JournalFs::Change() {
  if (hook_) hook_(changes_);
  ++changes_;
}

void JournalFs::ChangeNames(const NodePtr& directory, NameChange change) {
  if (!change.removed.empty()) directory->entries.erase(change.removed);
  if (!change.set.empty()) directory->entries[change.set] = change.node;
  directory->pending.push_back(std::move(change));
}

int JournalFs::NewDescriptor(NodePtr node) {
  open_[next_fd_] = std::move(node);
  return next_fd_++;
}

int JournalFs::Open(int dirfd, const std::string& path, int flags, mode_t mode) {
  NodePtr node = Find(dirfd);
  if (!node) return -EBADF;
  NodePtr parent;
  std::string last;
  const auto names = path == "." ? std::vector<std::string_view>{} : base::Split(path, '/');
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!node->directory) return -ENOTDIR;
    parent = node;
    last = names[i];
    const auto it = node->entries.find(last);
    if (it != node->entries.end()) {
      node = it->second;
      continue;
    }
    if (i + 1 < names.size() || (flags & O_CREAT) == 0) return -ENOENT;
    Change();
    node = std::make_shared<Node>();
    node->inode = next_inode_++;
    node->mode = node->synced_mode = mode;
    ChangeNames(parent, {last, node, ""});
    return NewDescriptor(node);
  }
  if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return -EEXIST;
  if ((flags & O_DIRECTORY) != 0 && !node->directory) return -ENOTDIR;
  if ((flags & O_ACCMODE) != O_RDONLY && node->directory) return -EISDIR;
  return NewDescriptor(node);
}

void JournalFs::Close(int fd) { open_.erase(fd); }

ssize_t JournalFs::Read(int fd, char* buffer, std::size_t size, off_t offset) {
  const NodePtr node = Find(fd);
  if (!node) return -EBADF;
  const auto at = static_cast<std::size_t>(offset);
  if (at >= node->text.size()) return 0;
  return static_cast<ssize_t>(node->text.copy(buffer, size, at));
}

ssize_t JournalFs::Write(int fd, std::string_view data, off_t offset) {
  const NodePtr node = Find(fd);
  if (!node) return -EBADF;
  Change();
  const auto at = static_cast<std::size_t>(offset);
  if (node->text.size() < at + data.size()) node->text.resize(at + data.size(), '\0');
  node->text.replace(at, data.size(), data);
  for (std::size_t page = at / kPage; page * kPage < at + data.size(); ++page) {
    node->dirty[page].push_back(PageOf(node->text, page));
  }
  return static_cast<ssize_t>(data.size());
}

int JournalFs::Truncate(int fd, off_t size) {
  const NodePtr node = Find(fd);
  if (!node) return -EBADF;
  Change();
  node->text.resize(static_cast<std::size_t>(size), '\0');
  return 0;
}

void JournalFs::Sync(Node* node, bool mode_too) {
  node->synced_text = node->text;
  node->dirty.clear();
  if (mode_too) node->synced_mode = node->mode;
  node->synced_entries = node->entries;
  node->pending.clear();
}

int JournalFs::Fsync(int fd) {
  const NodePtr node = Find(fd);
  if (!node) return -EBADF;
  Change();
  Sync(node.get(), true);
  return 0;
}

int JournalFs::Fdatasync(int fd) {
  const NodePtr node = Find(fd);
  if (!node) return -EBADF;
  Change();
  Sync(node.get(), false);
  return 0;
}

int JournalFs::StartDatasync(int fd) {
  if (!Find(fd)) return -EBADF;
  syncing_ = fd;
  return 0;
}

int JournalFs::FinishDatasync() {
  if (!syncing_) return -EINVAL;
  const int fd = *std::exchange(syncing_, std::nullopt);
  return Fdatasync(fd);
}

int JournalFs::Chmod(int fd, mode_t mode) {
  const NodePtr node = Find(fd);
  if (!node) return -EBADF;
  Change();
  node->mode = mode;
  return 0;
}

int JournalFs::Stat(int fd, struct stat* out) {
  const NodePtr node = Find(fd);
  if (!node) return -EBADF;
  *out = {};
  out->st_dev = 7;
  out->st_ino = node->inode;
  out->st_nlink = 1;
  out->st_mode = node->mode | (node->directory ? S_IFDIR : S_IFREG);
  out->st_size = static_cast<off_t>(node->text.size());
  return 0;
}

int JournalFs::StatAt(int dirfd, const std::string& name, struct stat* out) {
  const int fd = Open(dirfd, name, O_RDONLY, 0);
  if (fd < 0) return fd;
  const int result = Stat(fd, out);
  Close(fd);
  return result;
}

int JournalFs::Rename(int dirfd, const std::string& from, const std::string& to, unsigned flags) {
  const NodePtr directory = Find(dirfd);
  if (!directory) return -EBADF;
  const auto it = directory->entries.find(from);
  if (it == directory->entries.end()) return -ENOENT;
  const auto there = directory->entries.find(to);
  if (there != directory->entries.end()) {
    if ((flags & RENAME_NOREPLACE) != 0) return -EEXIST;
    if (there->second->directory) return -EISDIR;
  }
  Change();
  ChangeNames(directory, {to, it->second, from});
  return 0;
}

int JournalFs::Unlink(int dirfd, const std::string& name) {
  const NodePtr directory = Find(dirfd);
  if (!directory) return -EBADF;
  const auto it = directory->entries.find(name);
  if (it == directory->entries.end()) return -ENOENT;
  if (it->second->directory) return -EISDIR;
  Change();
  ChangeNames(directory, {"", nullptr, name});
  return 0;
}

int JournalFs::MakeDirectory(int dirfd, const std::string& name, mode_t mode) {
  const NodePtr directory = Find(dirfd);
  if (!directory) return -EBADF;
  if (directory->entries.contains(name)) return -EEXIST;
  Change();
  auto made = std::make_shared<Node>();
  made->directory = true;
  made->inode = next_inode_++;
  made->mode = made->synced_mode = mode;
  ChangeNames(directory, {name, std::move(made), ""});
  return 0;
}

int JournalFs::RemoveDirectory(int dirfd, const std::string& name) {
  const NodePtr directory = Find(dirfd);
  if (!directory) return -EBADF;
  const auto it = directory->entries.find(name);
  if (it == directory->entries.end()) return -ENOENT;
  if (!it->second->directory) return -ENOTDIR;
  if (!it->second->entries.empty()) return -ENOTEMPTY;
  Change();
  ChangeNames(directory, {"", nullptr, name});
  return 0;
}

int JournalFs::LockExclusive(int fd) { return Find(fd) ? 0 : -EBADF; }

int JournalFs::List(int dirfd, std::size_t max_entries, std::vector<DirectoryEntry>* out) {
  const NodePtr directory = Find(dirfd);
  if (!directory) return -EBADF;
  out->clear();
  for (const auto& [name, node] : directory->entries) {
    if (out->size() == max_entries) return -E2BIG;
    out->push_back({name, node->directory ? EntryType::kDirectory : EntryType::kFile});
  }
  return 0;
}

}  // namespace seccompd::host
