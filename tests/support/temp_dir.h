// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace seccompd::test_support {

// A fresh directory (mode 0700) below $TMPDIR or /tmp, removed with everything in it at the end of
// its life. Aborts the test program if it cannot be made.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // "<path>/<name>"; nothing is made.
  [[nodiscard]] std::string Join(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace seccompd::test_support
