// SPDX-License-Identifier: Apache-2.0
// FilterReader::SelfTestWithoutCapabilities: a child reads its own filter back, with and without
// capabilities, because no version number tells what a patched kernel checks.
#include <fcntl.h>
#include <linux/audit.h>
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
#include <string>
#include <string_view>

#include "common/filters/reader_state.h"

namespace seccompd::filters {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;

constexpr unsigned kDeadlineSeconds = 20;

// First byte of the child's answer.
constexpr char kAnswerNone = 'n';
constexpr char kAnswerCapabilities = 'c';
constexpr char kAnswerError = 'e';

// Allows everything, in a way that nobody else writes it; `mark` tells this child's from another.
bpf::Program MarkedProgram(std::uint32_t mark) {
  return {{BPF_LD | BPF_IMM, 0, 0, mark},
          {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, mark},
          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
}

Result<void> Load(const bpf::Program& program) {
  std::array<sock_filter, 8> raw{};
  for (std::size_t i = 0; i < program.size(); ++i) {
    raw[i] = {program[i].code, program[i].jt, program[i].jf, program[i].k};
  }
  const sock_fprog loaded{.len = static_cast<unsigned short>(program.size()), .filter = raw.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Fail(ErrnoError(errno, "set no_new_privs"));
  }
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) != 0) {
    return Fail(ErrnoError(errno, "load a filter of its own"));
  }
  return {};
}

Result<void> DropCapabilities() {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
    return Fail(ErrnoError(errno, "clear ambient capabilities"));
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) {
    return Fail(ErrnoError(errno, "empty the capability sets"));
  }
  return {};
}

// The child must find itself and its program, newest, byte for byte.
Result<void> ReadBack(FilterReader& reader, const bpf::Program& program) {
  std::vector<Task> tasks;
  TRY(reader.Scan(tasks));
  const pid_t self = ::getpid();
  const Task* task = JudgedThread(tasks, self);
  if (task == nullptr) return Fail(ErrorCode::kInternal, "it does not show a running process");
  Dump dump;
  const DumpRequest request{.id = task->id, .filter = task->filter};
  TRY(reader.DumpStacks({&request, 1}, [&dump](Dump answer) { dump = std::move(answer); }));
  if (!dump.stack) {
    return Fail(ErrorCode::kFailedPrecondition, std::string(UnknownSentence(dump.stack.error())));
  }
  if (dump.stack->empty() || dump.stack->back() != program) {
    return Fail(ErrorCode::kInternal, "it shows another program than was loaded");
  }
  return {};
}

std::string ChildAnswer(FilterReader& reader) {
  const bpf::Program program = MarkedProgram(static_cast<std::uint32_t>(::getpid()));
  Result<void> done = Load(program);
  if (done) done = ReadBack(reader, program);
  if (done) {
    done = DropCapabilities();
    if (done && ReadBack(reader, program)) return {kAnswerNone};
    if (done) return {kAnswerCapabilities};
  }
  return kAnswerError + done.error().message;
}

[[noreturn]] void RunChild(FilterReader& reader, int to, pid_t parent) {
  // Whoever kills the parent means the child, too: it holds all of the parent's descriptors.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  // The parent may have blocked or ignored what must end a child that hangs.
  sigset_t none{};
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  struct sigaction end {};
  end.sa_handler = SIG_DFL;
  ::sigaction(SIGALRM, &end, nullptr);
  ::alarm(kDeadlineSeconds);
  const std::string answer = ChildAnswer(reader);
  const bool told = ::write(to, answer.data(), answer.size()) >= 0;
  ::_exit(told ? 0 : 1);
}

std::string ReadAnswer(int from) {
  std::string answer;
  std::array<char, 512> bytes{};
  for (int reads = 0; reads < 64; ++reads) {
    const ssize_t size = ::read(from, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    answer.append(bytes.data(), static_cast<std::size_t>(size));
  }
  return answer;
}

}  // namespace

Result<CapabilityNeed> FilterReader::SelfTestWithoutCapabilities() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(ErrnoError(errno, "make a pipe"));
  base::UniqueFd from(ends[0]);
  base::UniqueFd to(ends[1]);
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return Fail(ErrnoError(errno, "fork the self test"));
  if (child == 0) RunChild(*this, to.get(), self);
  to.reset();
  const std::string answer = ReadAnswer(from.get());
  // Its end was seen by the pipe; where SIGCHLD is ignored there is nothing to wait for.
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (answer == std::string_view(&kAnswerNone, 1)) return CapabilityNeed::kNone;
  if (answer == std::string_view(&kAnswerCapabilities, 1)) return CapabilityNeed::kBpfPerfmon;
  if (answer.empty()) return Fail(ErrorCode::kInternal, "self test of the filter reader: it died");
  return Fail(ErrorCode::kFailedPrecondition,
              "self test of the filter reader: " + answer.substr(1));
}

}  // namespace seccompd::filters
