// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace seccompd::procfs {

// Reads files of proc and cgroupfs through one buffer that grows as needed. A view it returned is valid
// until the next call. At most kMaxBytes (a status file can list 65,536 groups); more is kCorrupt.
class TextReader {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{4} << 20;

  TextReader();

  // O_RDONLY|O_NOFOLLOW|O_CLOEXEC relative to `dir_fd`, the whole file.
  [[nodiscard]] base::Result<std::string_view> Read(int dir_fd, const char* path);
  // The whole file behind `fd` from its start.
  [[nodiscard]] base::Result<std::string_view> ReadFd(int fd);

  [[nodiscard]] std::size_t files_read() const { return files_read_; }

 private:
  std::vector<char> buffer_;
  std::size_t files_read_ = 0;
};

// Opens a directory below `dir_fd`, never through a symlink.
[[nodiscard]] int OpenDirectory(int dir_fd, const char* path);

}  // namespace seccompd::procfs
