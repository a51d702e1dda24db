// SPDX-License-Identifier: Apache-2.0
#include "common/audit/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seccompd::audit {
namespace {

using kube::SeccompProfileRef;
using testing::SizeIs;
using Type = SeccompProfileRef::Type;

const SeccompProfileRef kRuntime{Type::kRuntimeDefault, ""};
const SeccompProfileRef kFree{Type::kUnconfined, ""};
const SeccompProfileRef kLocal{Type::kLocalhost, "web//api.json"};
const SeccompProfileRef kOdd{Type::kUnknown, ""};

struct Case {
  std::optional<SeccompProfileRef> container;
  std::optional<SeccompProfileRef> pod;
  NodeDefault node_default;
  AskedKind kind;
  AskedLevel level;
  std::string_view label;
};

TEST(MakePodWorkload, ContainerOverPodOverNodeDefault) {
  const auto kNone = std::nullopt;
  constexpr auto kUndecided = NodeDefault::kUndecided;
  constexpr auto kDefault = NodeDefault::kRuntimeDefault;
  const Case kCases[] = {
      {kRuntime, kFree, kUndecided, AskedKind::kRuntimeDefault, AskedLevel::kContainer,
       "runtime_default"},
      {kFree, kRuntime, kDefault, AskedKind::kUnconfined, AskedLevel::kContainer, "unconfined"},
      {kLocal, kRuntime, kDefault, AskedKind::kLocalhost, AskedLevel::kContainer, "localhost"},
      {kOdd, kRuntime, kDefault, AskedKind::kInvalid, AskedLevel::kContainer, "unconfined"},
      {kNone, kRuntime, kUndecided, AskedKind::kRuntimeDefault, AskedLevel::kPod,
       "runtime_default"},
      {kNone, kFree, kDefault, AskedKind::kUnconfined, AskedLevel::kPod, "unconfined"},
      {kNone, kLocal, kDefault, AskedKind::kLocalhost, AskedLevel::kPod, "localhost"},
      {kNone, kNone, kDefault, AskedKind::kRuntimeDefault, AskedLevel::kNode, "unset"},
      {kNone, kNone, NodeDefault::kUnconfined, AskedKind::kUnconfined, AskedLevel::kNode, "unset"},
      {kNone, kNone, kUndecided, AskedKind::kUndecided, AskedLevel::kNode, "unset"},
  };
  for (const kube::ContainerKind kind :
       {kube::ContainerKind::kApp, kube::ContainerKind::kInit, kube::ContainerKind::kSidecar,
        kube::ContainerKind::kEphemeral}) {
    for (const bool privileged : {false, true}) {
      for (const Case& c : kCases) {
        kube::Pod pod;
        pod.seccomp = c.pod;
        kube::Container container;
        container.kind = kind;
        container.seccomp = c.container;
        container.privileged = privileged;
        pod.containers = {container};
        const PodWorkload workload = MakePodWorkload(pod, c.node_default);
        ASSERT_THAT(workload.containers, SizeIs(1));
        const Asked& asked = workload.containers[0].asked;
        EXPECT_EQ(asked.kind, c.kind);
        EXPECT_EQ(asked.level, c.level);
        EXPECT_EQ(asked.privileged, privileged);
        EXPECT_EQ(ExpectedLabel(asked), c.label);
        EXPECT_EQ(asked.path, c.kind == AskedKind::kLocalhost ? "web/api.json" : "");
      }
    }
  }
}

TEST(MakePodWorkload, KeepsTheKind) {
  const std::pair<kube::ContainerKind, std::string_view> kKinds[] = {
      {kube::ContainerKind::kApp, "app"},
      {kube::ContainerKind::kInit, "init"},
      {kube::ContainerKind::kSidecar, "sidecar"},
      {kube::ContainerKind::kEphemeral, "ephemeral"}};
  for (const auto& [kind, name] : kKinds) {
    kube::Pod pod;
    pod.containers.resize(1);
    pod.containers[0].kind = kind;
    EXPECT_EQ(WorkloadKindName(MakePodWorkload(pod, NodeDefault::kUndecided).containers[0].kind),
              name);
  }
}

TEST(MakePodWorkload, PauseIsRuntimeDefaultWhateverThePodAsks) {
  for (const auto& asked : {kRuntime, kFree, kLocal}) {
    kube::Pod pod;
    pod.seccomp = asked;
    pod.containers.resize(1);
    const PodWorkload workload = MakePodWorkload(pod, NodeDefault::kUnconfined);
    EXPECT_EQ(workload.pause.asked.kind, AskedKind::kRuntimeDefault);
    EXPECT_EQ(workload.pause.asked.level, AskedLevel::kSandbox);
    EXPECT_EQ(workload.pause.kind, WorkloadKind::kPause);
  }
}

TEST(MakePodWorkload, PauseBesideAnyPrivilegedContainerIsUnconfined) {
  for (const kube::ContainerKind kind :
       {kube::ContainerKind::kApp, kube::ContainerKind::kInit, kube::ContainerKind::kSidecar,
        kube::ContainerKind::kEphemeral}) {
    kube::Pod pod;
    pod.seccomp = kRuntime;
    pod.containers.resize(2);
    pod.containers[1].kind = kind;
    pod.containers[1].privileged = true;
    EXPECT_EQ(MakePodWorkload(pod, NodeDefault::kUndecided).pause.asked.kind,
              AskedKind::kUnconfined);
  }
}

TEST(MakePodWorkload, EndedPhases) {
  for (const auto& [phase, ended] : {std::pair("Running", false), std::pair("Pending", false),
                                     std::pair("Succeeded", true), std::pair("Failed", true)}) {
    kube::Pod pod;
    pod.phase = phase;
    EXPECT_EQ(MakePodWorkload(pod, NodeDefault::kUndecided).ended, ended) << phase;
  }
}

TEST(MakeWorkloads, AreInCanonicalOrderWithoutWindowsAndDuplicates) {
  const auto named = [](std::string ns, std::string name, std::string uid) {
    kube::Pod pod;
    pod.meta.namespace_name = std::move(ns);
    pod.meta.name = std::move(name);
    pod.meta.uid = std::move(uid);
    return pod;
  };
  std::vector<kube::Pod> pods = {named("b", "x", "1"), named("a", "z", "2"), named("a", "y", "1"),
                                 named("a", "w", "3"), named("c", "no-uid", "")};
  pods[3].os = "windows";
  std::vector<std::string> names;
  for (const PodWorkload& pod : MakeWorkloads(pods, NodeDefault::kUndecided)) {
    names.push_back(pod.namespace_name + "/" + pod.name);
  }
  EXPECT_THAT(names, testing::ElementsAre("a/y", "a/z", "c/no-uid"));
}

TEST(CleanProfilePath, IsLikeFilepathJoinBelowTheRoot) {
  EXPECT_EQ(CleanProfilePath("web/api.json"), "web/api.json");
  EXPECT_EQ(CleanProfilePath("/web//./api.json/"), "web/api.json");
  EXPECT_EQ(CleanProfilePath("web/../api.json"), "api.json");
  EXPECT_EQ(CleanProfilePath("a/b/../../c"), "c");
  EXPECT_EQ(CleanProfilePath("../../etc"), "../../etc");
  EXPECT_EQ(CleanProfilePath("a/../../b"), "../b");
  EXPECT_EQ(CleanProfilePath(""), "");
  EXPECT_EQ(CleanProfilePath("."), "");
  EXPECT_EQ(CleanProfilePath("..a/...json"), "..a/...json");
}

TEST(AskedText, IsWhatAPersonWouldWrite) {
  EXPECT_EQ(AskedText({AskedKind::kLocalhost, AskedLevel::kPod, "a.json", false}), "a.json");
  EXPECT_EQ(AskedText({AskedKind::kLocalhost, AskedLevel::kPod, "", false}),
            "Localhost without path");
  EXPECT_EQ(AskedText({AskedKind::kRuntimeDefault, AskedLevel::kNode, "", false}),
            "RuntimeDefault");
  EXPECT_EQ(AskedText({AskedKind::kUnconfined, AskedLevel::kPod, "", false}), "Unconfined");
  EXPECT_EQ(AskedText({AskedKind::kUnconfined, AskedLevel::kNode, "", false}), "unset");
  EXPECT_EQ(AskedText({AskedKind::kUndecided, AskedLevel::kNode, "", false}), "unset");
  EXPECT_EQ(AskedText({AskedKind::kInvalid, AskedLevel::kPod, "", false}), "unknown type");
}

}  // namespace
}  // namespace seccompd::audit
