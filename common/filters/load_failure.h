// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/base/error.h"

namespace seccompd::filters {

// What is known about this host when the kernel refused the iterator. Plain facts, so that the
// explanation is a pure function.
struct LoadFailure {
  int sys_errno = 0;
  std::string log;              // what libbpf and the verifier said, lines
  std::string kernel_release;   // uname -r
  bool has_btf = true;          // /sys/kernel/btf/vmlinux is readable
  bool has_seccomp = true;      // the kernel knows seccomp filters
  std::uint64_t effective = 0;  // capability bits of the caller
  bool user_namespace = false;  // not the initial one: capabilities do not count for bpf(2)
  int seccomp_mode = 0;         // of the caller
  int bpf_errno = 0;            // of a bpf(2) call without meaning; EINVAL where it is let through
  std::string lockdown;         // active mode: "", "none", "integrity", "confidentiality"
  std::uint64_t memlock_limit = 0;  // bytes, RLIMIT_MEMLOCK; maps count before Linux 5.11
  std::uint64_t memlock_needed = 0;
};

// One sentence: which requirement is missing and what to do about it.
base::Error Explain(const LoadFailure& failure);

}  // namespace seccompd::filters
