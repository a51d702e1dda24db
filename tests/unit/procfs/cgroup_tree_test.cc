// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/cgroup_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/unit/procfs/real_process.h"

namespace seccompd::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kUid = "08429dc0-0571-4bb8-8ac1-f8ba4fd1fd31";
const std::string kA(64, 'a');
const std::string kB(64, 'b');
const std::string kPod = "kubepods/burstable/pod" + kUid + "/";

TempTree& V2Root(TempTree& tree) {
  return tree.File("cgroup.controllers", "cpu\n").File("cgroup.procs", "1\n");
}

CgroupTree Walk(const TempTree& tree, const CgroupTreeOptions& options = {}) {
  const base::UniqueFd fd = tree.Open();
  auto result = WalkCgroups(fd.get(), options);
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(CgroupTree{});
}

TEST(WalkCgroups, ListsAContainerAndAllBelowIt) {
  TempTree tree;
  V2Root(tree)
      .File(kPod + kA + "/cgroup.procs", "30\n10\n")
      .File(kPod + kA + "/docker/" + kB + "/cgroup.procs", "20\n10\n")
      .File(kPod + kB + "/cgroup.procs", "")
      .File("system.slice/ssh.service/cgroup.procs", "5\n");
  const CgroupTree found = Walk(tree);
  EXPECT_EQ(found.version, CgroupVersion::kV2);
  EXPECT_EQ(found.hierarchy, "");
  EXPECT_TRUE(found.host_root);
  EXPECT_FALSE(found.truncated);
  ASSERT_THAT(found.containers, SizeIs(2));
  const FoundContainer& first = found.containers[0];
  EXPECT_EQ(first.ref, (ContainerRef{kUid, kA, ""}));
  EXPECT_EQ(first.path, kPod + kA);
  EXPECT_THAT(first.pids, ElementsAre(10, 20, 30));
  struct stat info {};
  ASSERT_EQ(::stat((tree.path() + "/" + kPod + kA).c_str(), &info), 0);
  EXPECT_EQ(first.cgroup_id, info.st_ino);
  EXPECT_EQ(found.containers[1].ref.container_id, kB);
  EXPECT_THAT(found.containers[1].pids, IsEmpty());
  EXPECT_EQ(found.files_read, 3U);
}

TEST(WalkCgroups, TakesTheFirstV1HierarchyThatHoldsContainers) {
  TempTree tree;
  tree.File("memory/cgroup.procs", "")
      .File("memory/release_agent", "")
      .File("memory/" + kPod + kA + "/cgroup.procs", "7\n")
      .File("pids/cgroup.procs", "")
      .File("pids/" + kPod + kA + "/cgroup.procs", "")
      .File("systemd/cgroup.procs", "")
      .File("systemd/" + kPod + kB + "/cgroup.procs", "8\n")
      .File("unified/cgroup.controllers", "")
      .File("unified/cgroup.procs", "");
  const CgroupTree found = Walk(tree);
  EXPECT_EQ(found.version, CgroupVersion::kV1);
  EXPECT_EQ(found.hierarchy, "memory");
  EXPECT_TRUE(found.host_root);
  ASSERT_THAT(found.containers, SizeIs(1));
  EXPECT_THAT(found.containers[0].pids, ElementsAre(7));
  EXPECT_EQ(found.containers[0].cgroup_id, 0U);
}

TEST(WalkCgroups, AHybridHostMayKeepItsContainersInUnified) {
  TempTree tree;
  tree.File("pids/cgroup.procs", "")
      .File("unified/cgroup.controllers", "")
      .File("unified/cgroup.procs", "")
      .File("unified/" + kPod + kA + "/cgroup.procs", "7\n");
  const CgroupTree found = Walk(tree);
  EXPECT_EQ(found.version, CgroupVersion::kV2);
  EXPECT_EQ(found.hierarchy, "unified");
  EXPECT_THAT(found.containers, SizeIs(1));
}

TEST(WalkCgroups, AnIdleV1HostHasNoContainers) {
  TempTree tree;
  tree.File("pids/cgroup.procs", "").File("memory/cgroup.procs", "");
  const CgroupTree found = Walk(tree);
  EXPECT_EQ(found.hierarchy, "pids");
  EXPECT_THAT(found.containers, IsEmpty());
}

TEST(WalkCgroups, ADirectoryWithoutHierarchiesIsAnError) {
  TempTree tree;
  tree.Directory("pids").File("other/cgroup.procs", "");
  const base::UniqueFd fd = tree.Open();
  const auto result = WalkCgroups(fd.get());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, base::ErrorCode::kNotFound);
}

TEST(WalkCgroups, ARootInsideACgroupNamespaceIsTold) {
  TempTree tree;
  V2Root(tree).File("cgroup.type", "domain\n");
  EXPECT_FALSE(Walk(tree).host_root);
  TempTree v1;
  v1.File("pids/cgroup.procs", "");
  EXPECT_FALSE(Walk(v1).host_root);
}

TEST(WalkCgroups, PidZeroIsAProcessThatCannotBeSeen) {
  TempTree tree;
  V2Root(tree).File(kPod + kA + "/cgroup.procs", "0\n12\n0\n");
  const CgroupTree found = Walk(tree);
  ASSERT_THAT(found.containers, SizeIs(1));
  EXPECT_THAT(found.containers[0].pids, ElementsAre(12));
  EXPECT_EQ(found.containers[0].unseen_processes, 2U);
  EXPECT_EQ(found.pids_of_other_namespaces, 2U);
}

