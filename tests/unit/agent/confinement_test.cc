// SPDX-License-Identifier: Apache-2.0
// What a confined process can no longer do, tried from inside by children of the test.
#include "agent/confinement/confinement.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "common/bpf/check.h"
#include "common/bpf/compile.h"
#include "common/bpf/decide.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/support/temp_dir.h"

namespace seccompd::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

bpf::Diagram DiagramOf(bpf::Workspace& workspace, const seccomp::Profile& profile) {
  const auto program = bpf::Compile(profile, seccomp::NativeArch());
  EXPECT_TRUE(program.has_value());
  const auto diagram = workspace.Decide(*program);
  EXPECT_TRUE(diagram.has_value());
  return *diagram;
}

// Judged by the code that judges everyone else's filters.
TEST(OwnProfile, BlocksEveryCriticalCallButReadingByIterator) {
  for (const Role role : {Role::kAgent, Role::kCompiler}) {
    bpf::Workspace workspace;
    const auto table = seccomp::LoadLibseccompTable(true);
    const bpf::Diagram diagram = DiagramOf(workspace, OwnProfile({.role = role, .pid = 77}));
    const auto archs = bpf::EnterableArchs(seccomp::NativeArch());
    for (const bpf::CallPattern& call : bpf::CriticalCalls(seccomp::NativeArch())) {
      const auto outcome = bpf::Check(workspace, diagram, call, table, archs);
      const bool iterator = call.syscall == "bpf" && role == Role::kAgent;
      EXPECT_EQ(outcome.result,
                iterator ? bpf::CheckResult::kPermitted : bpf::CheckResult::kBlocked)
          << call.name;
    }
  }
}

TEST(OwnProfile, SignalsNobodyElseAndTakesNobodysLimits) {
  bpf::Workspace workspace;
  const auto table = seccomp::LoadLibseccompTable(true);
  const bpf::Diagram diagram = DiagramOf(workspace, OwnProfile({.pid = 77}));
  const auto archs = bpf::EnterableArchs(seccomp::NativeArch());
  const auto check = [&](bpf::CallPattern call) {
    return bpf::Check(workspace, diagram, call, table, archs).result;
  };
  using bpf::CheckResult;
  for (const char* name : {"kill",
                           "tkill",
                           "rt_sigqueueinfo",
                           "rt_tgsigqueueinfo",
                           "pidfd_send_signal",
                           "process_vm_readv",
                           "process_vm_writev",
                           "process_madvise",
                           "execve",
                           "execveat",
                           "fork",
                           "vfork",
                           "clone3",
                           "capset",
                           "seccomp",
                           "chroot",
                           "pivot_root",
                           "setuid",
                           "setpriority",
                           "kcmp",
                           "pidfd_getfd",
                           "fchown",
                           "chmod",
                           "truncate"}) {
    EXPECT_EQ(check({.name = name, .syscall = name, .args = {}}), CheckResult::kBlocked) << name;
  }
  const std::uint64_t all = ~std::uint64_t{0};
  EXPECT_EQ(check({"", "tgkill", {{.index = 0, .mask = all, .value = 77, .negate = true}}}),
            CheckResult::kBlocked);
  EXPECT_EQ(check({"", "prlimit64", {{.index = 0, .mask = all, .value = 0, .negate = true}}}),
            CheckResult::kBlocked);
  EXPECT_EQ(check({"", "prlimit64", {{.index = 2, .mask = all, .value = 0, .negate = true}}}),
            CheckResult::kBlocked);
  EXPECT_EQ(check({"", "socket", {{.index = 0, .mask = all, .value = AF_ALG}}}),
            CheckResult::kBlocked);
}

TEST(Describe, SaysWhatIsLeft) {
  EXPECT_EQ(Describe({.filter = true, .landlock_abi = 7, .signals_scoped = true}),
            "caps none, own filter, Landlock 7 with signals");
  EXPECT_EQ(Describe({.capabilities = std::uint64_t{3} << 38}),
            "caps CAP_PERFMON,CAP_BPF, no filter of its own, no Landlock");
}

TEST(ParseConfinementMode, RefusesOtherWords) {
  EXPECT_EQ(*ParseConfinementMode("kill"), ConfinementMode::kKill);
  EXPECT_THAT(ParseConfinementMode("yes").error().message, HasSubstr("use on, off or kill"));
}

// Runs `body` in a child; its text, or how it died.
std::string InChild(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string text = body();
    const auto written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 3);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "killed by " + std::to_string(WTERMSIG(status));
  return text;
}

class ConfinedProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() == 0) return;
    if (std::getenv("CI") != nullptr) FAIL() << "needs root";
    GTEST_SKIP() << "needs root";
  }

  // `attempt` returns 0 or -1 with errno; the text is strerror's name.
  std::string Try(const std::function<long()>& attempt,
                  ConfinementMode mode = ConfinementMode::kOn) {
    return InChild([&]() -> std::string {
      const int directory = ::open(root_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      const std::array<int, 1> writable = {directory};
      const auto confined = Confine({.mode = mode, .writable = {writable.begin(), writable.end()}});
      if (!confined) return confined.error().message;
      errno = 0;
      return attempt() == 0 ? "done" : ::strerrorname_np(errno);
    });
  }

  test_support::TempDir root_;
};

