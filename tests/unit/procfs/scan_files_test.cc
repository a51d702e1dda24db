// SPDX-License-Identifier: Apache-2.0
// Scanner on plain files that stand for /proc and the cgroup tree. What happens between Begin() and
// Step() happens between the lists and the reading.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "common/procfs/scanner.h"
#include "tests/support/matchers.h"
#include "tests/unit/procfs/fake_proc.h"

namespace seccompd::procfs {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kUid[] = "08429dc0-0571-4bb8-8ac1-f8ba4fd1fd31";
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max() / 2;
// Younger than any list that a test takes.
constexpr std::uint64_t kYoung = 1'000'000'000'000;

std::vector<pid_t> PidsOf(const Container& container) {
  std::vector<pid_t> pids;
  for (const Process& process : container.processes) pids.push_back(process.pid);
  return pids;
}

// The containers A with the processes 7 (unfiltered) and 8 (filtered) and B with 9 (filtered).
class ScanFiles : public ::testing::Test {
 protected:
  ScanFiles() {
    cgroups_.File("cgroup.controllers", "pids\n").File("cgroup.procs", "1\n");
    cgroups_.File(a_ + "/cgroup.procs", "7\n8\n").File(b_ + "/cgroup.procs", "9\n");
    proc_.Add({.pid = 7, .seccomp = kPlain})
        .Add({.pid = 8, .seccomp = kFiltered})
        .Add({.pid = 9, .seccomp = kFiltered});
  }

  // One pass; `meanwhile` happens when the lists were read and no process yet.
  ScanResult Scan(const std::function<void()>& meanwhile = [] {}) {
    Scanner scanner(proc_.fd(), cgroups_.fd());
    EXPECT_THAT(scanner.Begin(), IsOk());
    meanwhile();
    EXPECT_FALSE(scanner.Step(kAll));
    return scanner.Finish();
  }

  const std::string pod_ = std::string("kubepods/burstable/pod") + kUid + "/";
  const std::string a_ = pod_ + std::string(64, 'a');
  const std::string b_ = pod_ + std::string(64, 'b');
  FakeProc proc_;
  FakeTree cgroups_;
};

TEST_F(ScanFiles, FindsContainersAndTheirProcesses) {
  const auto result = procfs::Scan(proc_.fd(), cgroups_.fd());
  ASSERT_THAT(result, IsOk());
  ASSERT_THAT(result->containers, SizeIs(2));
  const Container& a = result->containers[0];
  EXPECT_EQ(a.ref, (ContainerRef{kUid, std::string(64, 'a'), ""}));
  EXPECT_EQ(a.cgroup_path, a_);
  struct stat info {};
  ASSERT_EQ(::stat((cgroups_.path() + "/" + a_).c_str(), &info), 0);
  EXPECT_EQ(a.cgroup_id, info.st_ino);
  EXPECT_THAT(PidsOf(a), ElementsAre(7, 8));
  EXPECT_EQ(a.processes[0].seccomp, kPlain);
  EXPECT_EQ(a.processes[1].seccomp, kFiltered);
  EXPECT_THAT(PidsOf(result->containers[1]), ElementsAre(9));
  EXPECT_EQ(result->version, CgroupVersion::kV2);
  EXPECT_TRUE(result->host_cgroup_root);
  EXPECT_FALSE(result->truncated);
  // Two lists, and stat and status of each process.
  EXPECT_EQ(result->counters, (ScanCounters{.processes = 3, .files_read = 8, .modes = {1, 0, 2}}));
}

TEST_F(ScanFiles, StepsGiveWhatOneScanGives) {
  Scanner scanner(proc_.fd(), cgroups_.fd());
  const auto whole = scanner.Scan();
  ASSERT_THAT(whole, IsOk());
  ASSERT_THAT(scanner.Begin(), IsOk());
  EXPECT_TRUE(scanner.Step(1)) << "A is read whole, B is left";
  EXPECT_FALSE(scanner.Step(1));
  const ScanResult stepped = scanner.Finish();
  EXPECT_EQ(stepped.containers, whole->containers);
  EXPECT_EQ(stepped.counters, whole->counters);
}

TEST_F(ScanFiles, APassThatIsCutOffHoldsWhatItHadRead) {
  Scanner scanner(proc_.fd(), cgroups_.fd());
  ASSERT_THAT(scanner.Begin(), IsOk());
  EXPECT_TRUE(scanner.Step(1));
  EXPECT_THAT(scanner.Finish().containers, SizeIs(1));
}

TEST_F(ScanFiles, WithoutACgroupTreeThePassFailsAndTheNextOneWorks) {
  cgroups_.Remove("cgroup.procs");
  Scanner scanner(proc_.fd(), cgroups_.fd());
  EXPECT_THAT(scanner.Scan(), IsError(ErrorCode::kNotFound, HasSubstr("mount the host's")));
  cgroups_.File("cgroup.procs", "1\n");
  const auto result = scanner.Scan();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->counters.processes, 3U);
}

