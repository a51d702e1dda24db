// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace seccompd::procfs {

// How the kernel hands a file out. One record (status, stat): a read that does not fill the buffer
// was all of it, which saves the read that returns 0. Many (cgroup.procs): read until 0.
enum class FileShape { kOneRecord, kManyRecords };

// Reads files of proc and cgroupfs through one buffer that grows as needed. A view it returned is
// valid until the next call. More than kMaxBytes (a status file may list 65,536 groups, a
// cgroup.procs some 300,000 pids) is kResourceExhausted.
class TextReader {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{4} << 20;

  TextReader();

  // The whole file `path` below `dir_fd`; never through a symlink in the last segment.
  [[nodiscard]] base::Result<std::string_view> Read(int dir_fd, const char* path, FileShape shape);
  // The whole file behind `fd`, from its start, whatever was read of it before.
  [[nodiscard]] base::Result<std::string_view> ReadFd(int fd, FileShape shape);

  // Files read successfully since construction.
  [[nodiscard]] std::size_t FilesRead() const { return files_read_; }

 private:
  std::vector<char> buffer_;
  std::size_t files_read_ = 0;
};

[[nodiscard]] base::Result<base::UniqueFd> OpenFile(int dir_fd, const char* path);

// One segment below `dir_fd`; a symlink is refused.
[[nodiscard]] base::Result<base::UniqueFd> OpenDirectory(int dir_fd, const char* name);
// Several segments, none of them a symlink or "..": openat2, Linux 5.6.
[[nodiscard]] base::Result<base::UniqueFd> OpenDirectoryBeneath(int dir_fd, const char* path);

// Calls `visit` with the name and d_type of each entry but "." and "..", until it returns false.
// The views hold for that call. `dir_fd` is read from its start.
[[nodiscard]] base::Result<void> ForEachEntry(
    int dir_fd, const std::function<bool(std::string_view name, unsigned char type)>& visit);

}  // namespace seccompd::procfs
