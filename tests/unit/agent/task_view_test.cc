// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/task_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seccompd::agent {
namespace {

using filters::Task;
using std::chrono::nanoseconds;

constexpr std::uint64_t kCgroup = 42;

Task MakeTask(pid_t pid, pid_t tgid, std::uint64_t start_ns, int mode = 2) {
  Task task;
  task.id = {.pid = pid, .start_ns = start_ns, .exec_id = 1};
  task.tgid = tgid;
  task.ppid = 1;
  task.leader_start_ns = start_ns;
  task.mode = static_cast<std::uint8_t>(mode);
  task.filter = mode == 2 ? 99 : 0;
  task.filter_count = mode == 2 ? 1 : 0;
  task.cgroup_id = kCgroup;
  task.comm = {'a', 'p', 'p'};
  return task;
}

procfs::CgroupTree Tree(std::vector<pid_t> pids, std::int64_t listed_ns) {
  procfs::CgroupTree tree;
  procfs::FoundContainer container;
  container.ref.container_id = "c1";
  container.path = "kubepods/podx/c1";
  container.pids = std::move(pids);
  container.listed_at = nanoseconds(listed_ns);
  tree.containers.push_back(container);
  return tree;
}

TEST(TaskView, GroupsThreadsByProcessLeaderFirst) {
  const std::vector<Task> tasks = {MakeTask(3, 9, 100), MakeTask(5, 5, 50), MakeTask(9, 9, 100)};
  const TaskView view(tasks);
  ASSERT_EQ(view.processes().size(), 2U);
  EXPECT_EQ(view.processes()[1].pid, 9);
  EXPECT_EQ(view.processes()[1].Leader()->id.pid, 9);
  EXPECT_EQ(view.processes()[1].threads.size(), 2U);
  EXPECT_EQ(view.Find(5)->pid, 5);
  EXPECT_EQ(view.Find(3), nullptr);
}

TEST(TaskView, KernelThreadsAreNobodysProcess) {
  Task thread = MakeTask(2, 2, 1, 0);
  thread.kernel_thread = true;
  EXPECT_TRUE(TaskView(std::span(&thread, 1)).processes().empty());
}

TEST(ScannedProcess, AZombieLeaderIsJudgedByItsFirstLiveThread) {
  std::vector<Task> tasks = {MakeTask(9, 9, 100), MakeTask(10, 9, 100)};
  tasks[0].zombie = true;
  const TaskView view(tasks);
  EXPECT_EQ(view.processes()[0].Judged()->id.pid, 10);
  tasks[1].exiting = true;
  EXPECT_EQ(TaskView(tasks).processes()[0].Judged(), nullptr);
}

bool Places(const Placement& placement, const std::vector<Task>& tasks) {
  TaskView view(tasks);
  return placement.Place(view);
}

TEST(Placement, AProcessInAListIsPlacedAndOneInNoneIsNowhere) {
  const std::vector<Task> tasks = {MakeTask(5, 5, 50), MakeTask(6, 6, 60)};
  TaskView view(tasks);
  Placement placement;
  EXPECT_FALSE(placement.Place(view));
  placement.Learn(Tree({5}, 1'000), nanoseconds(900), view);
  EXPECT_TRUE(placement.Place(view));
  EXPECT_EQ(view.processes()[0].container, 0U);
  EXPECT_EQ(view.processes()[1].container, std::nullopt);
}

TEST(Placement, APidReusedAfterTheListIsNotTheContainers) {
  const std::vector<Task> tasks = {MakeTask(5, 5, 1'001)};
  TaskView view(tasks);
  Placement placement;
  placement.Learn(Tree({5}, 1'000), nanoseconds(900), view);
  EXPECT_FALSE(placement.Place(view));  // the next pass walks again
  EXPECT_EQ(view.processes()[0].container, std::nullopt);
}

TEST(Placement, ANewProcessOrACgroupIdThatChangedIsUnknown) {
  std::vector<Task> tasks = {MakeTask(5, 5, 50)};
  Placement placement;
  placement.Learn(Tree({5}, 1'000), nanoseconds(900), TaskView(tasks));
  tasks.push_back(MakeTask(6, 6, 2'000));
  EXPECT_FALSE(Places(placement, tasks));
  tasks.pop_back();
  EXPECT_TRUE(Places(placement, tasks));
  tasks[0].cgroup_id = kCgroup + 1;  // moved
  EXPECT_FALSE(Places(placement, tasks));
}

// Its neighbours by pid came and went between two scans.
TEST(Placement, AProcessKeepsItsPlaceAmongNewAndEndedOnes) {
  std::vector<Task> tasks = {MakeTask(5, 5, 50), MakeTask(7, 7, 70), MakeTask(9, 9, 90)};
  Placement placement;
  placement.Learn(Tree({7, 9}, 1'000), nanoseconds(900), TaskView(tasks));
  tasks = {MakeTask(4, 4, 2'000), MakeTask(7, 7, 70), MakeTask(8, 8, 2'000), MakeTask(9, 9, 2'000)};
  TaskView view(tasks);
  EXPECT_FALSE(placement.Place(view));
  EXPECT_EQ(view.processes()[0].container, std::nullopt);
  EXPECT_EQ(view.processes()[1].container, 0U);
  EXPECT_EQ(view.processes()[2].container, std::nullopt);
  EXPECT_EQ(view.processes()[3].container, std::nullopt);  // its pid is another's now
}

TEST(NotShown, NamesWhomTheScanPassedOver) {
  const std::vector<Task> tasks = {MakeTask(5, 5, 50), MakeTask(6, 5, 50), MakeTask(9, 9, 60)};
  const TaskView view(tasks);
  EXPECT_THAT(NotShown(std::vector<pid_t>{1, 5, 9}, view), testing::ElementsAre(1));
  EXPECT_THAT(NotShown(std::vector<pid_t>{5, 9}, view), testing::IsEmpty());
}

// Somebody is there whom nobody saw: the container is not fully judged.
TEST(ToScanResult, WhoWasPassedOverIsUnseen) {
  const std::vector<Task> tasks = {MakeTask(5, 5, 50)};
  TaskView view(tasks);
  procfs::CgroupTree tree = Tree({1, 5}, 1'000);
  tree.containers[0].unseen_processes = 1;
  Placement placement;
  placement.Learn(std::move(tree), nanoseconds(900), view);
  placement.Place(view);
  const procfs::ScanResult result = ToScanResult(placement.tree(), view, procfs::BootClock{});
  EXPECT_EQ(result.containers[0].unseen_processes, 1U);
  EXPECT_EQ(result.counters.unseen, 1U);
  EXPECT_EQ(result.containers[0].processes[0].live_threads, 1U);
}

TEST(ToScanResult, SaysWhatReadingProcWouldSay) {
  std::vector<Task> tasks = {MakeTask(5, 5, 2'000'000'000), MakeTask(6, 5, 2'000'000'000, 0),
                             MakeTask(7, 7, 60)};
  tasks[1].filter_count = 0;
  TaskView view(tasks);
  Placement placement;
  placement.Learn(Tree({5}, 9'000'000'000), nanoseconds(8'000'000'000), view);
  placement.Place(view);
  const procfs::ScanResult result = ToScanResult(placement.tree(), view, procfs::BootClock{});
  ASSERT_EQ(result.containers.size(), 1U);
  ASSERT_EQ(result.containers[0].processes.size(), 1U);
  const procfs::Process& process = result.containers[0].processes[0];
  EXPECT_EQ(process.pid, 5);
  EXPECT_EQ(process.start_ticks, 200U);
  EXPECT_EQ(process.comm, "app");
  EXPECT_EQ(process.seccomp.mode, 2);
  EXPECT_TRUE(process.live);
  EXPECT_THAT(process.other_threads, testing::ElementsAre(procfs::SeccompState{
                                         .mode = 0, .filters = 0, .no_new_privs = false}));
  EXPECT_EQ(result.counters.processes, 1U);
  EXPECT_EQ(result.counters.modes[2], 1U);
}

}  // namespace
}  // namespace seccompd::agent