TEST(WalkCgroups, DamagedListsAreUnseenProcessesNeverPids) {
  TempTree tree;
  V2Root(tree).File(kPod + kA + "/cgroup.procs", "-1\n99999999999\n1 2\nx\n4");
  const CgroupTree found = Walk(tree);
  EXPECT_THAT(found.containers.at(0).pids, ElementsAre(4));
  EXPECT_EQ(found.containers.at(0).unseen_processes, 4U);
  EXPECT_EQ(found.pids_of_other_namespaces, 0U);
}

TEST(WalkCgroups, NeverFollowsASymlink) {
  TempTree elsewhere;
  elsewhere.File(kA + "/cgroup.procs", "9\n").File("list", "9\n");
  TempTree tree;
  V2Root(tree).Directory("kubepods").Directory(kPod + kB);
  ASSERT_EQ(::symlink(elsewhere.path().c_str(), (tree.path() + "/docker").c_str()), 0);
  ASSERT_EQ(::symlink((elsewhere.path() + "/list").c_str(),
                      (tree.path() + "/" + kPod + kB + "/cgroup.procs").c_str()),
            0);
  const CgroupTree found = Walk(tree);
  ASSERT_THAT(found.containers, SizeIs(1));
  EXPECT_THAT(found.containers[0].pids, IsEmpty());
  EXPECT_EQ(found.containers[0].unseen_processes, 1U);
}

TEST(WalkCgroups, UnknownChildrenOfAPodWithProcessesAreTold) {
  TempTree tree;
  V2Root(tree)
      .File(kPod + "kata_overhead/cgroup.procs", "9\n")
      .File(kPod + "empty/cgroup.procs", "")
      .File(kPod + "crio-conmon-" + kA + "/cgroup.procs", "8\n");
  EXPECT_THAT(Walk(tree).unrecognised, ElementsAre(kPod + "kata_overhead"));
}

TEST(WalkCgroups, AWorkloadsCgroupBombSpoilsOnlyItsOwnContainer) {
  TempTree tree;
  V2Root(tree).File(kPod + kA + "/cgroup.procs", "9\n").File(kPod + kB + "/cgroup.procs", "8\n");
  for (int i = 0; i < 20; ++i) {
    tree.File(kPod + kA + "/bomb" + std::to_string(i) + "/cgroup.procs", "");
  }
  const CgroupTree found = Walk(tree, {.max_cgroups_per_owner = 10});
  ASSERT_THAT(found.containers, SizeIs(2));
  EXPECT_GT(found.containers[0].unseen_processes, 0U);
  EXPECT_EQ(found.containers[1].unseen_processes, 0U);
  EXPECT_FALSE(found.truncated);
}

TEST(WalkCgroups, AServicesCgroupBombHidesNoPod) {
  TempTree tree;
  V2Root(tree).File("z/" + kPod + kB + "/cgroup.procs", "8\n");
  for (int i = 0; i < 20; ++i) {
    tree.File("a.slice/user@1.service/bomb" + std::to_string(i) + "/cgroup.procs", "");
  }
  const CgroupTree found = Walk(tree, {.max_cgroups = 25, .max_cgroups_per_owner = 10});
  EXPECT_THAT(found.containers, SizeIs(1));
  EXPECT_TRUE(found.truncated);
}

TEST(WalkCgroups, DepthIsBounded) {
  TempTree tree;
  std::string deep = kPod + kA;
  for (int i = 0; i < 40; ++i) deep += "/x";
  V2Root(tree).File(kPod + kA + "/cgroup.procs", "9\n").File(deep + "/cgroup.procs", "10\n");
  const CgroupTree found = Walk(tree);
  ASSERT_THAT(found.containers, SizeIs(1));
  EXPECT_THAT(found.containers[0].pids, ElementsAre(9));
  EXPECT_GT(found.containers[0].unseen_processes, 0U);
}

TEST(WalkCgroups, PidsAreBounded) {
  TempTree tree;
  V2Root(tree).File(kPod + kA + "/cgroup.procs", "1\n2\n3\n4\n");
  const CgroupTree found = Walk(tree, {.max_pids = 3});
  EXPECT_THAT(found.containers.at(0).pids, ElementsAre(1, 2, 3));
  EXPECT_EQ(found.containers.at(0).unseen_processes, 1U);
}

TEST(ListAgain, ReadsTheListsAnew) {
  TempTree tree;
  tree.File("pids/cgroup.procs", "").File("pids/" + kPod + kA + "/cgroup.procs", "7\n");
  const CgroupTree found = Walk(tree);
  const base::UniqueFd fd = tree.Open();
  tree.File("pids/" + kPod + kA + "/cgroup.procs", "8\n")
      .File("pids/" + kPod + kA + "/x/cgroup.procs", "9\n");
  const auto again = ListAgain(fd.get(), found, found.containers.at(0));
  ASSERT_TRUE(again);
  EXPECT_THAT(again->pids, ElementsAre(8, 9));
}

TEST(ListAgain, AContainerThatVanishedIsEmpty) {
  TempTree tree;
  V2Root(tree);
  const base::UniqueFd fd = tree.Open();
  FoundContainer gone;
  gone.path = kPod + kA;
  const auto again = ListAgain(fd.get(), CgroupTree{}, gone);
  ASSERT_TRUE(again);
  EXPECT_THAT(again->pids, IsEmpty());
  EXPECT_EQ(again->unseen_processes, 0U);
}

}  // namespace
}  // namespace seccompd::procfs
