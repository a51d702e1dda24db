// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace seccompd::procfs {

// A system call of the code under test that is about to be made.
struct Call {
  enum class Kind { kOpen, kRead, kList };
  Kind kind = Kind::kOpen;
  std::string path;  // of the file, absolute

  [[nodiscard]] bool Opens(std::string_view end) const { return Is(Kind::kOpen, end); }
  [[nodiscard]] bool Reads(std::string_view end) const { return Is(Kind::kRead, end); }
  [[nodiscard]] bool Lists(std::string_view end) const { return Is(Kind::kList, end); }

 private:
  [[nodiscard]] bool Is(Kind wanted, std::string_view end) const {
    return kind == wanted && path.ends_with(end);
  }
};

// 0: let the kernel make the call. An errno: it fails with that. kShort: a read gives at most a
// page, as the kernel's lists do. Here a test lets processes end and cgroups vanish, at the one
// moment that it is about.
using CallScript = std::function<int(const Call&)>;
inline constexpr int kShort = -1;

// Runs `body` in a thread of its own, each openat(2), pread(2) and getdents64(2) of which is shown
// to `script` in the calling thread first. By seccomp user notification (Linux 5.5): no privilege
// is needed, and the code under test is as it ships.
void RunScripted(const CallScript& script, const std::function<void()>& body);

}  // namespace seccompd::procfs
