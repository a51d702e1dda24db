// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/compare.h"
#include "common/bpf/program.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

// What changed in runc's -ENOSYS stub since 1.0.0 (libcontainer/seccomp/patchbpf/enosys_linux.go).
struct RuncStub {
  bool native_implied = true;  // 1.1.15, 1.2.0: the native architecture counts even if not listed
  bool s390_zero = true;       // 1.1.3: on s390 number 0 is no system call either
};

// "1.1.5", "v1.2.0", "1.1.5+ds1"; nullopt of what is no version. Newer ones are taken as the newest
// known.
std::optional<RuncStub> RuncStubOf(std::string_view version);

// The highest number that the profile's names, those of skipped and refusing rules too, have on
// each of its architectures in `table`: that of the libseccomp inside the runtime. Empty where runc
// makes no stub (ALLOW, LOG, TRACE by default), and architectures without any of the names are left
// out. x32 counts only if listed.
std::vector<LastSyscall> LastSyscalls(const seccomp::Profile& profile, seccomp::Arch native,
                                      const seccomp::SyscallTable& table,
                                      const RuncStub& version = {});

// The filter as runc loads it: above those numbers ENOSYS, whatever the default. runc's own order
// of architectures is random; this one is fixed, the meaning is the same. kInvalidArgument if the
// kernel would not take so many instructions.
[[nodiscard]] base::Result<Program> WithRuncStub(const Program& filter,
                                                 const std::vector<LastSyscall>& last,
                                                 const RuncStub& version = {});

}  // namespace seccompd::bpf
