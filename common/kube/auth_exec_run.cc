// SPDX-License-Identifier: Apache-2.0
#include "common/kube/auth_exec_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"

namespace seccompd::kube {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = std::size_t{1} << 20;

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The caller's environment with what the kubeconfig adds or overrides.
std::vector<std::string> EnvironmentOf(const ExecConfig& exec, const std::string& exec_info) {
  std::vector<std::string> added = {"KUBERNETES_EXEC_INFO=" + exec_info};
  for (const auto& [name, value] : exec.env) {
    std::string& entry = added.emplace_back(name);
    entry.append("=").append(value);
  }
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    bool overridden = false;
    for (const std::string& mine : added) overridden |= mine.starts_with(name);
    if (!overridden) all.emplace_back(entry);
  }
  all.insert(all.end(), added.begin(), added.end());
  return all;
}

struct Child {
  pid_t pid = -1;
  base::UniqueFd out;
};

Result<Child> Start(const ExecConfig& exec, const std::string& exec_info) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(base::ErrnoError(errno, "pipe"));
  Child child;
  child.out = base::UniqueFd(ends[0]);
  const base::UniqueFd write_end(ends[1]);
  std::vector<std::string> args = {exec.command};
  args.insert(args.end(), exec.args.begin(), exec.args.end());
  std::vector<std::string> env = EnvironmentOf(exec, exec_info);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  const int code = ::posix_spawnp(&child.pid, exec.command.c_str(), &actions, nullptr,
                                  Pointers(args).data(), Pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  if (code == 0) return child;
  std::string what = "credential plugin '" + base::Printable(exec.command) + "'";
  if (code == ENOENT && !exec.install_hint.empty()) {
    what += " is not installed: " + base::Printable(exec.install_hint);
  }
  return Fail(base::ErrnoError(code, what));
}

Result<std::string> ReadAll(int fd, Clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return Fail(base::ErrnoError(errno, "poll"));
    if (ready == 0) return Fail(ErrorCode::kDeadlineExceeded, "no answer within the deadline");
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(base::ErrnoError(errno, "read"));
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxOutput) {
      return Fail(ErrorCode::kResourceExhausted, "printed more than a mebibyte");
    }
  }
}

// The plugin has closed its output: it has until the deadline to end, too.
Result<int> WaitFor(pid_t pid, Clock::time_point deadline) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return status;
    if (ended < 0 && errno != EINTR) return Fail(base::ErrnoError(errno, "waitpid"));
    if (Clock::now() >= deadline) return Fail(ErrorCode::kDeadlineExceeded, "did not end");
    static_cast<void>(::poll(nullptr, 0, 5));
  }
}

}  // namespace

Result<std::string> RunExecPlugin(const ExecConfig& exec, const std::string& exec_info,
                                  std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  TRY_ASSIGN(const Child child, Start(exec, exec_info));
  const std::string what = "credential plugin '" + base::Printable(exec.command) + "'";
  auto text = ReadAll(child.out.get(), deadline);
  Result<int> status = text ? WaitFor(child.pid, deadline) : Fail(text.error());
  if (!status) {
    // Ours alone: no other process of that number can exist before it is waited for.
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    return Fail(base::WithContext(status.error(), what));
  }
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return text;
  const std::string how = WIFEXITED(*status) ? "exit code " + std::to_string(WEXITSTATUS(*status))
                                             : "signal " + std::to_string(WTERMSIG(*status));
  return Fail(ErrorCode::kUnavailable, what + " failed: " + how);
}

}  // namespace seccompd::kube
