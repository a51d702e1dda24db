// SPDX-License-Identifier: Apache-2.0
#include "common/host/atomic_replace.h"

#include <fcntl.h>
#include <linux/fs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace seccompd::host {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;

base::Error Explain(int negative_errno, const std::string& what) {
  const int number = -negative_errno;
  base::Error error = ErrnoError(number, what);
  if (number == ENOSYS) error.message += ": openat2 is missing, Linux 5.6 or newer is needed";
  if (number == ELOOP || number == ENOTDIR || number == EXDEV) {
    error.code = ErrorCode::kFailedPrecondition;
  }
  return error;
}

std::string_view ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

Result<FsFile> OpenDirectoryAt(FsOps& fs, int rootfd, std::string_view path) {
  const std::string name = path.empty() ? "." : std::string(path);
  const int fd = fs.Open(rootfd, name, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return Fail(Explain(fd, "open directory '" + name + "'"));
  return FsFile(fs, fd);
}

// The temp with its content, synced; removed again if anything fails.
Result<> WriteTemp(FsOps& fs, int dirfd, std::string_view bytes, const ReplaceOptions& options) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL;
  int fd = fs.Open(dirfd, options.temp_name, flags, 0600);
  if (fd == -EEXIST) {
    if (const int e = fs.Unlink(dirfd, options.temp_name); e < 0) {
      return Fail(Explain(e, "remove left-over '" + options.temp_name + "'"));
    }
    fd = fs.Open(dirfd, options.temp_name, flags, 0600);
  }
  if (fd < 0) return Fail(Explain(fd, "create temporary file"));
  FsFile file(fs, fd);
  auto written = WriteAll(fs, fd, bytes, 0);
  if (!written) return Fail(base::WithContext(std::move(written).error(), "temporary file"));
  // fchmod, not the open mode: the umask must not decide who can read a profile.
  if (const int e = fs.Chmod(fd, options.mode); e < 0)
    return Fail(Explain(e, "chmod temporary file"));
  if (const int e = fs.Fsync(fd); e < 0) return Fail(Explain(e, "fsync temporary file"));
  return {};
}

int RenameTemp(FsOps& fs, int dirfd, const std::string& name, const ReplaceOptions& options) {
  if (options.may_replace) return fs.Rename(dirfd, options.temp_name, name, 0);
  int e = fs.Rename(dirfd, options.temp_name, name, RENAME_NOREPLACE);
  if (e != -EINVAL) return e;
  // The file system cannot do it in one step (NFS): look, then rename.
  struct stat st {};
  const int found = fs.StatAt(dirfd, name, &st);
  if (found == 0) return -EEXIST;
  if (found != -ENOENT) return found;
  return fs.Rename(dirfd, options.temp_name, name, 0);
}

}  // namespace

Result<> WriteAll(FsOps& fs, int fd, std::string_view bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = fs.Write(fd, bytes, offset);
    if (n < 0) return Fail(Explain(static_cast<int>(n), "write"));
    if (n == 0) return Fail(ErrorCode::kNoSpace, "write: nothing was taken");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += n;
  }
  return {};
}

Result<std::string> ReadExactly(FsOps& fs, int fd, std::size_t size, off_t offset) {
  std::string text(size, '\0');
  std::size_t used = 0;
  while (used < size) {
    const ssize_t n =
        fs.Read(fd, text.data() + used, size - used, offset + static_cast<off_t>(used));
    if (n < 0) return Fail(Explain(static_cast<int>(n), "read"));
    if (n == 0) return Fail(ErrorCode::kCorrupt, "read: the file is shorter than it should be");
    used += static_cast<std::size_t>(n);
  }
  return text;
}

Result<std::string> ReadWhole(FsOps& fs, int fd, std::size_t max_bytes) {
  struct stat st {};
  if (const int e = fs.Stat(fd, &st); e < 0) return Fail(Explain(e, "stat"));
  std::string text;
  std::size_t used = 0;
  std::size_t want = static_cast<std::size_t>(std::max<off_t>(st.st_size, 0)) + 1;
  for (;;) {
    text.resize(std::min(used + want, max_bytes + 1));
    const ssize_t n = fs.Read(fd, text.data() + used, text.size() - used, static_cast<off_t>(used));
    if (n < 0) return Fail(Explain(static_cast<int>(n), "read"));
    used += static_cast<std::size_t>(n);
    if (used > max_bytes) {
      return Fail(ErrorCode::kResourceExhausted,
                  "longer than " + std::to_string(max_bytes) + " bytes");
    }
    if (n == 0) break;
    want = 65'536;
  }
  text.resize(used);
  return text;
}

Result<Place> OpenParent(FsOps& fs, int rootfd, const std::string& path) {
  const std::string_view parent = ParentOf(path);
  const std::string name = parent.empty() ? path : path.substr(parent.size() + 1);
  if (name.empty() || name == "." || name == ".." || name.size() > kMaxNameBytes) {
    return Fail(ErrorCode::kInvalidArgument, "'" + path + "' is no path of a file");
  }
  TRY_ASSIGN(FsFile directory, OpenDirectoryAt(fs, rootfd, parent));
  return Place{std::move(directory), name};
}

Result<std::vector<std::string>> MissingParents(FsOps& fs, int rootfd, const std::string& path) {
  std::vector<std::string> missing;
  for (std::string_view level = ParentOf(path); !level.empty(); level = ParentOf(level)) {
    auto directory = OpenDirectoryAt(fs, rootfd, level);
    if (directory) break;
    if (directory.error().code != ErrorCode::kNotFound) {
      return Fail(std::move(directory).error());
    }
    missing.insert(missing.begin(), std::string(level));
  }
  return missing;
}

Result<> MakeDirectory(FsOps& fs, int rootfd, const std::string& path) {
  TRY_ASSIGN(Place place, OpenParent(fs, rootfd, path));
  if (const int e = fs.MakeDirectory(place.directory.fd(), place.name, 0755); e < 0) {
    return Fail(Explain(e, "make directory '" + path + "'"));
  }
  TRY_ASSIGN(FsFile made, OpenDirectoryAt(fs, place.directory.fd(), place.name));
  if (const int e = fs.Chmod(made.fd(), 0755); e < 0) {
    return Fail(Explain(e, "chmod directory '" + path + "'"));
  }
  if (const int e = fs.Fsync(place.directory.fd()); e < 0) {
    return Fail(Explain(e, "fsync the parent of '" + path + "'"));
  }
  return {};
}

Result<> AtomicReplace(FsOps& fs, int dirfd, const std::string& name, std::string_view bytes,
                       const ReplaceOptions& options) {
  auto written = WriteTemp(fs, dirfd, bytes, options);
  if (written && options.before_rename) written = options.before_rename();
  if (!written) {
    // What stops us is told; that the temp may stay until the next start is not worth hiding it.
    (void)fs.Unlink(dirfd, options.temp_name);
    return written;
  }
  if (const int e = RenameTemp(fs, dirfd, name, options); e < 0) {
    (void)fs.Unlink(dirfd, options.temp_name);
    return Fail(Explain(e, "rename into '" + name + "'"));
  }
  if (const int e = fs.Fsync(dirfd); e < 0) {
    return Fail(Explain(e, "fsync the directory of '" + name + "'"));
  }
  return {};
}

}  // namespace seccompd::host
