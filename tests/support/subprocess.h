// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace seccompd::test_support {

struct Command {
  std::vector<std::string> argv = {};           // argv[0] is looked up in PATH
  std::map<std::string, std::string> env = {};  // added to the environment of the test
  std::string directory = {};                   // "" = the test's
  std::string stdin_text = {};
};

// How a process ended. `exit_code` is 128 + signal for one that was killed, as a shell says it.
struct Outcome {
  int exit_code = -1;
  bool timed_out = false;
  std::string out = {};
  std::string err = {};
};

// A child that dies with this process. Output goes to memory files, never to pipes, so a container
// that inherits them cannot make a reader wait.
class ChildProcess {
 public:
  [[nodiscard]] static base::Result<ChildProcess> Start(const Command& command);

  ChildProcess(ChildProcess&&) noexcept = default;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // SIGKILL by pidfd if still running, then reaped

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool Running();
  // True if the signal was sent: the pidfd rules out a recycled pid.
  bool Signal(int signal) const;
  // The outcome once the process has ended; nullopt when `timeout` passes first. Idempotent.
  [[nodiscard]] std::optional<Outcome> Wait(std::chrono::milliseconds timeout);
  [[nodiscard]] std::string OutSoFar() const;
  [[nodiscard]] std::string ErrSoFar() const;

 private:
  ChildProcess() = default;

  pid_t pid_ = -1;
  base::UniqueFd pidfd_;
  base::UniqueFd out_;
  base::UniqueFd err_;
  std::optional<int> exit_code_;
};

// Runs to the end, or kills after `timeout` and says timed_out. An Error only if nothing was
// started.
[[nodiscard]] base::Result<Outcome> RunCommand(
    const Command& command, std::chrono::milliseconds timeout = std::chrono::seconds(20));

}  // namespace seccompd::test_support