TEST_F(ScanFiles, AProcessThatEndsBeforeItIsReadVanished) {
  const ScanResult result = Scan([&] {
    proc_.End(8);
    cgroups_.File(a_ + "/cgroup.procs", "7\n");
  });
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(7));
  EXPECT_EQ(result.counters.vanished, 1U);
  EXPECT_EQ(result.counters.unseen, 0U);
}

TEST_F(ScanFiles, AProcessThatIsListedTwiceAndCannotBeOpenedIsUnseen) {
  proc_.End(8);
  const ScanResult result = Scan();
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(7));
  EXPECT_EQ(result.containers[0].unseen_processes, 1U);
  EXPECT_EQ(result.counters.unseen, 1U);
  EXPECT_EQ(result.counters.vanished, 0U);
}

TEST_F(ScanFiles, AContainerRemovedBeforeItIsReadIsEmptyNotUnseen) {
  const ScanResult result = Scan([&] {
    proc_.End(7).End(8);
    cgroups_.Remove(a_);
  });
  ASSERT_THAT(result.containers, SizeIs(2));
  EXPECT_THAT(PidsOf(result.containers[0]), IsEmpty());
  EXPECT_EQ(result.counters,
            (ScanCounters{.processes = 1, .vanished = 2, .files_read = 4, .modes = {0, 0, 1}}));
}

TEST_F(ScanFiles, AReusedPidOfSomebodyElseIsNotTheContainers) {
  const ScanResult result = Scan([&] {
    proc_.Add({.pid = 8, .seccomp = kPlain, .start_ticks = kYoung});
    cgroups_.File(a_ + "/cgroup.procs", "7\n");
  });
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(7));
  EXPECT_EQ(result.counters.vanished, 1U);
}

TEST_F(ScanFiles, AReusedPidOfTheSameContainerIsReadAsTheNewProcess) {
  const ScanResult result =
      Scan([&] { proc_.Add({.pid = 8, .seccomp = kPlain, .start_ticks = kYoung}); });
  ASSERT_THAT(PidsOf(result.containers.at(0)), ElementsAre(7, 8));
  EXPECT_EQ(result.containers[0].processes[1].start_ticks, kYoung);
  EXPECT_EQ(result.containers[0].processes[1].seccomp, kPlain);
  EXPECT_EQ(result.counters.modes, (std::array<std::size_t, 3>{2, 0, 1}));
}

// Else a workload that hands on from process to process is never seen.
TEST_F(ScanFiles, AProcessThatHandsOnToAnotherIsFoundByTheOther) {
  const ScanResult result = Scan([&] {
    proc_.End(7).Add({.pid = 70, .seccomp = kPlain, .start_ticks = kYoung});
    cgroups_.File(a_ + "/cgroup.procs", "8\n70\n");
  });
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(8, 70));
  EXPECT_EQ(result.counters.vanished, 1U);
}

TEST_F(ScanFiles, GarbageOfOneProcessIsUnseenAndSpoilsNoOther) {
  proc_.File("8/status", "Name:\tapp\nSeccomp:\ttwo\n");
  const ScanResult result = Scan();
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(7));
  EXPECT_EQ(result.containers[0].unseen_processes, 1U);
  EXPECT_EQ(result.containers.at(1).unseen_processes, 0U);
}

TEST_F(ScanFiles, AProcessThatMayNotBeReadIsUnseenNeverVanished) {
  proc_.File("8/status", "", 0);
  const AsNobody unprivileged;
  const ScanResult result = Scan();
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(7));
  EXPECT_EQ(result.containers[0].unseen_processes, 1U);
  EXPECT_EQ(result.counters.vanished, 0U);
}

