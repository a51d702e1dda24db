// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

namespace seccompd::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr SeccompState kPlain{.mode = 0, .filters = 0, .no_new_privs = false};
constexpr SeccompState kFiltered{.mode = 2, .filters = 1, .no_new_privs = true};

// Threads as a script: reading one may start or end others.
struct Script {
  std::map<pid_t, Status> threads;
  std::map<pid_t, std::function<void(Script&)>> on_read;
  std::vector<pid_t> reads;

  Script& Add(pid_t tid, const SeccompState& state, char letter = 'S') {
    threads[tid] = Status{.comm = "a", .state = letter, .tgid = 1, .pid = tid, .seccomp = state};
    return *this;
  }

  ThreadSource Source() {
    return {.list = [this](std::size_t most) -> base::Result<std::vector<pid_t>> {
              std::vector<pid_t> tids;
              for (const auto& [tid, status] : threads) tids.push_back(tid);
              tids.resize(std::min(tids.size(), most));
              return tids;
            },
            .read = [this](pid_t tid) -> base::Result<Status> {
              reads.push_back(tid);
              if (on_read.contains(tid)) on_read.at(tid)(*this);
              const auto thread = threads.find(tid);
              if (thread == threads.end()) return base::Fail(base::ErrorCode::kGone, "ended");
              return thread->second;
            }};
  }
};

Process Leader(const SeccompState& state, bool live = true) {
  Process process;
  process.pid = 1;
  process.judged_tid = 1;
  process.seccomp = state;
  process.live = live;
  return process;
}

Process Judged(Script& script, Process process, const ThreadLimits& limits = {}) {
  EXPECT_TRUE(JudgeThreads(script.Source(), limits, process));
  return process;
}

TEST(JudgeThreads, KeepsEachOtherStateOnce) {
  Script script;
  script.Add(1, kFiltered).Add(2, kPlain).Add(3, kFiltered).Add(4, kPlain);
  const Process process = Judged(script, Leader(kFiltered));
  EXPECT_EQ(process.seccomp, kFiltered);
  EXPECT_EQ(process.judged_tid, 1);
  EXPECT_THAT(process.other_threads, ElementsAre(kPlain));
  EXPECT_TRUE(process.threads_complete);
  EXPECT_THAT(script.reads, ElementsAre(2, 3, 4));
}

TEST(JudgeThreads, DeadThreadsCountForNothing) {
  Script script;
  script.Add(1, kPlain, 'Z').Add(2, kPlain, 'X').Add(3, kPlain, 'Z').Add(4, kFiltered);
  const Process process = Judged(script, Leader(kPlain, false));
  EXPECT_TRUE(process.live);
  EXPECT_EQ(process.judged_tid, 4);
  EXPECT_EQ(process.seccomp, kFiltered);
  EXPECT_THAT(process.other_threads, IsEmpty());
}

TEST(JudgeThreads, WithoutALiveThreadTheProcessIsNotLive) {
  Script script;
  script.Add(1, kFiltered, 'Z').Add(2, kFiltered, 'X');
  EXPECT_FALSE(Judged(script, Leader(kFiltered, false)).live);
}

TEST(JudgeThreads, AThreadThatStartsMeanwhileIsRead) {
  Script script;
  script.Add(1, kFiltered).Add(2, kFiltered).Add(3, kFiltered);
  script.on_read[3] = [](Script& all) { all.Add(9, kPlain); };
  const Process process = Judged(script, Leader(kFiltered));
  EXPECT_THAT(process.other_threads, ElementsAre(kPlain));
  EXPECT_TRUE(process.threads_complete);
}

// An unfiltered thread may hand on to a new one and end before it is read.
TEST(JudgeThreads, AThreadThatFleesIntoANewOneIsFound) {
  Script script;
  script.Add(1, kFiltered).Add(2, kPlain);
  script.on_read[2] = [](Script& all) {
    all.threads.erase(2);
    all.Add(3, kPlain);
  };
  EXPECT_THAT(Judged(script, Leader(kFiltered)).other_threads, ElementsAre(kPlain));
}