TEST_F(ConfinedProcess, CannotTouchOtherProcesses) {
  const pid_t other = ::getppid();
  EXPECT_EQ(Try([&] { return ::kill(other, 0); }), "EPERM");
  EXPECT_EQ(Try([&] { return ::syscall(SYS_tgkill, other, other, 0); }), "EPERM");
  EXPECT_EQ(Try([&] { return ::ptrace(PTRACE_ATTACH, other, 0, 0); }), "EPERM");
  EXPECT_EQ(Try([&] {
              rlimit limit{};
              return ::prlimit(other, RLIMIT_NOFILE, nullptr, &limit);
            }),
            "EPERM");
  EXPECT_EQ(Try([&] {
              iovec part{};
              return ::process_vm_readv(other, &part, 1, &part, 1, 0);
            }),
            "EPERM");
  EXPECT_EQ(Try([&] {
              const std::string file = "/proc/" + std::to_string(other) + "/oom_score_adj";
              return ::open(file.c_str(), O_WRONLY) < 0 ? -1 : 0;
            }),
            "EACCES");
}

TEST_F(ConfinedProcess, WritesBelowItsRootOnly) {
  test_support::TempDir elsewhere;
  const auto create = [](const std::string& path) -> std::function<long()> {
    return [path] { return ::open(path.c_str(), O_CREAT | O_WRONLY, 0600) < 0 ? -1 : 0; };
  };
  EXPECT_EQ(Try(create(root_.path() + "/a")), "done");
  EXPECT_EQ(Try(create(elsewhere.path() + "/a")), "EACCES");
  EXPECT_EQ(Try([&] { return ::mkdirat(AT_FDCWD, (elsewhere.path() + "/d").c_str(), 0700); }),
            "EACCES");
  EXPECT_EQ(Try([&] { return ::unlinkat(AT_FDCWD, elsewhere.path().c_str(), AT_REMOVEDIR); }),
            "EACCES");
}

TEST_F(ConfinedProcess, StartsThreadsButNoProgram) {
  EXPECT_EQ(Try([] {
              long seen = -1;
              std::thread([&seen] { seen = 0; }).join();
              return seen;
            }),
            "done");
  EXPECT_EQ(Try([] { return ::fork() < 0 ? -1 : 0; }), "EPERM");
  EXPECT_EQ(Try([] { return ::execl("/bin/true", "true", nullptr); }), "EPERM");
}

TEST_F(ConfinedProcess, HasNoWayBack) {
  EXPECT_EQ(Try([] {
              bpf_attr attributes{};
              return ::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
            }),
            "EPERM");
  EXPECT_EQ(Try([] { return ::socket(AF_ALG, SOCK_SEQPACKET, 0) < 0 ? -1 : 0; }), "EPERM");
  EXPECT_EQ(Try([] { return ::setuid(0); }), "EPERM");
}

TEST_F(ConfinedProcess, MakesNoMemoryExecutable) {
  EXPECT_EQ(Try([] {
              void* page =
                  ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return page == MAP_FAILED ? -1 : 0;
            }),
            "EPERM");
  EXPECT_EQ(Try([] {
              void* page =
                  ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return page == MAP_FAILED ? -1 : ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
            }),
            "EPERM");
}

TEST_F(ConfinedProcess, ListensOnNoNewPort) {
  if (KernelLandlockAbi() < 4) GTEST_SKIP() << "this kernel's Landlock knows no ports";
  EXPECT_EQ(Try([] {
              const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
              sockaddr_in address{};
              address.sin_family = AF_INET;
              return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
            }),
            "EACCES");
}

TEST_F(ConfinedProcess, IsRefusedOnceASecondThreadRuns) {
  EXPECT_THAT(InChild([]() -> std::string {
                std::string message = "confined";
                std::atomic<bool> end = false;
                std::thread other([&end] { end.wait(false); });
                if (const auto confined = Confine({}); !confined) {
                  message = confined.error().message;
                }
                end = true;
                end.notify_all();
                other.join();
                return message;
              }),
              HasSubstr("2 threads run already"));
}

TEST_F(ConfinedProcess, DiesOfAViolationInKillMode) {
  EXPECT_EQ(Try([] { return ::setuid(0); }, ConfinementMode::kKill), "killed by 31");
}

TEST_F(ConfinedProcess, ItsStatusProvesIt) {
  const std::string status = InChild([]() -> std::string {
    const auto confined = Confine({});
    if (!confined) return confined.error().message;
    std::ostringstream text;
    text << std::ifstream("/proc/self/status").rdbuf();
    return text.str();
  });
  for (const char* line : {"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
                           "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
                           "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"}) {
    EXPECT_THAT(status, HasSubstr(line));
  }
}

TEST_F(ConfinedProcess, KeepsOnlyTheTwoThatAnOlderKernelAsksFor) {
  const std::string status = InChild([]() -> std::string {
    const auto confined = Confine({.keep_bpf = true});
    if (!confined) return confined.error().message;
    std::ostringstream text;
    text << std::ifstream("/proc/self/status").rdbuf();
    return text.str();
  });
  EXPECT_THAT(status, HasSubstr("CapPrm:\t000000c000000000\n"));
  EXPECT_THAT(status, HasSubstr("CapBnd:\t000000c000000000\n"));
}

}  // namespace
}  // namespace seccompd::agent
