// SPDX-License-Identifier: Apache-2.0
// One source over many passes: it keeps telling the truth, and nobody notices it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <thread>

#include "agent/audit/filter_source.h"
#include "common/audit/filter_judge.h"
#include "common/bpf/compile.h"
#include "common/host/host_root.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"
#include "tests/support/container_host.h"
#include "tests/unit/filters/live.h"

namespace seccompd::agent {
namespace {

using filters::live::LoadFilter;

class FilterTargetsTest : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    auto roots = host::OpenHostRoot({.proc = "/proc", .cgroup = "/sys/fs/cgroup", .seccomp = ""});
    ASSERT_TRUE(roots.has_value());
    roots_ = *std::move(roots);
    auto source = FilterSource::Open(roots_.cgroup.get());
    ASSERT_TRUE(source.has_value()) << source.error().message;
    source_ = *std::move(source);
  }

  // The process's stack as the source tells it; null: not there, or not known.
  audit::SharedStack StackOf(const FilterScan& scan, pid_t pid) {
    const audit::LoadedProcess* found = audit::FindLoaded(scan.loaded, pid);
    return found == nullptr ? nullptr : found->threads.front().stack;
  }

  void Join(const test_support::Container& container, pid_t pid) {
    const std::string path = container.cgroup_path() + "/cgroup.procs";
    for (const char* hierarchy : {"", "/pids", "/memory", "/cpu,cpuacct", "/unified", "/systemd"}) {
      std::ofstream file(std::string("/sys/fs/cgroup") + hierarchy + path);
      file << pid << std::flush;
    }
  }

  host::HostRoot roots_;
  std::unique_ptr<FilterSource> source_;
  test_support::ContainerHost host_{test_support::Runtime::kCrun};
};

base::Result<bpf::Program> CompileText(const std::string& text) {
  return bpf::Compile(*seccomp::ParseProfile(text).profile, seccomp::NativeArch());
}

std::string DenyBpfWith(int error) {
  return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["bpf"],)"
         R"("action":"SCMP_ACT_ERRNO","errnoRet":)" +
         std::to_string(error) + "}]}";
}

// The kernel gives a freed filter's address to the next one at once.
TEST_F(FilterTargetsTest, AHundredContainersInSequenceAreNeverMistaken) {
  for (int i = 1; i <= 100; ++i) {
    const std::string profile = DenyBpfWith(i);
    auto container = host_.Run({.seccomp = profile});
    ASSERT_TRUE(container.has_value()) << container.error().message;
    const auto scan = source_->Scan(/*tree_changed=*/true);
    ASSERT_TRUE(scan.has_value()) << scan.error().message;
    const audit::SharedStack stack = StackOf(*scan, (*container)->pid());
    ASSERT_NE(stack, nullptr) << i;
    EXPECT_EQ(*stack, bpf::Stack{*CompileText(profile)}) << i;
  }
}

TEST_F(FilterTargetsTest, AnUnchangedTreeIsNotWalkedAgainAndANewProcessIsFound) {
  auto container = host_.Run({.seccomp = DenyBpfWith(3)});
  ASSERT_TRUE(container.has_value());
  ASSERT_TRUE(source_->Scan(true).has_value());
  // Other processes of the machine may start at any time; of two passes in a row one is quiet.
  bool quiet = false;
  for (int i = 0; i < 200 && !quiet; ++i) quiet = !source_->Scan(false)->walked;
  EXPECT_TRUE(quiet);
  ASSERT_TRUE((*container)->Exec({"/bin/sleep", "1000"}).has_value());
  const auto scan = source_->Scan(false);
  EXPECT_TRUE(scan->walked);
  const auto& containers = scan->scan.containers;
  const auto ours = std::find_if(containers.begin(), containers.end(), [&](const auto& c) {
    return c.ref.container_id == (*container)->id();
  });
  ASSERT_NE(ours, containers.end());
  EXPECT_EQ(ours->processes.size(), 2U);
}

