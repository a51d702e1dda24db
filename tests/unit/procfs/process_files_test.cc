// SPDX-License-Identifier: Apache-2.0
// ProcReader on plain files that stand for /proc; against the running kernel: proc_reader_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/procfs/proc_reader.h"
#include "tests/support/matchers.h"
#include "tests/unit/procfs/fake_proc.h"

namespace seccompd::procfs {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A process 7 of which the leader and the threads 8 and 9 are filtered.
FakeProcess ThreeFiltered() {
  return {.pid = 7,
          .seccomp = kFiltered,
          .threads = {{.tid = 8, .seccomp = kFiltered}, {.tid = 9, .seccomp = kFiltered}}};
}

Process Read(ProcReader& reader, pid_t pid = 7) {
  auto process = reader.ReadProcess(pid);
  EXPECT_THAT(process, IsOk());
  return process.value_or(Process{});
}

Process Read(const FakeProc& proc, ReadOptions options = {}) {
  ProcReader reader(proc.fd(), options);
  return Read(reader);
}

TEST(ReadProcess, GivesWhatTheFilesSay) {
  FakeProc proc;
  proc.File("7/stat", "7 (a) b) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4321 0 0\n");
  proc.File("7/status",
            "Name:\ta) b\nState:\tD (disk sleep)\nTgid:\t7\nPid:\t7\nPPid:\t3\nThreads:\t1\n"
            "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t5\n");
  ProcReader reader(proc.fd());
  EXPECT_EQ(Read(reader), (Process{.pid = 7,
                                   .ppid = 3,
                                   .start_ticks = 4321,
                                   .state = 'D',
                                   .comm = "a) b",
                                   .seccomp = {.mode = 2, .filters = 5, .no_new_privs = true},
                                   .judged_tid = 7}));
  EXPECT_EQ(reader.FilesRead(), 2U);
}

TEST(ReadProcess, AnEndedProcessIsNotFound) {
  FakeProc proc;
  ProcReader reader(proc.fd());
  EXPECT_THAT(reader.ReadProcess(7), IsError(ErrorCode::kNotFound, _));
  EXPECT_THAT(reader.ReadStatus(7), IsError(ErrorCode::kNotFound, _));
  EXPECT_THAT(reader.ReadThread(7), IsError(ErrorCode::kNotFound, _));
}

// It ended between two files of which the later is needed.
TEST(ReadProcess, AProcessThatEndsHalfReadIsNotFound) {
  FakeProc proc;
  ProcReader reader(proc.fd());
  for (const char* missing : {"7/stat", "7/status", "7/task"}) {
    proc.Add(ThreeFiltered()).Remove(missing);
    EXPECT_THAT(reader.ReadProcess(7), IsError(ErrorCode::kNotFound, _)) << missing;
  }
  EXPECT_EQ(reader.Filtered().size(), 0U);
}

// However much of it there is: never another mode, never "may gain privileges no more".
TEST(ReadProcess, AStatusCutShortIsNeverAnotherState) {
  FakeProc proc;
  const FakeProcess process{.pid = 7, .seccomp = {.mode = 2, .filters = 12, .no_new_privs = true}};
  const std::string whole = StatusText(process, {.tid = 7, .seccomp = process.seccomp});
  proc.Add(process);
  ProcReader reader(proc.fd());
  std::size_t refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    proc.File("7/status", whole.substr(0, size));
    const auto read = reader.ReadProcess(7);
    if (!read) {
      EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << size;
      ++refused;
      continue;
    }
    EXPECT_EQ(read->seccomp.mode, 2) << size;
    EXPECT_TRUE(read->seccomp.no_new_privs) << size;
    EXPECT_EQ(read->seccomp.filters.value_or(12), 12) << size;
  }
  EXPECT_GT(refused, whole.find("Seccomp:\t"));
}

TEST(ReadProcess, AStatCutShortIsNeverAnotherStartTime) {
  FakeProc proc;
  proc.Add({.pid = 7, .start_ticks = 1'234'567});
  const std::string whole = StatText({.tid = 7, .start_ticks = 1'234'567});
  ProcReader reader(proc.fd());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    proc.File("7/stat", whole.substr(0, size));
    const auto read = reader.ReadProcess(7);
    if (!read) {
      EXPECT_THAT(read, IsError(ErrorCode::kCorrupt, HasSubstr("start time"))) << size;
    } else {
      EXPECT_EQ(read->start_ticks, 1'234'567U) << size;
    }
    EXPECT_EQ(reader.ReadThread(7).has_value(), read.has_value()) << size;
  }
}

