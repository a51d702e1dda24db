// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/bpf/program.h"
#include "common/bpf/runc_stub.h"
#include "common/seccomp/profile.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::bpf {

// Builds the filter as runc and crun do: libseccomp, rules in file order, names resolved natively,
// rules equal to the default skipped, OR on a repeated argument index, bad arch untouched
// (KILL_THREAD). kInvalidArgument says which rule libseccomp refused and why, or that the profile
// is too complex to be built in bounded time. Writes to a memfd, the only way libseccomp 2.5
// exports a program, and raises libseccomp's API level; no other side effect.
[[nodiscard]] base::Result<Program> Compile(const seccomp::Profile& profile, seccomp::Arch native);

// The OCI runtime whose filter it is to be: runc puts a stub in front (runc_stub.h), crun, youki
// and libseccomp itself do not.
enum class Runtime : std::uint8_t { kCrun, kRunc };
std::string_view Name(Runtime runtime);  // "crun", "runc"

// The same as `runtime` loads it; `table` is that of the runtime's libseccomp, of all
// architectures.
[[nodiscard]] base::Result<Program> CompileFor(Runtime runtime, const seccomp::Profile& profile,
                                               seccomp::Arch native,
                                               const seccomp::SyscallTable& table,
                                               const RuncStub& version = {});

// Would Compile succeed? Costs a tenth of it for a usual profile; for checking many files.
[[nodiscard]] base::Result<> CheckCompiles(const seccomp::Profile& profile, seccomp::Arch native);

// "2.5.4": the library actually linked.
std::string LibseccompVersion();

}  // namespace seccompd::bpf
