// SPDX-License-Identifier: Apache-2.0
// Against the running kernel; some of it needs root.
#include "common/procfs/proc_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/procfs/boot_clock.h"
#include "common/procfs/clock_reader.h"
#include "common/procfs/runtime_init.h"
#include "tests/unit/procfs/real_process.h"

namespace seccompd::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Ready = std::function<void()>;

const SeccompState kUnfilteredState{.mode = 0, .filters = 0, .no_new_privs = false};
const SeccompState kFilteredState{.mode = 2, .filters = 1, .no_new_privs = true};

class ReadProcessTest : public ::testing::Test {
 protected:
  Process Read(pid_t pid, ReadOptions options = {}) {
    ProcReader reader(proc_.get(), options);
    return Read(reader, pid);
  }
  static Process Read(ProcReader& reader, pid_t pid) {
    auto process = reader.ReadProcess(pid);
    EXPECT_TRUE(process) << process.error().message;
    return process.value_or(Process{});
  }
  // Reads until the leader is a zombie: the thread that told us to go on is not the one that exits.
  Process ReadZombieLeader(pid_t pid, ReadOptions options = {}) {
    Process process = Read(pid, options);
    for (int i = 0; i < 1'000 && process.state != 'Z'; ++i) {
      ::poll(nullptr, 0, 1);
      process = Read(pid, options);
    }
    EXPECT_EQ(process.state, 'Z');
    return process;
  }

