// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "common/seccomp/profile.h"

namespace seccompd::agent {

// Who is to run under the profile: the agent itself, or the process that compiles profiles for it.
enum class Role : std::uint8_t { kAgent, kCompiler };

struct OwnProfileOptions {
  Role role = Role::kAgent;
  pid_t pid = 0;      // the only process that may be signalled: abort(3) needs that
  bool kill = false;  // what is not allowed ends the process, instead of EPERM
};

// The profile under which seccompd itself runs, x86_64 and aarch64: an allow list. No execve, no
// ptrace or process_vm_*, no mount, no signal or limit of another process; clone makes threads only
// (the compiler: plain forks), bpf(2) is BPF_ITER_CREATE only, sockets are unix, IP and netlink,
// and no memory becomes executable.
[[nodiscard]] seccomp::Profile OwnProfile(const OwnProfileOptions& options);

}  // namespace seccompd::agent
