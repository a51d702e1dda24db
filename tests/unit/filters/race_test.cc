// SPDX-License-Identifier: Apache-2.0
// While filters come and go: never a wrong program, and nobody notices.
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <set>

#include "tests/unit/filters/live.h"

namespace seccompd::filters {
namespace {

using live::FindTask;
using live::LoadFilter;
using live::Marked;
using live::Sleeper;

class Race : public live::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto opened = FilterReader::Open();
    ASSERT_TRUE(opened) << opened.error().message;
    reader_.emplace(std::move(*opened));
  }

  std::optional<FilterReader> reader_;
};

TEST_F(Race, SuccessiveProcessesNeverGetAnothersProgram) {
  FilterCache cache;
  std::vector<Task> tasks;
  std::set<std::uint64_t> addresses;
  constexpr std::uint32_t kProcesses = 100;
  for (std::uint32_t i = 0; i < kProcesses; ++i) {
    const Sleeper sleeper({Marked(i << 8, 10)});
    ASSERT_EQ(sleeper.error(), "");
    ASSERT_TRUE(Refresh(*reader_, cache, tasks));
    const Task* task = FindTask(tasks, sleeper.pid());
    ASSERT_NE(task, nullptr);
    const auto stack = cache.Find(*task);
    ASSERT_TRUE(stack) << UnknownName(stack.error());
    ASSERT_EQ(**stack, bpf::Stack{Marked(i << 8, 10)}) << "process " << i;
    addresses.insert(task->filter);
  }
  // Else the test has shown nothing: the kernel gives a freed filter's address to the next one.
  EXPECT_LT(addresses.size(), kProcesses / 2);
}

TEST_F(Race, AStackThatGrowsIsReadAsItWasAtSomeTime) {
  constexpr std::uint32_t kFilters = 400;
  const auto program = [](std::uint32_t i) { return Marked(i << 16, 1 + i % 60); };
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe2(go.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) ::_exit(1);
    for (std::uint32_t i = 0; i < kFilters; ++i) {
      if (!LoadFilter(program(i)).empty()) ::_exit(2);
      ::usleep(500);  // on a machine with 10,000 tasks a scan takes its time
    }
    ::_exit(0);
  }
  ASSERT_EQ(::write(go[1], "g", 1), 1);
  std::size_t read = 0;
  int status = -1;
  std::vector<Task> tasks;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    ASSERT_TRUE(reader_->Scan(tasks));
    const Task* task = FindTask(tasks, child);
    if (task == nullptr || task->filter == 0) continue;
    const DumpRequest request{.id = task->id, .filter = 0};
    ASSERT_TRUE(reader_->DumpStacks({&request, 1}, [&](const Dump& dump) {
      if (!dump.stack) return;
      ++read;
      for (std::uint32_t i = 0; i < dump.stack->size(); ++i) {
        ASSERT_EQ((*dump.stack)[i], program(i));
      }
    }));
  }
  EXPECT_EQ(status, 0);
  EXPECT_GT(read, 0U);
  ::close(go[0]);
  ::close(go[1]);
}

TEST_F(Race, ProcessesThatExitAreReadRightOrNotAtAll) {
  // One child after another loads one of two stacks, lives for a few syscalls and exits; the next
  // one's filters take the memory. Stacks that are read in several calls, so that it happens
  // within.
  const bpf::Stack kinds[2] = {bpf::Stack(150, Marked(0xaaaa0000, 20)),
                               bpf::Stack(150, Marked(0x55550000, 20))};
  const pid_t forker = ::fork();
  if (forker == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0;; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        bool loaded = true;
        for (const bpf::Program& program : kinds[i % 2]) loaded &= LoadFilter(program).empty();
        for (int calls = 0; calls < i % 101; ++calls) ::syscall(SYS_getppid);
        ::_exit(loaded ? 0 : 1);
      }
      ::waitpid(child, nullptr, 0);
    }
  }
  int read = 0;
  int wrong = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < 100'000 && read < 300; ++i) {
    ASSERT_TRUE(reader_->Scan(tasks));
    std::vector<DumpRequest> requests;
    for (const Task& task : tasks) {
      if (task.ppid == forker && task.filter != 0) requests.push_back({.id = task.id});
    }
    ASSERT_TRUE(reader_->DumpStacks(requests, [&](const Dump& dump) {
      if (!dump.stack) return;
      ++read;
      const bpf::Program& program = dump.stack->front();
      const bool one = program == kinds[0][0] || program == kinds[1][0];
      wrong += one && *dump.stack == bpf::Stack(dump.stack->size(), program) ? 0 : 1;
    }));
  }
  ::kill(forker, SIGKILL);
  ::waitpid(forker, nullptr, 0);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(read, 300);
}

// A process under a filter that is in one long wait; whatever ends the wait ends the process.
class Waiter {
 public:
  explicit Waiter(int (*wait)()) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (!LoadFilter(Marked(1, 20)).empty() || ::write(ends[1], "r", 1) != 1) ::_exit(1);
      ::_exit(wait() == 0 ? 2 : errno);
    }
    char byte = 0;
    ready_ = ::read(ends[0], &byte, 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    for (int i = 0; i < 100'000 && !Field("State").starts_with("S"); ++i) ::sched_yield();
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string Field(const std::string& name) const {
    return live::StatusField(std::to_string(pid_), name);
  }
  // How often it left the CPU by itself and by force: one more if it ever ran.
  [[nodiscard]] std::string Switches() const {
    return Field("voluntary_ctxt_switches") + " " + Field("nonvoluntary_ctxt_switches");
  }
  // 0 as long as it has neither ended nor been stopped.
  [[nodiscard]] pid_t Changed() const {
    int status = 0;
    return ::waitpid(pid_, &status, WNOHANG | WUNTRACED);
  }

 private:
  pid_t pid_ = 0;
  bool ready_ = false;
};

constexpr timespec kHour{.tv_sec = 3600, .tv_nsec = 0};

int NanoSleep() { return ::nanosleep(&kHour, nullptr); }

int EpollWait() {
  epoll_event event{};
  return ::epoll_wait(::epoll_create1(EPOLL_CLOEXEC), &event, 1, 3'600'000);
}

int FutexWait() {
  std::uint32_t word = 0;
  return static_cast<int>(::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &kHour));
}

TEST_F(Race, SleepersDoNotNoticeAThousandReads) {
  const Waiter waiters[] = {Waiter(NanoSleep), Waiter(EpollWait), Waiter(FutexWait)};
  std::vector<std::string> switches;
  for (const Waiter& waiter : waiters) {
    ASSERT_TRUE(waiter.ready());
    switches.push_back(waiter.Switches());
  }
  std::vector<Task> tasks;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(reader_->Scan(tasks));
    std::vector<DumpRequest> requests;
    for (const Waiter& waiter : waiters) {
      requests.push_back({.id = FindTask(tasks, waiter.pid())->id});
    }
    int read = 0;
    ASSERT_TRUE(reader_->DumpStacks(requests, [&](const Dump& dump) {
      read += dump.stack == bpf::Stack{Marked(1, 20)} ? 1 : 0;
    }));
    ASSERT_EQ(read, 3);
  }
  for (std::size_t i = 0; i < switches.size(); ++i) {
    EXPECT_EQ(waiters[i].Switches(), switches[i]) << "waiter " << i;
    EXPECT_EQ(waiters[i].Changed(), 0) << "waiter " << i;
    EXPECT_EQ(waiters[i].Field("TracerPid"), "0");
  }
}

}  // namespace
}  // namespace seccompd::filters
