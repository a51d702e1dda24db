// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/cgroup_path.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace seccompd::procfs {
namespace {

const std::string kUid = "08429dc0-0571-4bb8-8ac1-f8ba4fd1fd31";
const std::string kUidSystemd = "08429dc0_0571_4bb8_8ac1_f8ba4fd1fd31";
const std::string kHash = "d0b6c83eb8ddc4d8ad7a9d8b6a1c2f30";  // static pod
const std::string kId(64, 'a');
const std::string kOther(64, 'b');
const std::string kPodSlice =
    "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kUidSystemd + ".slice";
const std::string kPodDir = "kubepods/burstable/pod" + kUid;

std::string Text(const CgroupPlace& place) {
  switch (place.kind) {
    case CgroupKind::kOther:
      return "other";
    case CgroupKind::kPod:
      return "pod " + place.ref.pod_uid;
    case CgroupKind::kPodChild:
      return "child of " + place.ref.pod_uid;
    case CgroupKind::kContainer:
      return place.ref.runtime + " " + place.ref.pod_uid + " " + place.ref.container_id;
  }
  return "?";
}

std::string Classified(const std::string& path) { return Text(ClassifyCgroup(path)); }

TEST(ClassifyCgroup, FindsContainersOfPodsInEveryLayout) {
  struct Case {
    std::string path;
    std::string runtime;
  };
  for (const Case& c : std::vector<Case>{
           {kPodDir + "/" + kId, ""},
           {"kubepods/besteffort/pod" + kUid + "/" + kId, ""},
           {"kubepods/pod" + kUid + "/" + kId, ""},
           {"a/b/kubepods/pod" + kUid + "/" + kId, ""},
           {kPodDir + "/crio-" + kId, "crio"},
           {kPodDir + "/crio-" + kId + "/container", "crio"},
           {kPodSlice + "/cri-containerd-" + kId + ".scope", "containerd"},
           {kPodSlice + "/crio-" + kId + ".scope/container", "crio"},
           {kPodSlice + "/docker-" + kId + ".scope", "docker"},
           {kPodSlice + "/libpod-" + kId + ".scope", "libpod"},
           {"kubepods.slice/kubepods-pod" + kUidSystemd + ".slice/crio-" + kId + ".scope", "crio"},
           {"kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + kUidSystemd +
                ".slice/cri-containerd-" + kId + ".scope",
            "containerd"},
           {"kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
            "kubelet-kubepods-burstable-pod" +
                kUidSystemd + ".slice/cri-containerd-" + kId + ".scope",
            "containerd"},
           {"a.slice/a-b.slice/a-b-kubepods.slice/a-b-kubepods-pod" + kUidSystemd + ".slice/crio-" +
                kId + ".scope",
            "crio"},
           {"kubepods-burstable-pod" + kUidSystemd + ".slice:cri-containerd:" + kId, "containerd"},
           {"system.slice/containerd.service/kubepods-besteffort-pod" + kUidSystemd +
                ".slice:cri-containerd:" + kId,
            "containerd"},
           {"system.slice/k3s.service/kubelet-kubepods-pod" + kUidSystemd + ".slice:crio:" + kId,
            "crio"},
       }) {
    EXPECT_EQ(Classified(c.path), c.runtime + " " + kUid + " " + kId) << c.path;
    EXPECT_EQ(Classified("/" + c.path), c.runtime + " " + kUid + " " + kId) << c.path;
  }
}

TEST(ClassifyCgroup, StaticPodsHaveAHashForAUid) {
  EXPECT_EQ(Classified("kubepods/burstable/pod" + kHash + "/" + kId), " " + kHash + " " + kId);
  EXPECT_EQ(Classified("kubepods.slice/kubepods-pod" + kHash + ".slice/crio-" + kId + ".scope"),
            "crio " + kHash + " " + kId);
}

TEST(ClassifyCgroup, FindsContainersWithoutAPod) {
  for (const auto& [path, runtime] : std::vector<std::pair<std::string, std::string>>{
           {"docker/" + kId, "docker"},
           {"system.slice/docker-" + kId + ".scope", "docker"},
           {"machine.slice/libpod-" + kId + ".scope/container", "libpod"},
           {"machine.slice/machine-libpod_pod_" + kOther + ".slice/libpod-" + kId + ".scope",
            "libpod"},
           {"libpod_parent/libpod-" + kId, "libpod"},
           {"k8s.io/" + kId, "containerd"},
           {"system.slice/cri-containerd-" + kId + ".scope", "containerd"},
           {"system.slice/nerdctl-" + kId + ".scope", "containerd"},
           {"ecs/task/" + kId, ""},
           {"user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope",
            "libpod"},
       }) {
    EXPECT_EQ(Classified(path), runtime + "  " + kId) << path;
  }
}

TEST(ClassifyCgroup, EverythingBelowAContainerIsItsOwn) {
  const std::string own = kPodSlice + "/cri-containerd-" + kId + ".scope";
  for (const std::string& below :
       {"/cri-containerd-" + kOther + ".scope", "/docker/" + kOther, std::string("/init.scope"),
        "/system.slice/docker-" + kOther + ".scope", "/" + kPodDir + "/" + kOther,
        "/" + kPodSlice + "/crio-" + kOther + ".scope", std::string("/container")}) {
    const std::string path = own + below;
    const CgroupPlace place = ClassifyCgroup(path);
    EXPECT_EQ(Text(place), "containerd " + kUid + " " + kId) << path;
    EXPECT_EQ(place.container_path, own);
  }
  const std::string docker = "docker/" + kId;
  EXPECT_EQ(Classified(docker + "/" + kPodDir + "/" + kOther), "docker  " + kId);
}

TEST(ClassifyCgroup, ContainerPathKeepsTheLeadingSlash) {
  const std::string path = "/docker/" + kId + "/x";
  EXPECT_EQ(ClassifyCgroup(path).container_path, "/docker/" + kId);
}

TEST(ClassifyCgroup, MonitorsAreNoContainers) {
  for (const std::string& path :
       {kPodSlice + "/crio-conmon-" + kId + ".scope", kPodDir + "/crio-conmon-" + kId,
        "machine.slice/libpod-conmon-" + kId + ".scope", std::string("libpod_parent/conmon"),
        kPodSlice + "/crio-conmon-" + kId + ".scope/" + kOther}) {
    EXPECT_EQ(Classified(path), "other") << path;
  }
}

TEST(ClassifyCgroup, PodsAndTheirUnknownChildrenAreTold) {
  EXPECT_EQ(Classified(kPodSlice), "pod " + kUid);
  EXPECT_EQ(Classified(kPodDir), "pod " + kUid);
  EXPECT_EQ(Classified(kPodDir + "/kata_overhead"), "child of " + kUid);
  EXPECT_EQ(Classified(kPodDir + "/x/" + kId), "child of " + kUid);
  EXPECT_EQ(Classified(kPodSlice + "/new-runtime-" + kId + ".scope"), "child of " + kUid);
  EXPECT_EQ(Classified(kPodDir + "/" + std::string(63, 'a')), "child of " + kUid);
  EXPECT_EQ(Classified(kPodDir + "/" + std::string(64, 'A')), "child of " + kUid);
  EXPECT_EQ(Classified(kPodDir + "/xcrio-" + kId), "child of " + kUid);
  EXPECT_EQ(Classified(kPodDir + "/crio-" + kId + "x"), "child of " + kUid);
}

TEST(ClassifyCgroup, NearMissesAreNobodys) {
  for (const std::string& path : std::vector<std::string>{
           "",
           "/",
           "kubepods",
           "kubepods.slice",
           "kubepods/burstable",
           "system.slice/sshd.service",
           "kubepods/guaranteed/pod" + kUid,
           "kubepods/burstable/burstable/pod" + kUid,
           "kubepods/burstable/Pod" + kUid,
           "kubepods/burstable/pod" + kUidSystemd,
           "kubepods/burstable/pod" + kUid + "0",
           "kubepods/burstable/pod",
           "xkubepods/pod" + kUid,
           "kubepods/burstable/kubepods-burstable-pod" + kUidSystemd + ".slice",
           "kubepods.slice/kubepods-besteffort-pod" + kUidSystemd + ".slice",
           "kubepods.slice/kubepods-burstable.slice/kubepods-besteffort-pod" + kUidSystemd +
               ".slice",
           "kubepods.slice/kubepods-pod" + kUid + ".slice",
           "kubepods-pod" + kUidSystemd + ".slice",
           "b.slice/a-kubepods.slice/a-kubepods-pod" + kUidSystemd + ".slice",
           "a-kubepods.slice/a-kubepods-pod" + kUidSystemd + ".slice",
           "docker/" + std::string(63, 'a'),
           "docker/" + kId + "0",
           "docker",
           "crio-.scope",
           "system.slice/docker-" + kId,
           "system.slice/docker-" + kId + ".service",
           "a:cri-containerd:" + kId,
           "kubepods-pod" + kUidSystemd + ".slice:evil:" + kId,
           "kubepods-pod" + kUidSystemd + ".slice:cri-containerd:" + kId + ":x",
           "kubepods-x-pod" + kUidSystemd + ".slice:cri-containerd:" + kId}) {
    EXPECT_EQ(Classified(path), "other") << path;
  }
}

TEST(ClassifyCgroup, PathsOfAnotherCgroupNamespaceAreNobodys) {
  for (const std::string& path :
       {"/../" + kId, "/../../pod" + kUid + "/" + kId, kPodDir + "/" + kId + "/..",
        kPodDir + "//" + kId, kPodDir + "/./" + kId, kPodDir + "/" + kId + "/", "//" + kPodDir}) {
    EXPECT_EQ(Classified(path), "other") << path;
  }
}

TEST(ClassifyCgroup, AUserCannotMakePodsOrCriContainersOfHisOwn) {
  const std::string user = "user.slice/user-1000.slice/user@1000.service/";
  for (const std::string& path : std::vector<std::string>{
           user + kPodDir + "/" + kId, user + kPodSlice + "/cri-containerd-" + kId + ".scope",
           user + "cri-containerd-" + kId + ".scope", user + "crio-" + kId, user + "docker/" + kId,
           user + "app.slice/kubepods-pod" + kUidSystemd + ".slice:cri-containerd:" + kId,
           "user.slice/user-1000.slice/session-3.scope/" + kPodDir + "/" + kId,
           "system.slice/foo.service/" + kPodDir + "/" + kId, "system.slice/foo.service/" + kId,
           "init.scope/docker-" + kId + ".scope"}) {
    EXPECT_EQ(Classified(path), "other") << path;
  }
}

}  // namespace
}  // namespace seccompd::procfs
