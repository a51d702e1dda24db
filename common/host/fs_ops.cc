// SPDX-License-Identifier: Apache-2.0
#include "common/host/fs_ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

namespace seccompd::host {
namespace {

// Repeats a call that a signal interrupted; -errno on failure.
template <class Call>
auto Retry(Call call) -> decltype(call()) {
  for (;;) {
    auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(call())>(-errno);
  }
}

EntryType TypeOf(unsigned char d_type) {
  switch (d_type) {
    case DT_REG:
      return EntryType::kFile;
    case DT_DIR:
      return EntryType::kDirectory;
    case DT_LNK:
      return EntryType::kSymlink;
    default:
      return EntryType::kOther;
  }
}

EntryType TypeByStat(int dirfd, const char* name) {
  struct stat st {};
  if (::fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return EntryType::kOther;
  if (S_ISREG(st.st_mode)) return EntryType::kFile;
  if (S_ISDIR(st.st_mode)) return EntryType::kDirectory;
  if (S_ISLNK(st.st_mode)) return EntryType::kSymlink;
  return EntryType::kOther;
}

struct CloseDirectory {
  void operator()(DIR* dir) const { (void)::closedir(dir); }
};

}  // namespace

int RealFs::Open(int dirfd, const std::string& path, int flags, mode_t mode) {
  struct open_how how {};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC | O_NOFOLLOW)) |
              ((flags & O_PATH) != 0 ? 0U : static_cast<unsigned>(O_NOCTTY));
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  // EAGAIN: a rename raced with the walk (openat2(2)); a hostile renamer must not spin us for ever.
  for (int attempt = 0;; ++attempt) {
    const int fd = Retry([&] {
      return static_cast<int>(::syscall(SYS_openat2, dirfd, path.c_str(), &how, sizeof(how)));
    });
    if (fd != -EAGAIN || attempt == 100) return fd;
  }
}

void RealFs::Close(int fd) { (void)::close(fd); }

ssize_t RealFs::Read(int fd, char* buffer, std::size_t size, off_t offset) {
  return Retry([&] { return ::pread(fd, buffer, size, offset); });
}

ssize_t RealFs::Write(int fd, std::string_view data, off_t offset) {
  return Retry([&] { return ::pwrite(fd, data.data(), data.size(), offset); });
}

int RealFs::Truncate(int fd, off_t size) {
  return Retry([&] { return ::ftruncate(fd, size); });
}

int RealFs::Fsync(int fd) {
  return Retry([&] { return ::fsync(fd); });
}

int RealFs::Fdatasync(int fd) {
  return Retry([&] { return ::fdatasync(fd); });
}

// Linux AIO (io_submit(2), IOCB_CMD_FDSYNC since 4.18): no thread, and no io_uring, which hardened
// nodes forbid.
int RealFs::StartDatasync(int fd) {
  if (aio_ == 0 && ::syscall(SYS_io_setup, 1, &aio_) < 0) {
    aio_ = 0;
    return -errno;
  }
  struct iocb request {};
  request.aio_fildes = static_cast<std::uint32_t>(fd);
  request.aio_lio_opcode = IOCB_CMD_FDSYNC;
  struct iocb* requests = &request;
  if (::syscall(SYS_io_submit, aio_, 1, &requests) != 1) return errno != 0 ? -errno : -EAGAIN;
  return 0;
}

int RealFs::FinishDatasync() {
  struct io_event event {};
  const auto got = Retry([&] { return ::syscall(SYS_io_getevents, aio_, 1, 1, &event, nullptr); });
  if (got < 0) return static_cast<int>(got);
  return static_cast<int>(event.res);
}

RealFs::~RealFs() {
  if (aio_ != 0) (void)::syscall(SYS_io_destroy, aio_);  // waits for what is under way
}

int RealFs::Chmod(int fd, mode_t mode) {
  return Retry([&] { return ::fchmod(fd, mode); });
}

int RealFs::Stat(int fd, struct stat* out) {
  return Retry([&] { return ::fstat(fd, out); });
}

int RealFs::StatAt(int dirfd, const std::string& name, struct stat* out) {
  return Retry([&] { return ::fstatat(dirfd, name.c_str(), out, AT_SYMLINK_NOFOLLOW); });
}

int RealFs::Rename(int dirfd, const std::string& from, const std::string& to, unsigned flags) {
  return Retry([&] { return ::renameat2(dirfd, from.c_str(), dirfd, to.c_str(), flags); });
}

int RealFs::Unlink(int dirfd, const std::string& name) {
  return Retry([&] { return ::unlinkat(dirfd, name.c_str(), 0); });
}

int RealFs::MakeDirectory(int dirfd, const std::string& name, mode_t mode) {
  return Retry([&] { return ::mkdirat(dirfd, name.c_str(), mode); });
}

int RealFs::RemoveDirectory(int dirfd, const std::string& name) {
  return Retry([&] { return ::unlinkat(dirfd, name.c_str(), AT_REMOVEDIR); });
}

int RealFs::LockExclusive(int fd) {
  return Retry([&] { return ::flock(fd, LOCK_EX | LOCK_NB); });
}

int RealFs::List(int dirfd, std::size_t max_entries, std::vector<DirectoryEntry>* out) {
  // A second description: reading through a dup would move the offset of the caller's.
  const int fd =
      Retry([&] { return ::openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW); });
  if (fd < 0) return fd;
  std::unique_ptr<DIR, CloseDirectory> dir(::fdopendir(fd));
  if (!dir) {
    const int error = errno;
    (void)::close(fd);
    return -error;
  }
  out->clear();
  for (;;) {
    errno = 0;
    const struct dirent* entry = ::readdir(dir.get());  // NOLINT(concurrency-mt-unsafe): own DIR
    if (entry == nullptr) return -errno;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (out->size() == max_entries) return -E2BIG;
    const EntryType type = entry->d_type == DT_UNKNOWN ? TypeByStat(::dirfd(dir.get()), name.data())
                                                       : TypeOf(entry->d_type);
    out->push_back({std::string(name), type});
  }
}

FsFile::FsFile(FsFile&& other) noexcept
    : fs_(std::exchange(other.fs_, nullptr)), fd_(std::exchange(other.fd_, -1)) {}

FsFile& FsFile::operator=(FsFile&& other) noexcept {
  if (this != &other) {
    Reset();
    fs_ = std::exchange(other.fs_, nullptr);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FsFile::Reset() {
  if (fd_ >= 0) fs_->Close(fd_);
  fd_ = -1;
}

}  // namespace seccompd::host
