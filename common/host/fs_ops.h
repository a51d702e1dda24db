// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace seccompd::host {

enum class EntryType : std::uint8_t { kFile, kDirectory, kSymlink, kOther };

struct DirectoryEntry {
  std::string name;
  EntryType type = EntryType::kOther;
};

// The system calls of the install path, one virtual each, so that a test can make the Nth of them
// fail or write short and can record what was done. Every method returns what the call returns, or
// -errno; EINTR is retried inside. Names are relative to a directory fd; no method follows a
// symlink.
class FsOps {
 public:
  FsOps() = default;
  FsOps(const FsOps&) = delete;
  FsOps& operator=(const FsOps&) = delete;
  virtual ~FsOps() = default;

  // openat2(2) with RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS and O_CLOEXEC|O_NOFOLLOW|O_NOCTTY; the fd,
  // or -ELOOP (a symlink on the way), -EXDEV (leaves `dirfd`), -ENOSYS (Linux before 5.6).
  virtual int Open(int dirfd, const std::string& path, int flags, mode_t mode) = 0;
  virtual void Close(int fd) = 0;
  virtual ssize_t Read(int fd, char* buffer, std::size_t size, off_t offset) = 0;
  virtual ssize_t Write(int fd, std::string_view data, off_t offset) = 0;  // may be short
  virtual int Truncate(int fd, off_t size) = 0;
  virtual int Fsync(int fd) = 0;
  virtual int Fdatasync(int fd) = 0;
  // fdatasync(2) beside what the caller does next: -errno if it cannot be begun (then nothing is),
  // 0 if FinishDatasync() must be called, which waits and returns its result. One at a time.
  virtual int StartDatasync(int fd) = 0;
  virtual int FinishDatasync() = 0;
  virtual int Chmod(int fd, mode_t mode) = 0;
  virtual int Stat(int fd, struct stat* out) = 0;
  virtual int StatAt(int dirfd, const std::string& name, struct stat* out) = 0;
  // `flags` as of renameat2(2): 0 or RENAME_NOREPLACE (-EEXIST when `to` exists).
  virtual int Rename(int dirfd, const std::string& from, const std::string& to, unsigned flags) = 0;
  virtual int Unlink(int dirfd, const std::string& name) = 0;
  virtual int MakeDirectory(int dirfd, const std::string& name, mode_t mode) = 0;
  virtual int RemoveDirectory(int dirfd, const std::string& name) = 0;
  virtual int LockExclusive(int fd) = 0;  // flock(2), never waits: -EWOULDBLOCK
  // Entries without "." and "..", in no order; at most `max_entries`, then -E2BIG.
  virtual int List(int dirfd, std::size_t max_entries, std::vector<DirectoryEntry>* out) = 0;
};

// The kernel's.
class RealFs final : public FsOps {
 public:
  ~RealFs() override;
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
  unsigned long aio_ = 0;  // context of io_setup(2), made when first needed
};

// Owns a descriptor that was opened through `fs`, and closes it there, so that a recorder sees it.
class FsFile {
 public:
  FsFile() = default;
  FsFile(FsOps& fs, int fd) : fs_(&fs), fd_(fd) {}
  FsFile(FsFile&& other) noexcept;
  FsFile& operator=(FsFile&& other) noexcept;
  FsFile(const FsFile&) = delete;
  FsFile& operator=(const FsFile&) = delete;
  ~FsFile() { Reset(); }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void Reset();

 private:
  FsOps* fs_ = nullptr;
  int fd_ = -1;
};

}  // namespace seccompd::host
