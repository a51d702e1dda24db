// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/host/fs_ops.h"

namespace seccompd::host {

// Longest name of one path segment (NAME_MAX of every Linux file system we can meet).
inline constexpr std::size_t kMaxNameBytes = 255;

// An open parent directory and the last segment of a relative path below a root.
struct Place {
  FsFile directory;
  std::string name;
};

// The directory in which `path` lies, confined to `rootfd` (fs_ops.h Open); kNotFound when a level
// is absent, kFailedPrecondition when a level is a symlink or no directory.
[[nodiscard]] base::Result<Place> OpenParent(FsOps& fs, int rootfd, const std::string& path);

// Which levels above `path` do not exist yet, outermost first ("a", "a/b").
[[nodiscard]] base::Result<std::vector<std::string>> MissingParents(FsOps& fs, int rootfd,
                                                                    const std::string& path);

// Makes one directory, 0755 whatever the umask, and syncs its parent; kAlreadyExists if there is
// one.
[[nodiscard]] base::Result<> MakeDirectory(FsOps& fs, int rootfd, const std::string& path);

struct ReplaceOptions {
  std::string temp_name;  // in the same directory, fixed length; a left-over of that name is ours
  mode_t mode = 0644;
  bool may_replace = true;  // false: kAlreadyExists if the name is taken at the rename
  // What must hold before the name changes, such as a log that is on disk; its error stops us
  // there.
  std::function<base::Result<>()> before_rename{};
};

// Write + fchmod + fsync + rename + fsync(dir): a reader sees the whole old or the whole new file.
// On any error the old file stands and the temp is removed. If only the last fsync(dir) fails the
// new file stands and the error is returned: the caller repeats.
[[nodiscard]] base::Result<> AtomicReplace(FsOps& fs, int dirfd, const std::string& name,
                                           std::string_view bytes, const ReplaceOptions& options);

// All of `bytes` at `offset`, over short writes; a write of 0 bytes is kNoSpace.
[[nodiscard]] base::Result<> WriteAll(FsOps& fs, int fd, std::string_view bytes, off_t offset);

// Exactly `size` bytes from `offset`; kCorrupt if the file ends before.
[[nodiscard]] base::Result<std::string> ReadExactly(FsOps& fs, int fd, std::size_t size,
                                                    off_t offset);

// The whole of an open file, at most `max_bytes` (else kResourceExhausted).
[[nodiscard]] base::Result<std::string> ReadWhole(FsOps& fs, int fd, std::size_t max_bytes);

}  // namespace seccompd::host
