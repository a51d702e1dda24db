// SPDX-License-Identifier: Apache-2.0
// What happens to a process while it is read, at the system call where it hurts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "common/procfs/proc_reader.h"
#include "tests/support/matchers.h"
#include "tests/unit/procfs/fake_proc.h"
#include "tests/unit/procfs/scripted_calls.h"

namespace seccompd::procfs {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

FakeProcess Filtered(const std::vector<pid_t>& tids) {
  FakeProcess process{.pid = 7, .seccomp = kFiltered};
  for (const pid_t tid : tids) process.threads.push_back({.tid = tid, .seccomp = kFiltered});
  return process;
}

base::Result<Process> Read(ProcReader& reader, const CallScript& script) {
  base::Result<Process> process = base::Fail(ErrorCode::kInternal, "not read");
  RunScripted(script, [&] { process = reader.ReadProcess(7); });
  return process;
}

// The kernel's answer for an open file of a process that is gone is ESRCH, whoever has its pid now.
TEST(ReadProcessRace, AReusedPidIsNeverReportedHalfOfEach) {
  FakeProc proc;
  proc.Add(Filtered({}));
  ProcReader reader(proc.fd());
  bool reused = false;
  const auto process = Read(reader, [&](const Call& call) {
    if (call.Opens("/7/status") && !reused) {
      proc.Add({.pid = 7, .seccomp = kPlain, .start_ticks = 900});
      reused = true;
    }
    return reused && call.Reads("/7/stat (deleted)") ? ESRCH : 0;
  });
  EXPECT_TRUE(reused);
  EXPECT_THAT(process, IsError(ErrorCode::kGone, _));
}

TEST(ReadProcessRace, AThreadIdThatIsReusedMeanwhileNamesNoProcess) {
  FakeProc proc;
  proc.Add({.pid = 7, .threads = {{.tid = 8}}});
  ProcReader reader(proc.fd());
  base::Result<ThreadIdentity> thread = base::Fail(ErrorCode::kInternal, "not read");
  RunScripted(
      [&](const Call& call) {
        if (call.Opens("/8/status")) {
          proc.End(7);
          proc.Add({.pid = 50, .threads = {{.tid = 8, .start_ticks = 900}}});
        }
        return call.Reads("/stat (deleted)") ? ESRCH : 0;
      },
      [&] { thread = reader.ReadThread(8); });
  EXPECT_THAT(thread, IsError(ErrorCode::kGone, _));
}

TEST(ReadProcessRace, AProcessThatEndsWhileItsThreadsAreReadIsGoneAndNotRemembered) {
  FakeProc proc;
  proc.Add(Filtered({8, 9}));
  ProcReader reader(proc.fd());
  bool ended = false;
  const auto process = Read(reader, [&](const Call& call) {
    if (call.Opens("/7/task/9/status")) ended = true;
    if (!ended) return 0;
    // A process without threads lists none, its files answer ESRCH.
    if (call.kind == Call::Kind::kRead) return ESRCH;
    return call.kind == Call::Kind::kOpen ? ENOENT : 0;
  });
  EXPECT_TRUE(ended);
  EXPECT_THAT(process, IsError(ErrorCode::kGone, _));
  EXPECT_EQ(reader.Filtered().size(), 0U);
}

TEST(ReadProcessRace, ThreadsThatEndDuringTheWalkAreNoGap) {
  FakeProc proc;
  proc.Add(Filtered({8, 9, 10}));
  ProcReader reader(proc.fd());
  const auto process = Read(reader, [&](const Call& call) {
    if (call.Opens("/7/task/8/status")) proc.EndThread(7, 8);
    return call.Reads("/7/task/9/status") ? ESRCH : 0;
  });
  ASSERT_THAT(process, IsOk());
  EXPECT_TRUE(process->threads_complete);
  EXPECT_THAT(process->other_threads, IsEmpty());
}

TEST(ReadProcessRace, AThreadThatStartsDuringTheWalkIsRead) {
  FakeProc proc;
  proc.Add(Filtered({8}));
  ProcReader reader(proc.fd());
  const auto process = Read(reader, [&](const Call& call) {
    if (call.Reads("/7/task/8/status")) {
      proc.File("7/task/9/status", StatusText({.pid = 7}, {.tid = 9, .seccomp = kPlain}));
    }
    return 0;
  });
  ASSERT_THAT(process, IsOk());
  EXPECT_THAT(process->other_threads, ElementsAre(kPlain));
  EXPECT_TRUE(process->threads_complete);
}

TEST(ReadProcessRace, WithoutADescriptorLeftNothingIsProven) {
  FakeProc proc;
  proc.Add(Filtered({8}));
  ProcReader reader(proc.fd());
  const auto process =
      Read(reader, [](const Call& call) { return call.Opens("/8/status") ? EMFILE : 0; });
  ASSERT_THAT(process, IsOk());
  EXPECT_FALSE(process->threads_complete);
  EXPECT_THAT(Read(reader, [](const Call& call) { return call.Opens("/7/stat") ? EMFILE : 0; }),
              IsError(ErrorCode::kResourceExhausted, _));
}

TEST(ReadProcessRace, AListOfThreadsThatBreaksOffIsAnError) {
  FakeProc proc;
  proc.Add(Filtered({8}));
  ProcReader reader(proc.fd());
  int lists = 0;
  const auto process = Read(
      reader, [&](const Call& call) { return call.Lists("/7/task") && ++lists == 2 ? EIO : 0; });
  EXPECT_THAT(process, IsError(ErrorCode::kIo, _));
  EXPECT_EQ(reader.Filtered().size(), 0U);
}

TEST(ReadProcessRace, ASignalDuringAReadChangesNothing) {
  FakeProc proc;
  proc.Add(Filtered({}));
  ProcReader reader(proc.fd());
  int interrupted = 0;
  const auto process = Read(reader, [&](const Call& call) {
    return call.Reads("/7/status") && ++interrupted <= 3 ? EINTR : 0;
  });
  ASSERT_THAT(process, IsOk());
  EXPECT_EQ(process->seccomp, kFiltered);
  EXPECT_EQ(interrupted, 4);
}

}  // namespace
}  // namespace seccompd::procfs
