// SPDX-License-Identifier: Apache-2.0
// The cgroup tree while it changes, and the answers that only the kernel's own files give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "common/procfs/cgroup_tree.h"
#include "tests/support/matchers.h"
#include "tests/unit/procfs/fake_proc.h"
#include "tests/unit/procfs/scripted_calls.h"

namespace seccompd::procfs {
namespace {

using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Container(char digit) {
  return "kubepods/burstable/pod08429dc0-0571-4bb8-8ac1-f8ba4fd1fd31/" + std::string(64, digit);
}

// The containers A (pid 7, and 8 below it in "x") and B (pid 9).
class WalkCgroupsRace : public ::testing::Test {
 protected:
  WalkCgroupsRace() {
    root_.File("cgroup.controllers", "pids\n").File("cgroup.procs", "1\n");
    root_.File(a_ + "/cgroup.procs", "7\n").File(a_ + "/x/cgroup.procs", "8\n");
    root_.File(b_ + "/cgroup.procs", "9\n");
  }

  CgroupTree Walk(const CallScript& script) {
    base::Result<CgroupTree> tree = base::Fail(base::ErrorCode::kInternal, "not walked");
    RunScripted(script, [&] { tree = WalkCgroups(root_.fd()); });
    EXPECT_THAT(tree, IsOk());
    return tree.value_or(CgroupTree{});
  }

  const std::string a_ = Container('a');
  const std::string b_ = Container('b');
  FakeTree root_;
};

TEST_F(WalkCgroupsRace, ACgroupRemovedBeforeItIsOpenedIsNoGap) {
  const CgroupTree tree = Walk([&](const Call& call) {
    if (call.Opens("/" + a_)) root_.Remove(a_);
    return 0;
  });
  ASSERT_THAT(tree.containers, SizeIs(1));
  EXPECT_THAT(tree.containers[0].pids, ElementsAre(9));
  EXPECT_FALSE(tree.truncated);
}

// Its open directory stays, without a file; an open list answers ENODEV.
TEST_F(WalkCgroupsRace, ACgroupRemovedUnderTheWalkIsEmptyNotUnseen) {
  const CgroupTree tree = Walk([&](const Call& call) {
    if (call.Lists("/" + a_)) root_.Remove(a_);
    return call.Reads("/" + b_ + "/cgroup.procs") ? ENODEV : 0;
  });
  ASSERT_THAT(tree.containers, SizeIs(2));
  EXPECT_THAT(tree.containers[0].pids, ElementsAre(7));
  EXPECT_EQ(tree.containers[0].unseen_processes, 0U);
  EXPECT_THAT(tree.containers[1].pids, IsEmpty());
  EXPECT_EQ(tree.containers[1].unseen_processes, 0U);
}

TEST_F(WalkCgroupsRace, AListThatCannotBeReadMakesItsContainerUnseenAndNoOther) {
  const CgroupTree tree =
      Walk([&](const Call& call) { return call.Opens("/" + a_ + "/cgroup.procs") ? EMFILE : 0; });
  ASSERT_THAT(tree.containers, SizeIs(2));
  EXPECT_THAT(tree.containers[0].pids, ElementsAre(8)) << "what is below is read all the same";
  EXPECT_EQ(tree.containers[0].unseen_processes, 1U);
  EXPECT_EQ(tree.containers[1].unseen_processes, 0U);
  EXPECT_FALSE(tree.truncated);
}

TEST_F(WalkCgroupsRace, ADirectoryThatCannotBeListedIsTold) {
  const CgroupTree below = Walk([&](const Call& call) { return call.Lists("/" + a_) ? EIO : 0; });
  EXPECT_EQ(below.containers.at(0).unseen_processes, 1U);
  EXPECT_FALSE(below.truncated);
  const CgroupTree outside =
      Walk([&](const Call& call) { return call.Lists("/burstable") ? EIO : 0; });
  EXPECT_THAT(outside.containers, IsEmpty());
  EXPECT_TRUE(outside.truncated);
}

TEST_F(WalkCgroupsRace, ADirectoryThatCannotBeOpenedIsTold) {
  const CgroupTree below =
      Walk([&](const Call& call) { return call.Opens("/" + a_ + "/x") ? EMFILE : 0; });
  EXPECT_THAT(below.containers.at(0).pids, ElementsAre(7));
  EXPECT_EQ(below.containers.at(0).unseen_processes, 1U);
  const CgroupTree outside =
      Walk([&](const Call& call) { return call.Opens("/" + b_) ? EACCES : 0; });
  EXPECT_THAT(outside.containers, SizeIs(1));
  EXPECT_TRUE(outside.truncated);
}

// In a threaded cgroup the kernel refuses cgroup.procs with EOPNOTSUPP.
TEST_F(WalkCgroupsRace, AThreadedContainerIsListedByThreadsWithAllBelowIt) {
  root_.File(a_ + "/cgroup.threads", "70\n71\n").File(a_ + "/x/cgroup.threads", "80\n70\n");
  const CgroupTree tree = Walk([&](const Call& call) {
    return call.Reads(a_ + "/cgroup.procs") || call.Reads(a_ + "/x/cgroup.procs") ? EOPNOTSUPP : 0;
  });
  ASSERT_THAT(tree.containers, SizeIs(2));
  EXPECT_THAT(tree.containers[0].pids, IsEmpty());
  EXPECT_THAT(tree.containers[0].thread_ids, ElementsAre(70, 71, 80));
  EXPECT_EQ(tree.containers[0].unseen_processes, 0U);
  EXPECT_THAT(tree.containers[1].pids, ElementsAre(9));
}

TEST_F(WalkCgroupsRace, AThreadedContainerWithoutAListOfThreadsIsUnseen) {
  root_.File(a_ + "/cgroup.threads", "70\n");
  const CgroupTree tree = Walk([&](const Call& call) {
    if (call.Opens(a_ + "/cgroup.threads")) return EACCES;
    return call.Reads(a_ + "/cgroup.procs") ? EOPNOTSUPP : 0;
  });
  EXPECT_EQ(tree.containers.at(0).unseen_processes, 1U);
}

// The list of the cgroup above has its processes.
TEST_F(WalkCgroupsRace, AThreadedCgroupBelowAContainerThatIsNoneIsNoGap) {
  root_.File(a_ + "/x/cgroup.threads", "80\n");
  const CgroupTree tree =
      Walk([&](const Call& call) { return call.Reads(a_ + "/x/cgroup.procs") ? EOPNOTSUPP : 0; });
  EXPECT_THAT(tree.containers.at(0).pids, ElementsAre(7));
  EXPECT_THAT(tree.containers.at(0).thread_ids, IsEmpty());
  EXPECT_EQ(tree.containers.at(0).unseen_processes, 0U);
}

TEST_F(WalkCgroupsRace, ListsThatComeInPiecesAreReadToTheirEnd) {
  std::string list;
  for (pid_t pid = 1'000; pid < 9'000; ++pid) list += std::to_string(pid) + "\n";
  root_.File(b_ + "/cgroup.procs", list);
  int reads = 0;
  const CgroupTree tree = Walk([&](const Call& call) {
    if (!call.Reads(b_ + "/cgroup.procs")) return 0;
    return ++reads == 2 ? EINTR : kShort;
  });
  EXPECT_THAT(tree.containers.at(1).pids, SizeIs(8'000));
  EXPECT_GT(reads, 40'000 / 4'096);
}

}  // namespace
}  // namespace seccompd::procfs
