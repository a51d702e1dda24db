// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/container_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "common/procfs/clock_reader.h"
#include "tests/unit/procfs/fake_proc.h"
#include "tests/unit/procfs/real_process.h"

namespace seccompd::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kTicks = 100;
constexpr std::chrono::nanoseconds kLongAgo{0};
constexpr std::chrono::nanoseconds kMuchLater = std::chrono::hours(24 * 365 * 100);
// Above every pid_max: no such process.
constexpr pid_t kNobody = (1 << 22) + 1;

std::vector<pid_t> PidsOf(const ReadOutcome& outcome) {
  std::vector<pid_t> pids;
  for (const Process& process : outcome.container.processes) pids.push_back(process.pid);
  return pids;
}

class ReadContainerTest : public ::testing::Test {
 protected:
  ReadOutcome Read(std::vector<pid_t> listed, std::chrono::nanoseconds listed_at,
                   std::vector<pid_t> later) {
    FoundContainer found;
    found.pids = std::move(listed);
    found.listed_at = listed_at;
    return ReadContainer(reader_, found, kTicks, [&]() -> base::Result<FoundContainer> {
      ++lists_;
      FoundContainer again;
      again.pids = later;
      return again;
    });
  }

  base::UniqueFd proc_{::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  ProcReader reader_{proc_.get()};
  int lists_ = 0;
};

TEST_F(ReadContainerTest, AProcessOlderThanTheListNeedsNoSecondLook) {
  const ReadOutcome outcome = Read({::getpid()}, kMuchLater, {});
  EXPECT_THAT(PidsOf(outcome), ElementsAre(::getpid()));
  EXPECT_EQ(lists_, 0);
}

TEST_F(ReadContainerTest, AReusedPidOfSomebodyElseIsNotJudged) {
  const ReadOutcome outcome = Read({::getpid()}, kLongAgo, {});
  EXPECT_THAT(PidsOf(outcome), IsEmpty());
  EXPECT_EQ(outcome.vanished, 1U);
  EXPECT_EQ(outcome.container.unseen_processes, 0U);
  EXPECT_EQ(lists_, 1);
}

TEST_F(ReadContainerTest, AYoungProcessThatIsListedAgainIsTheContainers) {
  const ReadOutcome outcome = Read({::getpid()}, kLongAgo, {::getpid()});
  EXPECT_THAT(PidsOf(outcome), ElementsAre(::getpid()));
  EXPECT_EQ(outcome.vanished, 0U);
}

TEST_F(ReadContainerTest, APidThatIsGoneVanished) {
  const ReadOutcome outcome = Read({kNobody, kNobody + 1}, kMuchLater, {});
  EXPECT_EQ(outcome.vanished, 2U);
  EXPECT_EQ(lists_, 1);
}

TEST_F(ReadContainerTest, APidThatIsListedAgainAndCannotBeOpenedIsUnseen) {
  const ReadOutcome outcome = Read({kNobody}, kMuchLater, {kNobody});
  EXPECT_EQ(outcome.vanished, 0U);
  EXPECT_EQ(outcome.container.unseen_processes, 1U);
}

TEST_F(ReadContainerTest, APidThatIsListedAgainIsTriedAgain) {
  FakeProc proc;
  ProcReader reader(proc.fd());
  FoundContainer found;
  found.pids = {7};
  const auto list_again = [&]() -> base::Result<FoundContainer> {
    proc.Add({.pid = 7});
    return found;
  };
  const ReadOutcome outcome = ReadContainer(reader, found, kTicks, list_again);
  EXPECT_THAT(PidsOf(outcome), ElementsAre(7));
  EXPECT_EQ(outcome.container.unseen_processes, 0U);
  EXPECT_EQ(outcome.vanished, 0U);
}

TEST_F(ReadContainerTest, YoungProcessesTakeTheirPlaceByPid) {
  FakeProc proc;
  proc.Add({.pid = 7, .start_ticks = 1'000}).Add({.pid = 8});
  ProcReader reader(proc.fd());
  FoundContainer found;
  found.pids = {7, 8};
  found.listed_at = std::chrono::seconds(5);
  const ReadOutcome outcome =
      ReadContainer(reader, found, kTicks, [&] { return base::Result<FoundContainer>(found); });
  EXPECT_THAT(PidsOf(outcome), ElementsAre(7, 8));
}

TEST_F(ReadContainerTest, AListedThreadThatCannotBeReadIsUnseen) {
  FoundContainer found;
  found.thread_ids = {kNobody};
  const ReadOutcome outcome =
      ReadContainer(reader_, found, kTicks, [&] { return base::Result<FoundContainer>(found); });
  EXPECT_EQ(outcome.container.unseen_processes, 1U);
}

TEST_F(ReadContainerTest, AListThatCannotBeReadAgainProvesNothing) {
  FoundContainer found;
  found.pids = {::getpid(), kNobody};
  const ReadOutcome outcome =
      ReadContainer(reader_, found, kTicks, [&]() -> base::Result<FoundContainer> {
        return base::Fail(base::ErrorCode::kResourceExhausted, "no file descriptor left");
      });
  EXPECT_THAT(PidsOf(outcome), IsEmpty());
  EXPECT_EQ(outcome.container.unseen_processes, 2U);
}

TEST_F(ReadContainerTest, AThreadsPidIsNotAProcess) {
  const RealProcess child([](const auto&) { StartThread([] {}); });
  const std::string tasks = "/proc/" + std::to_string(child.pid()) + "/task";
  FoundContainer found;
  found.listed_at = kMuchLater;
  const base::UniqueFd fd(::open(tasks.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  pid_t thread = 0;
  ASSERT_TRUE(ForEachEntry(fd.get(), [&](std::string_view name, unsigned char) {
    thread = static_cast<pid_t>(std::stol(std::string(name)));
    return thread == child.pid();
  }));
  ASSERT_NE(thread, child.pid());
  EXPECT_EQ(Read({thread}, kMuchLater, {}).vanished, 1U);

  // A threaded cgroup lists nothing but threads: they lead to their process.
  found.thread_ids = {thread};
  const ReadOutcome outcome =
      ReadContainer(reader_, found, kTicks, [&] { return base::Result<FoundContainer>(found); });
  EXPECT_THAT(PidsOf(outcome), ElementsAre(child.pid()));
}

TEST_F(ReadContainerTest, ProcessesComeInTheOrderOfTheirPids) {
  const RealProcess first([](const auto&) {});
  const RealProcess second([](const auto&) {});
  std::vector<pid_t> pids{::getpid(), first.pid(), second.pid()};
  std::sort(pids.begin(), pids.end());
  const auto now = ReadBootClock().now;  // the children are of this tick or the last one
  EXPECT_EQ(PidsOf(Read(pids, now, pids)), pids);
}

// Lists of threads (a threaded cgroup) on a fake /proc, taken 5 s after boot: tick 500.
class ReadThreadedContainer : public ::testing::Test {
 protected:
  ReadOutcome Read(std::vector<pid_t> listed, std::vector<pid_t> later) {
    FoundContainer found;
    found.thread_ids = std::move(listed);
    found.listed_at = std::chrono::seconds(5);
    ProcReader reader(proc_.fd());
    return ReadContainer(reader, found, kTicks, [&]() -> base::Result<FoundContainer> {
      FoundContainer again;
      again.thread_ids = later;
      return again;
    });
  }

  FakeProc proc_;
};

TEST_F(ReadThreadedContainer, ThreadsLeadToTheirProcessesEachOnce) {
  proc_.Add({.pid = 7, .threads = {{.tid = 8}, {.tid = 9}}}).Add({.pid = 5});
  const ReadOutcome outcome = Read({5, 8, 9}, {});
  EXPECT_THAT(PidsOf(outcome), ElementsAre(5, 7));
  EXPECT_EQ(outcome.container.unseen_processes, 0U);
}

// Such a process lives all the time and would never be judged.
TEST_F(ReadThreadedContainer, AThreadThatHandsOnToANewOneHidesNoProcess) {
  proc_.Add({.pid = 7, .threads = {{.tid = 9, .start_ticks = 510}}});
  const ReadOutcome outcome = Read({8}, {9});
  EXPECT_THAT(PidsOf(outcome), ElementsAre(7));
  EXPECT_EQ(outcome.vanished, 1U);
  EXPECT_EQ(outcome.container.unseen_processes, 0U);
}

TEST_F(ReadThreadedContainer, OneThatHandsOnForEverIsUnseen) {
  const ReadOutcome outcome = Read({8}, {9});
  EXPECT_THAT(PidsOf(outcome), IsEmpty());
  EXPECT_EQ(outcome.container.unseen_processes, 1U);
}

// The id belonged to the container when the list was taken, and is an old host process's now.
TEST_F(ReadThreadedContainer, AReusedThreadIdDragsNoForeignProcessIn) {
  proc_.Add({.pid = 7, .threads = {{.tid = 8, .start_ticks = 510}}});
  const ReadOutcome outcome = Read({8}, {});
  EXPECT_THAT(PidsOf(outcome), IsEmpty());
  EXPECT_EQ(outcome.vanished, 1U);
  EXPECT_EQ(outcome.container.unseen_processes, 0U);
}

TEST_F(ReadThreadedContainer, AYoungThreadThatIsListedAgainIsTheContainers) {
  proc_.Add({.pid = 7, .threads = {{.tid = 8, .start_ticks = 510}}});
  const ReadOutcome outcome = Read({8}, {8});
  EXPECT_THAT(PidsOf(outcome), ElementsAre(7));
  EXPECT_EQ(outcome.vanished, 0U);
}

TEST_F(ReadContainerTest, AProcessThatOnlyTheSecondListNamesIsRead) {
  const ReadOutcome outcome = Read({kNobody}, kMuchLater, {::getpid()});
  EXPECT_THAT(PidsOf(outcome), ElementsAre(::getpid()));
  EXPECT_EQ(outcome.vanished, 1U);
  EXPECT_EQ(Read({kNobody}, kMuchLater, {kNobody + 1}).container.unseen_processes, 0U)
      << "came and went";
}

TEST_F(ReadContainerTest, ANewProcessThatMayNotBeReadIsUnseen) {
  FakeProc proc;
  proc.Add({.pid = 8}).File("8/status", "Name:\tcut o");
  ProcReader reader(proc.fd());
  FoundContainer found;
  found.pids = {7};
  const ReadOutcome outcome =
      ReadContainer(reader, found, kTicks, []() -> base::Result<FoundContainer> {
        FoundContainer again;
        again.pids = {8};
        return again;
      });
  EXPECT_EQ(outcome.vanished, 1U);
  EXPECT_EQ(outcome.container.unseen_processes, 1U);
}

TEST_F(ReadContainerTest, FromAListWithGapsNobodyVanishesUnnoticed) {
  FoundContainer found;
  found.pids = {kNobody};
  const ReadOutcome outcome =
      ReadContainer(reader_, found, kTicks, []() -> base::Result<FoundContainer> {
        FoundContainer again;
        again.unseen_processes = 1;
        return again;
      });
  EXPECT_EQ(outcome.container.unseen_processes, 1U);
}

}  // namespace
}  // namespace seccompd::procfs
