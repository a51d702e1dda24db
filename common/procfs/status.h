// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/procfs/container.h"

namespace seccompd::procfs {

// What is needed of /proc/<pid>/status and /proc/<pid>/task/<tid>/status: one thread.
struct Status {
  std::string comm;  // unescaped: may hold newlines and terminal controls, print escaped
  char state = '?';  // proc(5): R S D Z T t X I ...
  pid_t tgid = 0;
  pid_t pid = 0;  // of the thread
  pid_t ppid = 0;
  int threads = 0;  // of the process; a zombie leader is counted with its live threads
  SeccompState seccomp;

  bool operator==(const Status&) const = default;
};

// The whole text of the file. Fields may come in any order and unknown ones are skipped; a field of
// `Status` that is missing, repeated or out of range is kCorrupt. Only Seccomp_filters may be
// missing (before Linux 5.9). Name cannot fake another line: the kernel writes its newlines as
// "\n". Source of truth: fs/proc/array.c. A valid text costs no heap allocation unless comm exceeds
// 15 bytes.
[[nodiscard]] base::Result<Status> ParseStatus(std::string_view text);

}  // namespace seccompd::procfs