TEST(JudgeThreads, OneThatFleesForEverLeavesNoProof) {
  Script script;
  script.Add(1, kFiltered).Add(2, kPlain);
  for (pid_t tid = 2; tid < 100; ++tid) {
    script.on_read[tid] = [tid](Script& all) {
      all.threads.erase(tid);
      all.Add(tid + 1, kPlain);
    };
  }
  const Process process = Judged(script, Leader(kFiltered));
  EXPECT_FALSE(process.threads_complete);
  EXPECT_THAT(process.other_threads, IsEmpty());
  EXPECT_THAT(script.reads, SizeIs(4));
}

TEST(JudgeThreads, AnUnreadableThreadLeavesNoProof) {
  Script script;
  script.Add(1, kFiltered).Add(2, kFiltered).Add(3, kFiltered);
  ThreadSource source = script.Source();
  source.read = [read = source.read](pid_t tid) -> base::Result<Status> {
    if (tid == 2) return base::Fail(base::ErrorCode::kCorrupt, "status: Seccomp is missing");
    return read(tid);
  };
  Process process = Leader(kFiltered);
  ASSERT_TRUE(JudgeThreads(source, {}, process));
  EXPECT_FALSE(process.threads_complete);
}

TEST(JudgeThreads, ReadsNoMoreThanAllowedAndSaysSo) {
  Script script;
  for (pid_t tid = 1; tid <= 5; ++tid) script.Add(tid, kFiltered);
  EXPECT_TRUE(Judged(script, Leader(kFiltered), {.max_threads = 5}).threads_complete);
  script.reads.clear();
  EXPECT_FALSE(Judged(script, Leader(kFiltered), {.max_threads = 4}).threads_complete);
  EXPECT_THAT(script.reads, SizeIs(4));
}

TEST(JudgeThreads, OneLiveThreadMayStandForAll) {
  Script script;
  script.Add(1, kPlain, 'Z').Add(2, kPlain, 'X').Add(3, kFiltered).Add(4, kFiltered);
  const Process process = Judged(script, Leader(kPlain, false), {.first_only = true});
  EXPECT_EQ(process.judged_tid, 3);
  EXPECT_TRUE(process.threads_complete);
  EXPECT_THAT(script.reads, ElementsAre(2, 3));
}

TEST(JudgeThreads, ThousandsOfStatesNeverCrowdOutAnUnfilteredOne) {
  Script script;
  script.Add(1, kFiltered);
  for (int i = 2; i < 1'000; ++i) script.Add(i, {.mode = 2, .filters = i, .no_new_privs = true});
  script.Add(2'000, kPlain);
  const Process process = Judged(script, Leader(kFiltered));
  EXPECT_THAT(process.other_threads, SizeIs(65));
  EXPECT_EQ(process.other_threads.back(), kPlain);
  EXPECT_FALSE(AllFiltered(process));
}

TEST(JudgeThreads, AnErrorOfTheListIsItsError) {
  ThreadSource source;
  source.list = [](std::size_t) -> base::Result<std::vector<pid_t>> {
    return base::Fail(base::ErrorCode::kGone, "no such process");
  };
  Process process = Leader(kFiltered);
  const auto result = JudgeThreads(source, {}, process);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, base::ErrorCode::kGone);
}

TEST(AllFiltered, TakesStrictModeForFiltered) {
  Process process = Leader({.mode = 1, .filters = {}, .no_new_privs = false});
  EXPECT_TRUE(AllFiltered(process));
  process.other_threads = {kFiltered};
  EXPECT_TRUE(AllFiltered(process));
  process.other_threads = {kFiltered, kPlain};
  EXPECT_FALSE(AllFiltered(process));
  EXPECT_FALSE(AllFiltered(Leader(kPlain)));
}

}  // namespace
}  // namespace seccompd::procfs
