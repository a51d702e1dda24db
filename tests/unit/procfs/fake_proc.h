// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/procfs/container.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::procfs {

inline constexpr SeccompState kPlain{.mode = 0, .filters = 0, .no_new_privs = false};
inline constexpr SeccompState kFiltered{.mode = 2, .filters = 1, .no_new_privs = true};

struct FakeThread {
  pid_t tid = 0;
  SeccompState seccomp = kPlain;
  char state = 'S';
  std::uint64_t start_ticks = 100;
};

struct FakeProcess {
  pid_t pid = 0;
  SeccompState seccomp = kPlain;  // of the leader, as are the next two
  char state = 'S';
  std::uint64_t start_ticks = 100;
  std::vector<FakeThread> threads = {};  // besides the leader
};

// The files as the kernel would write them, for a process "app" of parent 1.
[[nodiscard]] std::string StatusText(const FakeProcess& process, const FakeThread& thread);
[[nodiscard]] std::string StatText(const FakeThread& thread);

// A directory of plain files below a temporary one. Not private to its owner, as the real trees. A
// file that is written again is a new one: who has the old one open keeps it.
class FakeTree {
 public:
  FakeTree();
  FakeTree& File(std::string_view path, std::string_view text, mode_t mode = 0644);
  FakeTree& Directory(std::string_view path, mode_t mode = 0755);
  FakeTree& Symlink(std::string_view path, std::string_view target);
  FakeTree& Remove(std::string_view path);
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }

 private:
  test_support::TempDir directory_;
  test_support::TreeBuilder builder_;
  base::UniqueFd fd_;
};

// Stands for /proc: <pid>/{stat,status,task/<tid>/{stat,status}}, and <tid> for every other thread.
class FakeProc : public FakeTree {
 public:
  // All files of the process anew; the old ones stay with who has them open.
  FakeProc& Add(const FakeProcess& process);
  FakeProc& End(pid_t pid);
  FakeProc& EndThread(pid_t pid, pid_t tid);
};

// As long as it lives the calling thread opens files as an unprivileged user, also where the test
// runs as root.
class AsNobody {
 public:
  AsNobody();
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody();

 private:
  bool root_;
};

}  // namespace seccompd::procfs
