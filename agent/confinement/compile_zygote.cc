// SPDX-License-Identifier: Apache-2.0
#include "agent/confinement/compile_zygote.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "common/bpf/compile.h"
#include "common/seccomp/arch.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Result;
using base::UniqueFd;

// One message is its size, then that many bytes. A request: the architecture, then the profile as
// canonical JSON. An answer: its kind, then a program or an error's message.
using Size = std::uint32_t;
constexpr Size kMostRequest = Size{4} << 20;
constexpr Size kMostAnswer = Size{1} << 16;
enum class Kind : char { kProgram = 'p', kRefused = 'r' };

constexpr int kWorkerFailed = 3;
constexpr std::chrono::milliseconds kPatience{2'000};  // beyond the worker's own limits

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool ReadAll(int fd, char* to, std::size_t size) {
  while (size != 0) {
    const ssize_t n = ::read(fd, to, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

std::string Framed(std::string_view payload) {
  const auto size = static_cast<Size>(payload.size());
  std::string message(reinterpret_cast<const char*>(&size), sizeof(size));
  message += payload;
  return message;
}

bool Send(int fd, std::string_view payload) {
  const std::string message = Framed(payload);
  std::string_view left = message;
  while (!left.empty()) {
    const ssize_t n = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::optional<Size> ReceiveSize(int fd, Size most) {
  Size size = 0;
  if (!ReadAll(fd, reinterpret_cast<char*>(&size), sizeof(size)) || size > most) return {};
  return size;
}

std::optional<std::string> Receive(int fd, Size most) {
  const auto size = ReceiveSize(fd, most);
  if (!size) return {};
  std::string payload(*size, '\0');
  if (!ReadAll(fd, payload.data(), payload.size())) return {};
  return payload;
}

std::string Answer(Kind kind, std::string_view body) {
  std::string answer(1, static_cast<char>(kind));
  answer += body.substr(0, kMostAnswer - 1);
  return answer;
}

long CpuSeconds(const CompileBounds& bounds) {
  return std::chrono::ceil<std::chrono::seconds>(bounds.cpu).count();
}

// Bounds this process, a worker, before it looks at what it was sent. How it ends is an answer,
// too.
void BoundWorker(const CompileBounds& bounds) {
  const auto cpu = static_cast<rlim_t>(CpuSeconds(bounds));
  const rlimit seconds{.rlim_cur = cpu, .rlim_max = cpu + 1};  // SIGXCPU, then SIGKILL
  const rlimit nothing{};
  const rlimit memory{.rlim_cur = bounds.data_bytes, .rlim_max = bounds.data_bytes};
  bool bounded = ::setrlimit(RLIMIT_CPU, &seconds) == 0 && ::setrlimit(RLIMIT_CORE, &nothing) == 0;
#ifndef __SANITIZE_ADDRESS__
  bounded = bounded && ::setrlimit(RLIMIT_DATA, &memory) == 0;
#else
  static_cast<void>(memory);
#endif
  itimerval wall{};
  wall.it_value.tv_sec = bounds.wall.count() / 1000;
  wall.it_value.tv_usec = bounds.wall.count() % 1000 * 1000;
  bounded = bounded && ::setitimer(ITIMER_REAL, &wall, nullptr) == 0;
  if (!bounded) ::_exit(kWorkerFailed);
}

std::string AnswerTo(std::string_view request, const CompileFunction& compile) {
  const auto arch = request.empty() ? 255U : static_cast<unsigned char>(request.front());
  if (arch >= seccomp::kArchCount)
    return Answer(Kind::kRefused, "the request names no architecture");
  const auto parsed = seccomp::ParseProfile(request.substr(1));
  if (!parsed.profile) return Answer(Kind::kRefused, "its canonical form cannot be read back");
  const auto program = compile(*parsed.profile, static_cast<seccomp::Arch>(arch));
  if (!program) return Answer(Kind::kRefused, program.error().message);
  return Answer(Kind::kProgram, {reinterpret_cast<const char*>(program->data()),
                                 program->size() * sizeof(bpf::Instruction)});
}

// A worker waits for its one request: it is forked before there is one, because fork(2) and the end
// of a process are most of what a short profile costs.
struct Worker {
  pid_t pid = -1;
  UniqueFd request;
  UniqueFd answer;
};

[[noreturn]] void RunWorker(int request, int answer, pid_t zygote, const CompileBounds& bounds,
                            const CompileFunction& compile) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != zygote) ::_exit(kWorkerFailed);
  const auto size = ReceiveSize(request, kMostRequest);
  if (!size) ::_exit(0);
  BoundWorker(bounds);
  std::string text(*size, '\0');
  if (!ReadAll(request, text.data(), text.size())) ::_exit(kWorkerFailed);
  ::_exit(WriteAll(answer, Framed(AnswerTo(text, compile))) ? 0 : kWorkerFailed);
}

Worker MakeWorker(int socket, const CompileBounds& bounds, const CompileFunction& compile) {
  const pid_t self = ::getpid();
  std::array<int, 2> requests{};
  std::array<int, 2> answers{};
  if (::pipe2(requests.data(), O_CLOEXEC) != 0 || ::pipe2(answers.data(), O_CLOEXEC) != 0) {
    ::_exit(kWorkerFailed);
  }
  Worker worker;
  worker.pid = ::fork();
  if (worker.pid < 0) ::_exit(kWorkerFailed);
  if (worker.pid == 0) {
    ::close(socket);
    ::close(requests[1]);
    ::close(answers[0]);
    RunWorker(requests[0], answers[1], self, bounds, compile);
  }
  ::close(requests[0]);
  ::close(answers[1]);
  worker.request = UniqueFd(requests[1]);
  worker.answer = UniqueFd(answers[0]);
  return worker;
}

struct WorkerAnswer {
  std::string bytes;
  bool whole = false;  // else the worker ended first, and how it did is the answer
};

// nullopt: the worker outlives all its limits.
std::optional<WorkerAnswer> ReadWorker(int pipe, std::chrono::milliseconds timeout) {
  WorkerAnswer answer;
  std::array<char, 4096> buffer{};
  for (;;) {
    Size size = 0;
    if (answer.bytes.size() >= sizeof(size)) {
      std::memcpy(&size, answer.bytes.data(), sizeof(size));
      answer.whole = size > 0 && size <= kMostAnswer && answer.bytes.size() == sizeof(size) + size;
    }
    if (answer.whole || answer.bytes.size() > sizeof(size) + kMostAnswer) return answer;
    pollfd entry{.fd = pipe, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(timeout.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return {};
    const ssize_t n = ::read(pipe, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return answer;
    answer.bytes.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

// Of a worker that ended without an answer.
std::string Outcome(int status, const CompileBounds& bounds) {
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGXCPU || signal == SIGALRM) {
    return Answer(Kind::kRefused,
                  fmt::format("compiling it takes more than {} s: given up", CpuSeconds(bounds)));
  }
  if (signal != 0 && signal != SIGKILL) {
    return Answer(Kind::kRefused,
                  fmt::format("compiling it crashes libseccomp: {}", ::sigdescr_np(signal)));
  }
  return Answer(Kind::kRefused, "compiling it fails: too little memory, or a defect of libseccomp");
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (::wait4(pid, &status, 0, nullptr) < 0 && errno == EINTR) {
  }
  return status;
}

// One worker for each request, until the agent has closed its end.
[[noreturn]] void Serve(int socket, const CompileBounds& bounds, const CompileFunction& compile) {
  Worker worker = MakeWorker(socket, bounds, compile);
  while (const auto request = Receive(socket, kMostRequest)) {
    // Killed while it waited: that says nothing of the profile.
    if (::wait4(worker.pid, nullptr, WNOHANG, nullptr) != 0) {
      worker = MakeWorker(socket, bounds, compile);
    }
    // A worker that is gone says so by its answer.
    static_cast<void>(WriteAll(worker.request.get(), Framed(*request)));
    worker.request.reset();
    auto answer = ReadWorker(worker.answer.get(), bounds.wall + kPatience);
    worker.answer.reset();
    if (!answer) ::_exit(kWorkerFailed);  // and the worker by its parent-death signal
    bool sent = false;
    if (answer->whole) {
      sent = Send(socket, std::string_view(answer->bytes).substr(sizeof(Size)));
      WaitFor(worker.pid);
    } else {
      sent = Send(socket, Outcome(WaitFor(worker.pid), bounds));
    }
    if (!sent) break;
    worker = MakeWorker(socket, bounds, compile);
  }
  ::_exit(0);
}

// Nothing of the agent but the socket; libseccomp's and malloc's last words go nowhere.
[[noreturn]] void RunZygote(int socket, ConfinementMode mode, const CompileBounds& bounds,
                            const CompileFunction& compile) {
  ::prctl(PR_SET_NAME, "seccompd-compile");
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  constexpr int kSocket = STDERR_FILENO + 1;
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) ::dup2(null, fd);
  if (socket != kSocket && ::dup2(socket, kSocket) < 0) ::_exit(kWorkerFailed);
  ::syscall(SYS_close_range, kSocket + 1, ~0U, 0);
  if (!Confine({.mode = mode, .role = Role::kCompiler})) ::_exit(kWorkerFailed);
  if (!Send(kSocket, "ready")) ::_exit(kWorkerFailed);
  Serve(kSocket, bounds, compile);
}

bool SetTimeouts(int socket, std::chrono::milliseconds timeout) {
  const timeval limit{.tv_sec = timeout.count() / 1000, .tv_usec = 0};
  return ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
         ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0;
}

}  // namespace

CompileZygote::CompileZygote(UniqueFd socket, UniqueFd pidfd, pid_t pid)
    : socket_(std::move(socket)), pidfd_(std::move(pidfd)), pid_(pid) {}

CompileZygote::~CompileZygote() = default;  // its end of the socket is what keeps the zygote alive

Result<std::unique_ptr<CompileZygote>> CompileZygote::Start(ConfinementMode mode,
                                                            const CompileBounds& bounds,
                                                            CompileFunction compile) {
  if (!compile) compile = &bpf::Compile;
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::Fail(base::ErrnoError(errno, "socketpair"));
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  if (!SetTimeouts(ours.get(), bounds.wall + 2 * kPatience)) {
    return base::Fail(base::ErrnoError(errno, "setsockopt"));
  }
  const pid_t pid = ::fork();
  if (pid < 0) return base::Fail(base::ErrnoError(errno, "fork"));
  if (pid == 0) {
    ours.reset();
    RunZygote(theirs.get(), mode, bounds, compile);
  }
  theirs.reset();
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) return base::Fail(base::ErrnoError(errno, "pidfd_open"));
  if (Receive(ours.get(), kMostAnswer) != "ready") {
    return base::Fail(ErrorCode::kUnavailable, "the compile process does not start");
  }
  return std::unique_ptr<CompileZygote>(
      new CompileZygote(std::move(ours), std::move(pidfd), pid));  // private constructor
}

Result<bpf::Program> CompileZygote::Compile(const seccomp::Profile& profile, seccomp::Arch native) {
  std::string request(1, static_cast<char>(native));
  request += seccomp::RenderOci(profile);
  if (request.size() > kMostRequest) {
    return base::Fail(ErrorCode::kInvalidArgument, "too large to be compiled");
  }
  std::optional<std::string> answer;
  if (!gone_ && Send(socket_.get(), request)) answer = Receive(socket_.get(), kMostAnswer);
  if (!answer || answer->empty()) {
    gone_ = true;
    return base::Fail(ErrorCode::kGone, "the compile process has ended: restart the agent");
  }
  const std::string_view body = std::string_view(*answer).substr(1);
  if (answer->front() != static_cast<char>(Kind::kProgram)) {
    return base::Fail(ErrorCode::kInvalidArgument, std::string(body));
  }
  bpf::Program program(body.size() / sizeof(bpf::Instruction));
  std::memcpy(program.data(), body.data(), program.size() * sizeof(bpf::Instruction));
  return program;
}

}  // namespace seccompd::agent