TEST(ReadProcess, GarbageIsCorruptNeverAProcess) {
  FakeProc proc;
  ProcReader reader(proc.fd());
  const std::string good = StatusText({.pid = 7}, {.tid = 7});
  for (const std::string& text :
       {std::string(), std::string(1'000, '\0'), std::string("<html>\n"), good + good,
        good.substr(0, good.find("Seccomp:")) + "Seccomp:\t4\n",
        good.substr(0, good.find("Threads:")) + "Threads:\t-1\n"}) {
    proc.Add({.pid = 7}).File("7/status", text);
    EXPECT_THAT(reader.ReadProcess(7), IsError(ErrorCode::kCorrupt, _)) << text;
    proc.Add({.pid = 7}).File("7/stat", text);
    EXPECT_THAT(reader.ReadProcess(7), IsError(ErrorCode::kCorrupt, _)) << text;
  }
}

TEST(ReadProcess, AFileWithoutEndIsRefused) {
  FakeProc proc;
  proc.Add({.pid = 7}).File("7/status", std::string(std::size_t{5} << 20, 'x'));
  ProcReader reader(proc.fd());
  EXPECT_THAT(reader.ReadProcess(7), IsError(ErrorCode::kResourceExhausted, HasSubstr("4 MiB")));
}

TEST(ReadProcess, ASymlinkInPlaceOfAFileIsNotFollowed) {
  FakeProc proc;
  proc.Add(ThreeFiltered()).Remove("7/task").Directory("threads").Symlink("7/task", "../threads");
  ProcReader reader(proc.fd());
  EXPECT_FALSE(reader.ReadProcess(7).has_value());
  proc.Add({.pid = 7}).File("other", StatusText({.pid = 7}, {.tid = 7}));
  proc.Remove("7/status").Symlink("7/status", "../other");
  EXPECT_FALSE(reader.ReadProcess(7).has_value());
}

TEST(ReadProcess, AThreadIsNoProcessButNamesItsOwn) {
  FakeProc proc;
  proc.Add({.pid = 7, .threads = {{.tid = 8, .start_ticks = 250}}});
  ProcReader reader(proc.fd());
  EXPECT_THAT(reader.ReadProcess(8), IsError(ErrorCode::kInvalidArgument, HasSubstr("thread")));
  const auto thread = reader.ReadThread(8);
  ASSERT_THAT(thread, IsOk());
  EXPECT_EQ(thread->tgid, 7);
  EXPECT_EQ(thread->start_ticks, 250U);
}

TEST(ReadProcess, WhatMayNotBeReadIsPermissionDenied) {
  FakeProc proc;
  ProcReader reader(proc.fd());
  for (const char* file : {"7/stat", "7/status"}) {
    proc.Add(ThreeFiltered()).File(file, "", 0);
    const AsNobody unprivileged;
    EXPECT_THAT(reader.ReadProcess(7), IsError(ErrorCode::kPermissionDenied, HasSubstr(file)));
  }
  proc.Add(ThreeFiltered()).Directory("7/task", 0);
  {
    const AsNobody unprivileged;
    EXPECT_THAT(reader.ReadProcess(7), IsError(ErrorCode::kPermissionDenied, HasSubstr("task")));
  }
  proc.Directory("7/task");  // so that it can be removed
}

TEST(ReadProcess, OneUnreadableThreadLeavesNoProofAndIsNotRemembered) {
  FakeProc proc;
  proc.Add(ThreeFiltered()).File("7/task/9/status", "", 0);
  ProcReader reader(proc.fd());
  {
    const AsNobody unprivileged;
    for (int round = 0; round < 2; ++round) {
      const Process process = Read(reader);
      EXPECT_FALSE(process.threads_complete);
      EXPECT_EQ(process.seccomp, kFiltered);
    }
  }
  EXPECT_EQ(reader.Filtered().size(), 0U);
  EXPECT_EQ(reader.ThreadsRead(), 2U) << "thread 8, each time";
}

TEST(ReadProcess, AThreadsStatusCutShortLeavesNoProof) {
  FakeProc proc;
  proc.Add(ThreeFiltered()).File("7/task/9/status", "Name:\tapp\nState:\tS (sle");
  EXPECT_FALSE(Read(proc).threads_complete);
}

TEST(ReadProcess, AThreadThatEndedAfterItWasListedIsNoGap) {
  FakeProc proc;
  proc.Add(ThreeFiltered()).Remove("7/task/9/status");
  EXPECT_TRUE(Read(proc).threads_complete);
}

TEST(ReadProcess, AnUnfilteredThreadIsSeenBesideFilteredOnes) {
  FakeProc proc;
  FakeProcess process = ThreeFiltered();
  process.threads.push_back({.tid = 10, .seccomp = kPlain});
  const Process read = Read(proc.Add(process));
  EXPECT_EQ(read.seccomp, kFiltered);
  EXPECT_THAT(read.other_threads, ElementsAre(kPlain));
  EXPECT_TRUE(read.threads_complete);
}

TEST(ReadProcess, WhatIsNoNumberAmongTheThreadsIsSkipped) {
  FakeProc proc;
  proc.Add(ThreeFiltered()).Directory("7/task/self").Directory("7/task/-8").File("7/task/8x", "");
  ProcReader reader(proc.fd());
  EXPECT_TRUE(Read(reader).threads_complete);
  EXPECT_EQ(reader.ThreadsRead(), 2U);
}

TEST(ReadProcess, AZombieLeaderIsJudgedByAThreadThatLives) {
  FakeProc proc;
  proc.Add(
      {.pid = 7,
       .seccomp = kFiltered,
       .state = 'Z',
       .threads = {{.tid = 8, .seccomp = kFiltered, .state = 'X'}, {.tid = 9, .seccomp = kPlain}}});
  const Process process = Read(proc);
  EXPECT_TRUE(process.live);
  EXPECT_EQ(process.state, 'Z');
  EXPECT_EQ(process.judged_tid, 9);
  EXPECT_EQ(process.seccomp, kPlain);
  EXPECT_TRUE(process.threads_complete);
}

TEST(ReadProcess, AZombieLeaderWithAnUnreadableThreadIsNoProofOfItsEnd) {
  FakeProc proc;
  proc.Add({.pid = 7, .state = 'Z', .threads = {{.tid = 9}}}).File("7/task/9/status", "");
  const Process process = Read(proc);
  EXPECT_FALSE(process.threads_complete);
}

TEST(ReadProcess, AZombieAloneIsNotLive) {
  FakeProc proc;
  for (const char state : {'Z', 'X', 'x'}) {
    ProcReader reader(proc.Add({.pid = 7, .state = state}).fd());
    EXPECT_FALSE(Read(reader).live);
    EXPECT_EQ(reader.FilesRead(), 2U);
  }
}

TEST(ReadProcess, OneThreadStandsForAZombieLeaderOnceAllWereFiltered) {
  FakeProc proc;
  FakeProcess process = ThreeFiltered();
  process.state = 'Z';
  ProcReader reader(proc.Add(process).fd());
  const Process first = Read(reader);
  EXPECT_EQ(reader.ThreadsRead(), 2U);
  const Process second = Read(reader);
  EXPECT_EQ(reader.ThreadsRead(), 3U);
  EXPECT_EQ(second.seccomp, kFiltered);
  EXPECT_TRUE(second.live && second.threads_complete);
  EXPECT_EQ(first.seccomp, second.seccomp);
}

TEST(ReadProcess, ThreadsAllFilteredAreReadOnceInTheLifeOfAProcess) {
  FakeProc proc;
  ProcReader reader(proc.Add(ThreeFiltered()).fd());
  EXPECT_THAT(Read(reader).other_threads, IsEmpty());
  EXPECT_TRUE(Read(reader).threads_complete);
  EXPECT_EQ(reader.ThreadsRead(), 2U);
}

// Else a new process would inherit the proof of an old one.
TEST(ReadProcess, ThreadsOfAReusedPidAreReadAnew) {
  FakeProc proc;
  ProcReader reader(proc.Add(ThreeFiltered()).fd());
  EXPECT_THAT(Read(reader).other_threads, IsEmpty());
  FakeProcess reused = ThreeFiltered();
  reused.start_ticks = 101;
  reused.threads[1].seccomp = kPlain;
  proc.Add(reused);
  const Process process = Read(reader);
  EXPECT_EQ(process.start_ticks, 101U);
  EXPECT_THAT(process.other_threads, ElementsAre(kPlain));
}

TEST(ReadProcess, ThreadsOfAnUnfilteredLeaderAreReadOnlyOnDemand) {
  FakeProc proc;
  proc.Add({.pid = 7, .seccomp = kPlain, .threads = {{.tid = 8, .seccomp = kFiltered}}});
  EXPECT_THAT(Read(proc).other_threads, IsEmpty());
  EXPECT_THAT(Read(proc, {.threads = ThreadPolicy::kAll}).other_threads, ElementsAre(kFiltered));
}

// The bound of 4,096, leader included. The threads share their files: 4,096 of them take a while.
TEST(ReadProcess, MoreThreadsThanTheBoundAreNoProof) {
  FakeProc proc;
  proc.Add(ThreeFiltered());
  for (int tid = 10'000; tid < 10'000 + 4'093; ++tid) {
    proc.Symlink("7/task/" + std::to_string(tid), "9");
  }
  ProcReader reader(proc.fd());
  EXPECT_TRUE(Read(reader).threads_complete) << "as many as allowed";
  EXPECT_EQ(reader.ThreadsRead(), 4'095U);
  reader.Filtered().Sweep();
  reader.Filtered().Sweep();
  proc.Symlink("7/task/20000", "9");
  EXPECT_FALSE(Read(reader).threads_complete);
  EXPECT_FALSE(Read(reader).threads_complete) << "must not be remembered";
  ProcReader hasty(proc.fd(), {.max_threads = 10});
  EXPECT_FALSE(Read(hasty).threads_complete);
  EXPECT_LE(hasty.ThreadsRead(), 11U) << "what is beyond is not read";
}

}  // namespace
}  // namespace seccompd::procfs
