// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/bpf/kernel_oracle.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "common/bpf/layout.h"

namespace seccompd::bpf::testing {
namespace {

// Memory that a child shares with its parent.
template <class T>
class Shared {
 public:
  explicit Shared(std::size_t count) : count_(count) {
    void* memory =
        mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) items_ = static_cast<T*>(memory);
  }
  ~Shared() {
    if (items_ != nullptr) munmap(items_, bytes());
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  [[nodiscard]] bool valid() const { return items_ != nullptr; }
  T& operator[](std::size_t index) { return items_[index]; }

 private:
  [[nodiscard]] std::size_t bytes() const { return (count_ + 1) * sizeof(T); }
  std::size_t count_;
  T* items_ = nullptr;
};

// The errno of loading the program with these flags, 0 if it is loaded now.
int Load(const Program& program, unsigned flags) {
  std::vector<sock_filter> instructions(program.size());
  static_assert(sizeof(sock_filter) == sizeof(Instruction));
  if (!program.empty()) {
    std::memcpy(instructions.data(), program.data(), program.size() * sizeof(Instruction));
  }
  sock_fprog request{.len = static_cast<unsigned short>(program.size()),
                     .filter = instructions.data()};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &request) < 0 ? errno : 0;
}

#if defined(__x86_64__)
// Each stub has one call instruction; the label behind it is what the kernel reports.
__asm__(R"(
.text
.globl seccompd_test_call64, seccompd_test_site64
.type seccompd_test_call64, @function
seccompd_test_call64:
  endbr64
  push %rbx
  mov %rdi, %rax
  mov %rsi, %rbx
  mov 0(%rbx), %rdi
  mov 8(%rbx), %rsi
  mov 16(%rbx), %rdx
  mov 24(%rbx), %r10
  mov 32(%rbx), %r8
  mov 40(%rbx), %r9
  syscall
seccompd_test_site64:
  pop %rbx
  ret
.size seccompd_test_call64, .-seccompd_test_call64
.globl seccompd_test_call32, seccompd_test_site32
.type seccompd_test_call32, @function
seccompd_test_call32:
  endbr64
  push %rbx
  push %rbp
  mov %rdi, %rax
  mov %rsi, %r11
  mov 0(%r11), %rbx
  mov 8(%r11), %rcx
  mov 16(%r11), %rdx
  mov 24(%r11), %rsi
  mov 32(%r11), %rdi
  mov 40(%r11), %rbp
  int $0x80
seccompd_test_site32:
  pop %rbp
  pop %rbx
  ret
.size seccompd_test_call32, .-seccompd_test_call32
)");
extern "C" {
std::int64_t seccompd_test_call64(std::uint64_t nr, const std::uint64_t* args);
std::int64_t seccompd_test_call32(std::uint64_t nr, const std::uint64_t* args);
extern const char seccompd_test_site64;
extern const char seccompd_test_site32;
}

std::int64_t MakeCall(const KernelCall& call) {
  if (call.arch == kAuditArchX86_64) return seccompd_test_call64(call.nr, call.args);
  // The 32-bit entry leaves a 32-bit result.
  return static_cast<std::int32_t>(seccompd_test_call32(call.nr, call.args));
}
#else
std::int64_t MakeCall(const KernelCall&) { return -ENOSYS; }
#endif

int Reap(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

std::uint64_t CallSite(std::uint32_t arch) {
#if defined(__x86_64__)
  const char* site = arch == kAuditArchX86_64 ? &seccompd_test_site64 : &seccompd_test_site32;
  return reinterpret_cast<std::uintptr_t>(site);  // NOLINT: an address is a number here
#else
  return arch & 0;
#endif
}

std::vector<bool> KernelAccepts(std::span<const Program> programs) {
  Shared<int> errors(programs.size());
  if (!errors.valid()) return {};
  constexpr int kUnset = -1;
  for (std::size_t i = 0; i < programs.size(); ++i) errors[i] = kUnset;
  const pid_t child = fork();
  if (child < 0) return {};
  if (child == 0) {
    const Program allow_all = {{.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW}};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(1);
    // The first listener: its descriptor is the result, so Load() reports no error.
    if (Load(allow_all, SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0) _exit(1);
    for (std::size_t i = 0; i < programs.size(); ++i) {
      errors[i] = Load(programs[i], SECCOMP_FILTER_FLAG_NEW_LISTENER);
    }
    _exit(0);
  }
  if (Reap(child) != 0) return {};
  std::vector<bool> accepted;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    if (errors[i] != EBUSY && errors[i] != EINVAL) return {};
    accepted.push_back(errors[i] == EBUSY);
  }
  return accepted;
}

KernelRun RunUnderFilters(const Stack& stack, std::span<const KernelCall> calls) {
  KernelRun run;
#if defined(__x86_64__)
  Shared<KernelAnswer> answers(calls.size());
  Shared<int> installed(1);
  if (!answers.valid() || !installed.valid()) return run;
  installed[0] = 0;
  const pid_t child = fork();
  if (child < 0) return run;
  if (child == 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(1);
    for (const Program& program : stack) {
      if (Load(program, 0) != 0) _exit(1);
    }
    installed[0] = 1;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      answers[i].result = MakeCall(calls[i]);
      answers[i].instruction_pointer = CallSite(calls[i].arch);
      answers[i].made = true;
    }
    _exit(0);
  }
  const int status = Reap(child);
  run.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  run.installed = installed[0] == 1;
  for (std::size_t i = 0; i < calls.size(); ++i) run.answers.push_back(answers[i]);
#else
  static_cast<void>(stack);
  static_cast<void>(calls);
#endif
  return run;
}

}  // namespace seccompd::bpf::testing
