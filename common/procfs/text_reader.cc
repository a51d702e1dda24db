// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/text_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace seccompd::procfs {
namespace {

constexpr std::size_t kInitialBytes = std::size_t{16} << 10;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::size_t kEntryBytes = std::size_t{8} << 10;

// struct linux_dirent64 (getdents64(2)): the fixed part, then the name with its NUL.
constexpr std::size_t kLengthOffset = 16;
constexpr std::size_t kTypeOffset = 18;
constexpr std::size_t kNameOffset = 19;

base::Result<base::UniqueFd> Opened(int fd, const char* path) {
  if (fd < 0) return base::Fail(base::ErrnoError(errno, path));
  return base::UniqueFd(fd);
}

}  // namespace

TextReader::TextReader() : buffer_(kInitialBytes) {}

base::Result<std::string_view> TextReader::Read(int dir_fd, const char* path, FileShape shape) {
  TRY_ASSIGN(const base::UniqueFd fd, OpenFile(dir_fd, path));
  return ReadFd(fd.get(), shape);
}

base::Result<std::string_view> TextReader::ReadFd(int fd, FileShape shape) {
  std::size_t filled = 0;
  while (true) {
    const std::size_t room = buffer_.size() - filled;
    const ssize_t got = ::pread(fd, buffer_.data() + filled, room, static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::Fail(base::ErrnoError(errno, "read"));
    filled += static_cast<std::size_t>(got);
    const bool short_read = static_cast<std::size_t>(got) < room;
    if (got == 0 || (short_read && shape == FileShape::kOneRecord)) break;
    if (short_read) continue;
    if (filled >= kMaxBytes) {
      return base::Fail(base::ErrorCode::kResourceExhausted, "read: the file is larger than 4 MiB");
    }
    buffer_.resize(std::min(kMaxBytes, buffer_.size() * 2));
  }
  ++files_read_;
  return std::string_view(buffer_.data(), filled);
}

base::Result<base::UniqueFd> OpenFile(int dir_fd, const char* path) {
  return Opened(::openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), path);
}

base::Result<base::UniqueFd> OpenDirectory(int dir_fd, const char* name) {
  return Opened(::openat(dir_fd, name, kDirectoryFlags), name);
}

base::Result<base::UniqueFd> OpenDirectoryBeneath(int dir_fd, const char* path) {
  open_how how{};
  how.flags = std::uint64_t{kDirectoryFlags};
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Opened(static_cast<int>(::syscall(SYS_openat2, dir_fd, path, &how, sizeof how)), path);
}

base::Result<void> ForEachEntry(
    int dir_fd, const std::function<bool(std::string_view name, unsigned char type)>& visit) {
  if (::lseek(dir_fd, 0, SEEK_SET) < 0) return base::Fail(base::ErrnoError(errno, "lseek"));
  std::array<char, kEntryBytes> buffer{};
  while (true) {
    const long got = ::syscall(SYS_getdents64, dir_fd, buffer.data(), buffer.size());
    if (got < 0) return base::Fail(base::ErrnoError(errno, "getdents64"));
    if (got == 0) return {};
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const char* const entry = buffer.data() + at;
      std::uint16_t length = 0;
      std::memcpy(&length, entry + kLengthOffset, sizeof length);
      at += length;
      const std::string_view name(entry + kNameOffset);
      if (name == "." || name == "..") continue;
      if (!visit(name, static_cast<unsigned char>(entry[kTypeOffset]))) return {};
    }
  }
}

}  // namespace seccompd::procfs
