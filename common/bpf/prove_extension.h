// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/decide.h"
#include "common/bpf/program.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

// A profile that extends another, as seccomp::Extend made it, with both filters.
struct ExtensionCase {
  const Program& base;
  const Program& result;
  const seccomp::Profile& extension;  // its rules; architectures as the base's
  const seccomp::Profile& rewritten;  // what `result` was compiled from
  seccomp::Arch native = seccomp::NativeArch();
  const seccomp::SyscallTable& table;  // of all architectures
};

// Does the result decide, for each of the 2^512 inputs, what the extension's rules say where they
// match, and elsewhere what the base does (an int argument without its high half, for the calls
// that are named)? Worked out from the conditions themselves; shares no code with the rewriting.
// kFailedPrecondition: it does not, with a witness; kResourceExhausted: undecided. Both mean that
// it must not be installed.
[[nodiscard]] base::Result<> ProveExtension(Workspace& workspace, const ExtensionCase& what);

// What stays open although a rule of the extension denies it: socketcall(2) and ipc(2), whose
// arguments no filter sees, and io_uring. One warning per way, saying how to close it.
[[nodiscard]] std::vector<seccomp::Diagnostic> OpenWays(Workspace& workspace,
                                                        const ExtensionCase& what);

}  // namespace seccompd::bpf
