// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace seccompd::test_support {

// Files as literals below one root; parents are made as needed, existing files are replaced.
//   TreeBuilder(dir.path()).File("1/status", "Pid:\t1\n").Dir("2/task").Symlink("self", "1");
// Aborts the test program when the file system refuses, so that a test never runs on half a tree.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::string root) : root_(std::move(root)) {}

  TreeBuilder& File(std::string_view path, std::string_view content, mode_t mode = 0644);
  TreeBuilder& Dir(std::string_view path, mode_t mode = 0755);
  TreeBuilder& Symlink(std::string_view path, std::string_view target);
  TreeBuilder& Remove(std::string_view path);  // a whole tree; nothing there is fine

 private:
  [[nodiscard]] std::string Full(std::string_view path) const;

  std::string root_;
};

// The whole file; nullopt when it cannot be read.
[[nodiscard]] std::optional<std::string> ReadFile(const std::string& path);

}  // namespace seccompd::test_support
