// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "tests/support/exposition.h"
#include "tests/support/http_get.h"
#include "tests/support/subprocess.h"

namespace seccompd::test_support {

// The real `seccompd run` of this build (SECCOMPD_BINARY) on a free loopback port.
class AgentProcess {
 public:
  // `flags` follow `run`; --web.listen-address is added. Waits until the log says where it listens
  // (a JSON line with msg "listening" and field "address") and /readyz answers 200. `launcher` is
  // a command that ends by executing the rest of its line: setpriv(1).
  [[nodiscard]] static base::Result<AgentProcess> Start(
      std::vector<std::string> flags, std::chrono::milliseconds timeout = std::chrono::seconds(30),
      const std::vector<std::string>& launcher = {});

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::string LogSoFar() const { return child_.ErrSoFar(); }
  [[nodiscard]] base::Result<HttpReply> Get(const std::string& path) const;
  // FindSample in the present scrape.
  [[nodiscard]] std::optional<double> Metric(std::string_view series) const;
  // SIGTERM by pid, then the exit code; 137 when it had to be killed.
  [[nodiscard]] int Stop(std::chrono::milliseconds timeout = std::chrono::seconds(15));
  // The exit code if it ends by itself in time; -1 if it does not.
  [[nodiscard]] int WaitExit(std::chrono::milliseconds timeout);
  void Kill();  // SIGKILL: what a crash leaves behind

 private:
  AgentProcess(ChildProcess child, std::string address)
      : child_(std::move(child)), address_(std::move(address)) {}

  ChildProcess child_;
  std::string address_;
};

// The program of this build.
[[nodiscard]] std::string SeccompdPath();

// `seccompd <args>` of this build, to its end.
[[nodiscard]] base::Result<Outcome> RunSeccompd(
    std::vector<std::string> args, std::string stdin_text = {},
    std::chrono::milliseconds timeout = std::chrono::seconds(60));

}  // namespace seccompd::test_support
