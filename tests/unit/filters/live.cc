// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/filters/live.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

namespace seccompd::filters::live {
namespace {

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t kJumpEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t kReturn = BPF_RET | BPF_K;

std::string Errno(const std::string& what) { return what + ": " + std::strerror(errno); }

void Tell(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) < 0) ::_exit(99);
}

// Until the writer closes or, for `until`, that byte came.
std::string ReadAll(int fd, std::optional<char> until = std::nullopt) {
  std::string all;
  char byte = 0;
  while (::read(fd, &byte, 1) == 1) {
    if (until && byte == *until) break;
    all += byte;
  }
  return all;
}

}  // namespace

void RootTest::SetUp() {
  if (::geteuid() == 0) return;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string(ci) == "true") FAIL() << "must run as root";
  GTEST_SKIP() << "needs root";
}

bpf::Program Marked(std::uint32_t mark, std::size_t size) {
  bpf::Program program(size - 1, {BPF_LD | BPF_IMM, 0, 0, mark});
  for (std::size_t i = 0; i < program.size(); ++i) program[i].k += static_cast<std::uint32_t>(i);
  program.push_back({kReturn, 0, 0, SECCOMP_RET_ALLOW});
  return program;
}

bpf::Program Allow() { return Marked(0, 1); }

bpf::Program OnlyIterCreate() {
  return {{kLoad, 0, 0, offsetof(seccomp_data, nr)},   {kJumpEqual, 0, 3, SYS_bpf},
          {kLoad, 0, 0, offsetof(seccomp_data, args)}, {kJumpEqual, 1, 0, BPF_ITER_CREATE},
          {kReturn, 0, 0, SECCOMP_RET_KILL_PROCESS},   {kReturn, 0, 0, SECCOMP_RET_ALLOW}};
}

bpf::Program NoBpf(std::uint16_t error) {
  return {{kLoad, 0, 0, offsetof(seccomp_data, nr)},
          {kJumpEqual, 0, 1, SYS_bpf},
          {kReturn, 0, 0, SECCOMP_RET_ERRNO | error},
          {kReturn, 0, 0, SECCOMP_RET_ALLOW}};
}

std::string LoadFilter(const bpf::Program& program, unsigned flags) {
  std::vector<sock_filter> raw;
  raw.reserve(program.size());
  for (const bpf::Instruction& i : program) raw.push_back({i.code, i.jt, i.jf, i.k});
  const sock_fprog loaded{.len = static_cast<unsigned short>(raw.size()), .filter = raw.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Errno("no_new_privs");
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &loaded) != 0) return Errno("seccomp");
  return "";
}

std::string SetCapabilities(std::uint64_t bits) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return Errno("ambient");
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const auto low = static_cast<std::uint32_t>(bits);
  const auto high = static_cast<std::uint32_t>(bits >> 32);
  const std::array<__user_cap_data_struct, 2> sets{
      {{.effective = low, .permitted = low, .inheritable = 0},
       {.effective = high, .permitted = high, .inheritable = 0}}};
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return Errno("capset");
  return "";
}

Sleeper::Sleeper(const std::function<std::string()>& setup) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    error_ = Errno("pipe");
    return;
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Tell(ends[1], setup() + "\n");
    for (;;) ::pause();
  }
  ::close(ends[1]);
  error_ = pid_ < 0 ? Errno("fork") : ReadAll(ends[0], '\n');
  ::close(ends[0]);
}

Sleeper::Sleeper(const std::vector<bpf::Program>& stack)
    : Sleeper([&stack] {
        for (const bpf::Program& program : stack) {
          if (std::string error = LoadFilter(program); !error.empty()) return error;
        }
        return std::string();
      }) {}

Sleeper::~Sleeper() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string RunInChild(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Errno("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    Tell(ends[1], body());
    ::_exit(0);
  }
  ::close(ends[1]);
  if (child < 0) return Errno("fork");
  std::string answer = ReadAll(ends[0]);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) answer += "killed by signal " + std::to_string(WTERMSIG(status));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    answer += "exited with " + std::to_string(WEXITSTATUS(status));
  }
  return answer;
}

std::string StatusField(const std::string& path, const std::string& field) {
  std::ifstream file("/proc/" + path + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":"))
      return line.substr(line.find_first_not_of(" \t", field.size() + 1));
  }
  return "";
}

const Task* FindTask(std::span<const Task> tasks, pid_t tid) {
  for (const Task& task : tasks) {
    if (task.id.pid == tid) return &task;
  }
  return nullptr;
}

tl::expected<bpf::Stack, std::string> ReadStack(FilterReader& reader, pid_t tid) {
  std::vector<Task> tasks;
  if (auto done = reader.Scan(tasks); !done) return tl::unexpected(done.error().message);
  const Task* task = FindTask(tasks, tid);
  if (task == nullptr) return tl::unexpected(std::string("not in the scan"));
  const DumpRequest request{.id = task->id, .filter = task->filter};
  Dump dump;
  auto done = reader.DumpStacks({&request, 1}, [&](Dump answer) { dump = std::move(answer); });
  if (!done) return tl::unexpected(done.error().message);
  if (!dump.stack) return tl::unexpected(std::string(UnknownName(dump.stack.error())));
  return std::move(*dump.stack);
}

}  // namespace seccompd::filters::live
