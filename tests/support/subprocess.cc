// SPDX-License-Identifier: Apache-2.0
#include "tests/support/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

namespace seccompd::test_support {
namespace {

using std::chrono::milliseconds;

std::string ReadAll(int fd) {
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0) return {};
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

base::Result<base::UniqueFd> MemoryFile(const char* name, std::string_view content) {
  base::UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd.valid()) return base::Fail(base::ErrnoError(errno, "memfd_create"));
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0) return base::Fail(base::ErrnoError(errno, "write to memfd"));
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) {
      environment.emplace_back(text);
    }
  }
  for (const auto& [name, value] : added) environment.push_back(name + "=" + value);
  return environment;
}

struct Files {
  int in, out, err, exec_error;
};

// Between fork and exec: async-signal-safe calls only. Reports the errno of a failure on
// exec_error.
[[noreturn]] void ExecChild(const Files& files, pid_t parent, const char* directory, char** argv,
                            char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool ready = ::getppid() == parent && ::dup2(files.in, STDIN_FILENO) >= 0 &&
                     ::dup2(files.out, STDOUT_FILENO) >= 0 &&
                     ::dup2(files.err, STDERR_FILENO) >= 0 &&
                     (directory == nullptr || ::chdir(directory) == 0);
  if (ready) ::execvpe(argv[0], argv, environment);
  const int error = errno;
  [[maybe_unused]] const ssize_t n = ::write(files.exec_error, &error, sizeof(error));
  ::_exit(127);
}

}  // namespace

base::Result<ChildProcess> ChildProcess::Start(const Command& command) {
  if (command.argv.empty()) return base::Fail(base::ErrorCode::kInvalidArgument, "empty argv");
  ChildProcess child;
  TRY_ASSIGN(base::UniqueFd in, MemoryFile("stdin", command.stdin_text));
  TRY_ASSIGN(child.out_, MemoryFile("stdout", {}));
  TRY_ASSIGN(child.err_, MemoryFile("stderr", {}));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return base::Fail(base::ErrnoError(errno, "pipe2"));
  base::UniqueFd exec_error(ends[0]);
  base::UniqueFd exec_error_writer(ends[1]);

  std::vector<std::string> words = command.argv;
  std::vector<std::string> variables = Environment(command.env);
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> environment = Pointers(variables);
  const Files files{in.get(), child.out_.get(), child.err_.get(), exec_error_writer.get()};
  const char* directory = command.directory.empty() ? nullptr : command.directory.c_str();
  const pid_t parent = ::getpid();
  child.pid_ = ::fork();
  if (child.pid_ < 0) return base::Fail(base::ErrnoError(errno, "fork"));
  if (child.pid_ == 0) {
    ExecChild(files, parent, directory, const_cast<char**>(argv.data()),
              const_cast<char**>(environment.data()));
  }
  exec_error_writer.reset();
  child.pidfd_ = base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid_, 0)));
  if (!child.pidfd_.valid()) return base::Fail(base::ErrnoError(errno, "pidfd_open"));
  int error = 0;
  if (::read(exec_error.get(), &error, sizeof(error)) == sizeof(error)) {
    return base::Fail(base::ErrnoError(error, command.argv[0]));
  }
  return child;
}

ChildProcess::~ChildProcess() {
  if (!pidfd_.valid() || exit_code_) return;
  Signal(SIGKILL);
  [[maybe_unused]] const auto outcome = Wait(std::chrono::seconds(10));
}

bool ChildProcess::Signal(int signal) const {
  if (!pidfd_.valid() || exit_code_) return false;
  return ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) == 0;
}

bool ChildProcess::Running() { return !Wait(milliseconds(0)).has_value(); }

std::optional<Outcome> ChildProcess::Wait(milliseconds timeout) {
  if (!exit_code_) {
    pollfd entry{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    int ready = 0;
    do {
      const auto left =
          std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
      ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return std::nullopt;
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) return std::nullopt;
    exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return Outcome{
      .exit_code = *exit_code_, .timed_out = false, .out = OutSoFar(), .err = ErrSoFar()};
}

std::string ChildProcess::OutSoFar() const { return ReadAll(out_.get()); }
std::string ChildProcess::ErrSoFar() const { return ReadAll(err_.get()); }

base::Result<Outcome> RunCommand(const Command& command, milliseconds timeout) {
  TRY_ASSIGN(ChildProcess child, ChildProcess::Start(command));
  if (auto outcome = child.Wait(timeout)) return *std::move(outcome);
  child.Signal(SIGKILL);
  Outcome outcome = child.Wait(std::chrono::seconds(10)).value_or(Outcome{});
  outcome.timed_out = true;
  return outcome;
}

}  // namespace seccompd::test_support