  base::UniqueFd proc_{::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

TEST_F(ReadProcessTest, TellsFilteredFromUnfiltered) {
  const RealProcess plain([](const Ready&) {});
  const RealProcess filtered([](const Ready&) { LoadFilters(3); });
  const Process a = Read(plain.pid());
  EXPECT_EQ(a.seccomp.mode, 0);
  EXPECT_TRUE(a.live);
  EXPECT_EQ(a.pid, plain.pid());
  EXPECT_EQ(a.ppid, ::getpid());
  EXPECT_EQ(a.judged_tid, a.pid);
  const Process b = Read(filtered.pid());
  EXPECT_EQ(b.seccomp, (SeccompState{.mode = 2, .filters = 3, .no_new_privs = true}));
  EXPECT_THAT(b.other_threads, IsEmpty());
}

TEST_F(ReadProcessTest, StrictModeIsMode1) {
  const RealProcess strict([](const Ready& ready) {
    ready();
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    while (true) {
    }
  });
  Process process = Read(strict.pid());
  for (int i = 0; i < 1'000 && process.seccomp.mode == 0; ++i) {
    ::poll(nullptr, 0, 1);
    process = Read(strict.pid());
  }
  EXPECT_EQ(process.seccomp.mode, 1);
}

TEST_F(ReadProcessTest, StartTimeIsNow) {
  const RealProcess child([](const Ready&) {});
  const BootClock clock = ReadBootClock();
  const Process process = Read(child.pid());
  EXPECT_LE(process.start_ticks, NowTicks(clock));
  EXPECT_GT(process.start_ticks + 60 * clock.ticks_per_second, NowTicks(clock));
  EXPECT_NEAR(static_cast<double>(StartTime(process.start_ticks, clock).time_since_epoch().count()),
              static_cast<double>(::time(nullptr)) * 1e3, 60e3);
}

TEST_F(ReadProcessTest, AZombieLeaderIsJudgedByItsFirstLiveThread) {
  const RealProcess child([](const Ready& ready) {
    StartThread([] { LoadFilters(); });
    ready();
    ExitThread();
  });
  const Process process = ReadZombieLeader(child.pid());
  EXPECT_TRUE(process.live);
  EXPECT_NE(process.judged_tid, process.pid);
  EXPECT_EQ(process.seccomp, kFilteredState);
  EXPECT_TRUE(process.threads_complete);
}

TEST_F(ReadProcessTest, AZombieLeadersUnfilteredThreadIsSeenBesideAFilteredOne) {
  const RealProcess child([](const Ready& ready) {
    StartThread([] { LoadFilters(); });
    StartThread([] {});
    ready();
    ExitThread();
  });
  const Process process = ReadZombieLeader(child.pid());
  EXPECT_EQ(process.seccomp, kFilteredState);
  EXPECT_THAT(process.other_threads, ElementsAre(kUnfilteredState));
}

TEST_F(ReadProcessTest, AZombieWithoutThreadsIsNotLive) {
  const RealProcess child([](const Ready& ready) {
    ready();
    ::_exit(0);
  });
  const Process process = ReadZombieLeader(child.pid());
  EXPECT_FALSE(process.live);
}

TEST_F(ReadProcessTest, ALeaderKilledByItsFilterStaysFiltered) {
  const RealProcess child([](const Ready& ready) {
    StartThread([] {});
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    std::array<sock_filter, 4> code = {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
                                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
    const sock_fprog program{.len = code.size(), .filter = code.data()};
    ready();
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    ::syscall(SYS_getppid);
  });
  const Process process = ReadZombieLeader(child.pid());
  EXPECT_EQ(process.seccomp, kUnfilteredState);  // the thread that lives on
  ProcReader reader(proc_.get());
  const auto leader = reader.ReadStatus(child.pid());
  ASSERT_TRUE(leader);
  EXPECT_EQ(leader->seccomp.mode, 2);  // the kernel says 3 from Linux 5.16 on
}

TEST_F(ReadProcessTest, AnUnfilteredThreadBesideAFilteredLeaderIsSeen) {
  const RealProcess child([](const Ready&) {
    StartThread([] {});
    LoadFilters();  // no TSYNC: of this thread only
    StartThread([] { LoadFilters(); });
  });
  const Process process = Read(child.pid());
  EXPECT_EQ(process.seccomp, kFilteredState);
  EXPECT_THAT(
      process.other_threads,
      ElementsAre(kUnfilteredState, SeccompState{.mode = 2, .filters = 2, .no_new_privs = true}));
  EXPECT_TRUE(process.threads_complete);
}

TEST_F(ReadProcessTest, ThreadsOfAnUnfilteredLeaderAreReadOnlyOnDemand) {
  const RealProcess child([](const Ready&) { StartThread([] { LoadFilters(); }); });
  EXPECT_THAT(Read(child.pid()).other_threads, IsEmpty());
  EXPECT_THAT(Read(child.pid(), {.threads = ThreadPolicy::kAll}).other_threads,
              ElementsAre(kFilteredState));
}

TEST_F(ReadProcessTest, ThreadsAllFilteredAreReadOnce) {
  const RealProcess child([](const Ready&) {
    LoadFilters();
    for (int i = 0; i < 5; ++i) StartThread([] {});
  });
  ProcReader reader(proc_.get());
  EXPECT_THAT(Read(reader, child.pid()).other_threads, IsEmpty());
  EXPECT_EQ(reader.ThreadsRead(), 5U);
  EXPECT_EQ(Read(reader, child.pid()).seccomp, kFilteredState);
  EXPECT_EQ(reader.ThreadsRead(), 5U);
  reader.Filtered().Sweep();
  reader.Filtered().Sweep();
  EXPECT_EQ(Read(reader, child.pid()).seccomp, kFilteredState);
  EXPECT_EQ(reader.ThreadsRead(), 10U);
}

TEST_F(ReadProcessTest, OneThreadStandsForAZombieLeadersFilteredThreads) {
  const RealProcess child([](const Ready& ready) {
    LoadFilters();
    for (int i = 0; i < 5; ++i) StartThread([] {});
    ready();
    ExitThread();
  });
  ReadZombieLeader(child.pid());
  ProcReader reader(proc_.get());
  const Process first = Read(reader, child.pid());
  EXPECT_EQ(reader.ThreadsRead(), 5U);
  EXPECT_EQ(Read(reader, child.pid()), first);
  EXPECT_EQ(reader.ThreadsRead(), 6U);
}

TEST_F(ReadProcessTest, AProcessWithAnUnfilteredThreadIsReadEveryTime) {
  const RealProcess child([](const Ready&) {
    StartThread([] {});
    LoadFilters();
  });
  ProcReader reader(proc_.get());
  for (std::size_t round = 1; round <= 3; ++round) {
    EXPECT_THAT(Read(reader, child.pid()).other_threads, ElementsAre(kUnfilteredState));
    EXPECT_EQ(reader.ThreadsRead(), round);
  }
}

TEST_F(ReadProcessTest, TooManyThreadsAreNoProof) {
  const RealProcess child([](const Ready&) {
    LoadFilters();
    for (int i = 0; i < 5; ++i) StartThread([] {});
  });
  ProcReader reader(proc_.get(), {.max_threads = 5});
  EXPECT_FALSE(Read(reader, child.pid()).threads_complete);
  EXPECT_FALSE(Read(reader, child.pid()).threads_complete) << "must not be remembered";
  EXPECT_TRUE(Read(child.pid(), {.max_threads = 6}).threads_complete);
}

TEST_F(ReadProcessTest, CommCannotFakeAFilter) {
  const RealProcess child([](const Ready&) { ::prctl(PR_SET_NAME, "a\nSeccomp:\t2\\"); });
  const Process process = Read(child.pid());
  EXPECT_EQ(process.comm, "a\nSeccomp:\t2\\");
  EXPECT_EQ(process.seccomp.mode, 0);
}

TEST_F(ReadProcessTest, CommCannotFakeAStartTime) {
  const RealProcess honest([](const Ready&) {});
  const RealProcess child([](const Ready&) { ::prctl(PR_SET_NAME, ") S 1 2 3 4 5 6"); });
  EXPECT_GE(Read(child.pid()).start_ticks, Read(honest.pid()).start_ticks);
}

TEST_F(ReadProcessTest, ANameLikeARuntimesInitBuysTenSeconds) {
  const RealProcess child([](const Ready&) { ::prctl(PR_SET_NAME, "runc:[2:INIT]"); });
  const Process process = Read(child.pid());
  const BootClock clock = ReadBootClock();
  EXPECT_TRUE(IsDeferred(process, NowTicks(clock), clock.ticks_per_second));
  EXPECT_FALSE(
      IsDeferred(process, NowTicks(clock) + 10 * clock.ticks_per_second, clock.ticks_per_second));
}

TEST_F(ReadProcessTest, AStatusFileFullOfGroupsIsReadToItsEnd) {
  const RealProcess child([](const Ready&) {
    std::vector<gid_t> groups(65'536);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      groups[i] = static_cast<gid_t>(4'000'000'000U + i);
    }
    if (::setgroups(groups.size(), groups.data()) != 0) ::_exit(1);
    LoadFilters();
  });
  EXPECT_EQ(Read(child.pid()).seccomp, kFilteredState);
}

TEST_F(ReadProcessTest, OnlyLeadersAreProcesses) {
  const RealProcess child([](const Ready&) { StartThread([] {}); });
  const std::string tasks = std::to_string(child.pid()) + "/task";
  const auto fd = OpenDirectory(proc_.get(), tasks.c_str());
  ASSERT_TRUE(fd);
  ProcReader reader(proc_.get());
  int threads = 0;
  ASSERT_TRUE(ForEachEntry(fd->get(), [&](std::string_view name, unsigned char) {
    const auto tid = static_cast<pid_t>(std::stol(std::string(name)));
    const auto process = reader.ReadProcess(tid);
    EXPECT_EQ(process.has_value(), tid == child.pid());
    if (tid != child.pid()) {
      EXPECT_EQ(process.error().code, base::ErrorCode::kInvalidArgument);
    }
    ++threads;
    return true;
  }));
  EXPECT_EQ(threads, 2);
}

TEST_F(ReadProcessTest, AGoneProcessIsNotFound) {
  RealProcess child([](const Ready&) {});
  const pid_t pid = child.pid();
  child.KillAndReap();
  ProcReader reader(proc_.get());
  const auto process = reader.ReadProcess(pid);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().code, base::ErrorCode::kNotFound);
}

// What ReadProcess relies on: an open file of a process never speaks for another that got the same
// pid.
TEST_F(ReadProcessTest, AnOpenFileDoesNotFollowAReusedPid) {
  RealProcess first([](const Ready&) {});
  const pid_t pid = first.pid();
  const std::string stat_path = std::to_string(pid) + "/stat";
  const std::string task_path = std::to_string(pid) + "/task";
  const auto stat = OpenFile(proc_.get(), stat_path.c_str());
  const auto task = OpenDirectory(proc_.get(), task_path.c_str());
  ASSERT_TRUE(stat && task);
  TextReader reader;
  ASSERT_TRUE(reader.ReadFd(stat->get(), FileShape::kOneRecord));
  first.KillAndReap();
  const RealProcess second([](const Ready&) {}, pid);
  ASSERT_EQ(second.pid(), pid);
  EXPECT_EQ(Read(pid).pid, pid);
  const auto again = reader.ReadFd(stat->get(), FileShape::kOneRecord);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, base::ErrorCode::kGone);
  const std::string status_path = std::to_string(pid) + "/status";
  EXPECT_FALSE(reader.Read(task->get(), status_path.c_str(), FileShape::kOneRecord));
}

}  // namespace
}  // namespace seccompd::procfs
