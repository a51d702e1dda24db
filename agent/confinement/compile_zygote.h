// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "agent/confinement/confinement.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/bpf/program.h"
#include "common/seccomp/profile.h"

namespace seccompd::agent {

// Bounds of one compilation. libseccomp 2.5 has known memory bugs and exponential inputs; whatever
// gets past bpf::CheckComplexity ends here, in a process that holds nothing.
struct CompileBounds {
  std::chrono::milliseconds cpu = std::chrono::seconds(2);    // rounded up to seconds
  std::chrono::milliseconds wall = std::chrono::seconds(10);  // a starved node is slow, not hostile
  std::size_t data_bytes = std::size_t{64} << 20;  // RLIMIT_DATA; not under AddressSanitizer
};

using CompileFunction =
    std::function<base::Result<bpf::Program>(const seccomp::Profile&, seccomp::Arch)>;

// Compiles profiles in a child process for each, forked by a process that was made, and confined,
// before the agent gave up the right to fork. Requests are answered one after the other, and block.
class CompileZygote {
 public:
  // Forks: call it while the process has one thread and nothing secret in memory. kOff leaves the
  // children unconfined, but bounded. `compile` is bpf::Compile but for tests.
  [[nodiscard]] static base::Result<std::unique_ptr<CompileZygote>> Start(
      ConfinementMode mode, const CompileBounds& bounds = {}, CompileFunction compile = {});
  ~CompileZygote();
  CompileZygote(const CompileZygote&) = delete;
  CompileZygote& operator=(const CompileZygote&) = delete;

  // kInvalidArgument: the profile is at fault, also by crashing its compiler or by taking too long.
  // kGone: the zygote has ended, which cannot be mended from inside: the agent must be restarted.
  [[nodiscard]] base::Result<bpf::Program> Compile(const seccomp::Profile& profile,
                                                   seccomp::Arch native);

  // Readable once the zygote has ended; for an event loop.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool gone() const { return gone_; }

 private:
  CompileZygote(base::UniqueFd socket, base::UniqueFd pidfd, pid_t pid);

  base::UniqueFd socket_;
  base::UniqueFd pidfd_;
  pid_t pid_;
  bool gone_ = false;
};

}  // namespace seccompd::agent