TEST_F(ScanFiles, AListThatMayNotBeReadMakesItsContainerUnseenAndNoOther) {
  cgroups_.File(a_ + "/cgroup.procs", "7\n8\n", 0);
  const AsNobody unprivileged;
  const ScanResult result = Scan();
  ASSERT_THAT(result.containers, SizeIs(2));
  EXPECT_EQ(result.containers[0].unseen_processes, 1U);
  EXPECT_EQ(result.containers[1].unseen_processes, 0U);
  EXPECT_THAT(PidsOf(result.containers[1]), ElementsAre(9));
}

TEST_F(ScanFiles, WithoutTheHostsPidNamespaceProcessesAreUnseenAndCounted) {
  cgroups_.File(a_ + "/cgroup.procs", "0\n0\n8\n").File(b_ + "/cgroup.procs", "0\nx\n");
  const ScanResult result = Scan();
  EXPECT_EQ(result.pids_of_other_namespaces, 3U);
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(8));
  EXPECT_EQ(result.containers[0].unseen_processes, 2U);
  EXPECT_THAT(PidsOf(result.containers.at(1)), IsEmpty());
  EXPECT_EQ(result.containers[1].unseen_processes, 2U);
  EXPECT_EQ(result.counters.unseen, 4U);
}

TEST_F(ScanFiles, AZombieIsListedButCountsForNoMode) {
  proc_.Add({.pid = 7, .seccomp = kPlain, .state = 'Z'});
  const ScanResult result = Scan();
  EXPECT_FALSE(result.containers.at(0).processes.at(0).live);
  EXPECT_EQ(result.counters.processes, 3U);
  EXPECT_EQ(result.counters.modes, (std::array<std::size_t, 3>{0, 0, 2}));
}

TEST_F(ScanFiles, AZombieLeaderWithUnreadThreadsIsUnseenNotDead) {
  proc_.Add({.pid = 7, .seccomp = kPlain, .state = 'Z', .threads = {{.tid = 70}}})
      .File("7/task/70/status", "");
  const ScanResult result = Scan();
  EXPECT_THAT(PidsOf(result.containers.at(0)), ElementsAre(8));
  EXPECT_EQ(result.containers[0].unseen_processes, 1U);
}

TEST_F(ScanFiles, ThreadsAreReadOnceAndForgottenWithTheirProcess) {
  proc_.Add({.pid = 9, .seccomp = kFiltered, .threads = {{.tid = 90, .seccomp = kFiltered}}});
  Scanner scanner(proc_.fd(), cgroups_.fd());
  const auto threads = [&](const std::string& list) {
    cgroups_.File(b_ + "/cgroup.procs", list);
    const auto result = scanner.Scan();
    return result ? result->counters.threads : 99U;
  };
  EXPECT_EQ(threads("9\n"), 1U);
  EXPECT_EQ(threads("9\n"), 0U);
  EXPECT_EQ(threads(""), 0U);
  EXPECT_EQ(threads(""), 0U);
  EXPECT_EQ(threads("9\n"), 1U);
}

TEST_F(ScanFiles, ALimitThatCutsTheTreeIsTold) {
  ScanOptions options;
  options.tree.max_cgroups = 3;
  const auto result = procfs::Scan(proc_.fd(), cgroups_.fd(), options);
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->truncated);
  EXPECT_THAT(result->containers, IsEmpty());
}

TEST_F(ScanFiles, AnUnknownCgroupOfAPodIsNamed) {
  cgroups_.File(pod_ + "kata_overhead/cgroup.procs", "5\n");
  EXPECT_THAT(Scan().unrecognised, ElementsAre(pod_ + "kata_overhead"));
}

TEST_F(ScanFiles, AV1HostIsReadInTheHierarchyThatHasTheContainers) {
  FakeTree root;
  root.File("pids/cgroup.procs", "").File("pids/release_agent", "");
  root.File("pids/" + a_ + "/cgroup.procs", "7\n");
  const auto result = procfs::Scan(proc_.fd(), root.fd());
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->version, CgroupVersion::kV1);
  EXPECT_EQ(result->hierarchy, "pids");
  EXPECT_TRUE(result->host_cgroup_root);
  EXPECT_THAT(PidsOf(result->containers.at(0)), ElementsAre(7));
  EXPECT_EQ(result->containers[0].cgroup_id, 0U);
}

}  // namespace
}  // namespace seccompd::procfs