TEST_F(FilterTargetsTest, AProcessWhoseLeaderEndedIsJudgedByItsThreads) {
  auto container = host_.Run({.seccomp = DenyBpfWith(3)});
  ASSERT_TRUE(container.has_value());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool loaded = LoadFilter(*CompileText(DenyBpfWith(4))).empty();
    std::thread([] {
      for (;;) ::pause();
    }).detach();
    if (::write(ends[1], loaded ? "y" : "n", 1) != 1) ::_exit(1);
    ::syscall(SYS_exit, 0);  // the leader alone
  }
  char answer = 0;
  ASSERT_EQ(::read(ends[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  Join(**container, child);
  std::optional<FilterScan> scan;
  for (int i = 0; i < 100; ++i) {
    scan = *source_->Scan(true);
    if (filters::live::StatusField(std::to_string(child), "State").starts_with("Z")) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  scan = *source_->Scan(true);
  const audit::SharedStack stack = StackOf(*scan, child);
  ASSERT_NE(stack, nullptr);
  EXPECT_EQ(*stack, bpf::Stack{*CompileText(DenyBpfWith(4))});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

// Refuses restart_syscall by a kill: a process that is stopped in nanosleep or futex would die.
bpf::Program KillOnRestart() {
  constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
  constexpr std::uint16_t kEqual = BPF_JMP | BPF_JEQ | BPF_K;
  constexpr std::uint16_t kReturn = BPF_RET | BPF_K;
  return {{kLoad, 0, 0, 0},
          {kEqual, 0, 1, SYS_restart_syscall},
          {kReturn, 0, 0, SECCOMP_RET_KILL_PROCESS},
          {kReturn, 0, 0, SECCOMP_RET_ALLOW}};
}

// Blocks in one call; if it ever returns, exits with its errno.
template <class Call>
pid_t Blocked(Call call) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!LoadFilter(KillOnRestart()).empty()) ::_exit(200);
  call();
  ::_exit(100 + (errno & 0x3f));
}

// Judges by one profile whoever runs.
class Auditor {
 public:
  explicit Auditor(const std::string& profile) {
    asked_.candidates.push_back({.key = base::Sha256(profile),
                                 .revision = 1,
                                 .name = "r1",
                                 .make = [profile]() -> base::Result<seccomp::Profile> {
                                   return *seccomp::ParseProfile(profile).profile;
                                 }});
  }

  audit::Verdict VerdictOf(const FilterScan& scan, pid_t pid) {
    const audit::LoadedProcess* process = audit::FindLoaded(scan.loaded, pid);
    if (process == nullptr) return audit::Verdict::kUnknown;
    return audit::JudgeLoaded(*process, asked_, meanings_).verdict;
  }
  void EndPass() { meanings_.EndPass(); }

 private:
  seccomp::SyscallTable table_ = seccomp::LoadLibseccompTable();
  audit::Meanings meanings_{{.compile =
                                 [](const seccomp::Profile& profile) {
                                   return bpf::Compile(profile, seccomp::NativeArch());
                                 },
                             .table = &table_}};
  audit::Expected asked_;
};

TEST_F(FilterTargetsTest, AThousandAuditsDisturbNobodyAndAreAllRight) {
  auto container = host_.Run({.seccomp = DenyBpfWith(3)});
  ASSERT_TRUE(container.has_value());
  const std::vector<pid_t> targets = {
      Blocked([] {
        const timespec hour{.tv_sec = 3'600, .tv_nsec = 0};
        ::nanosleep(&hour, nullptr);
      }),
      Blocked([] {
        epoll_event event{};
        ::epoll_wait(::epoll_create1(EPOLL_CLOEXEC), &event, 1, 3'600'000);
      }),
      Blocked([] {
        std::uint32_t word = 0;
        const timespec hour{.tv_sec = 3'600, .tv_nsec = 0};
        ::syscall(SYS_futex, &word, FUTEX_WAIT, 0, &hour, nullptr, 0);
      }),
      Blocked([] {
        if (::syscall(SYS_vfork) == 0) {
          ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // else it outlives the test, its output still open
          ::pause();
        }
      }),
  };
  for (const pid_t pid : targets) Join(**container, pid);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // until all are asleep
  const auto switches = [&](pid_t pid) {
    const std::string path = std::to_string(pid);
    return filters::live::StatusField(path, "voluntary_ctxt_switches") + "/" +
           filters::live::StatusField(path, "nonvoluntary_ctxt_switches") + "/" +
           filters::live::StatusField(path, "State");
  };
  std::vector<std::string> before;
  before.reserve(targets.size());
  for (const pid_t pid : targets) before.push_back(switches(pid));
  const bpf::Stack expected = {KillOnRestart()};
  Auditor auditor(DenyBpfWith(3));
  for (int pass = 0; pass < 1'000; ++pass) {
    const auto scan = source_->Scan(pass % 10 == 0);
    ASSERT_TRUE(scan.has_value()) << scan.error().message;
    for (const pid_t pid : targets) {
      const audit::SharedStack stack = StackOf(*scan, pid);
      ASSERT_NE(stack, nullptr) << "pass " << pass << " pid " << pid;
      ASSERT_EQ(*stack, expected);
      ASSERT_EQ(auditor.VerdictOf(*scan, pid), audit::Verdict::kWeaker) << "pass " << pass;
    }
    ASSERT_EQ(auditor.VerdictOf(*scan, (*container)->pid()), audit::Verdict::kMatch) << pass;
    auditor.EndPass();
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    EXPECT_EQ(switches(targets[i]), before[i]) << "target " << i;  // never woken, never stopped
    EXPECT_EQ(::waitpid(targets[i], nullptr, WNOHANG), 0) << "target " << i;
    ::kill(targets[i], SIGKILL);
    ::waitpid(targets[i], nullptr, 0);
  }
}

}  // namespace
}  // namespace seccompd::agent
