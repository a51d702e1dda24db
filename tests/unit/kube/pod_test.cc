// SPDX-License-Identifier: Apache-2.0
#include "common/kube/pod.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seccompd::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Type = SeccompProfileRef::Type;

base::Result<Pod> Parse(std::string_view text) {
  auto node = document::ParseJson(text);
  if (!node) return base::Fail(node.error());
  return ParsePod(*node);
}

std::string ErrorOf(std::string_view text) {
  const auto pod = Parse(text);
  return pod ? "(parsed)" : pod.error().message;
}

// A pod whose metadata is `metadata`.
std::string OwnerOf(std::string_view metadata) {
  const auto pod = Parse(R"({"spec": {}, "metadata": )" + std::string(metadata) + "}");
  return pod ? pod->owner : pod.error().message;
}

constexpr std::string_view kFullPod = R"({
    "metadata": {"name": "pay-0", "namespace": "shop", "uid": "11111111-2222-3333-4444-555555555555"},
    "spec": {
      "nodeName": "n1", "runtimeClassName": "gvisor", "hostPID": true, "hostUsers": false,
      "os": {"name": "linux"},
      "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
      "initContainers": [{"name": "setup"}, {"name": "mesh", "restartPolicy": "Always"}],
      "containers": [{"name": "app", "restartPolicy": "Always", "securityContext": {
        "privileged": true,
        "capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "web/pay.json"}}}],
      "ephemeralContainers": [{"name": "debug", "targetContainerName": "app"}]},
    "status": {
      "phase": "Running",
      "initContainerStatuses": [
        {"name": "setup", "containerID": "containerd://aa", "state": {"terminated": {"exitCode": 0}}},
        {"name": "mesh", "containerID": "cri-o://bb", "state": {"running": {}}}],
      "containerStatuses": [{"name": "app", "containerID": "docker://cc", "imageID": "img@sha256:1",
        "state": {"running": {"startedAt": "2026-11-24T03:04:11Z"}}}],
      "ephemeralContainerStatuses": [{"name": "debug", "containerID": "",
        "state": {"waiting": {"reason": "CreateContainerError"}}}]}})";

TEST(ParsePod, ReadsThePodLevel) {
  const auto pod = Parse(kFullPod);
  ASSERT_TRUE(pod.has_value()) << pod.error().message;
  EXPECT_EQ(pod->node_name, "n1");
  EXPECT_EQ(pod->runtime_class, "gvisor");
  EXPECT_TRUE(pod->host_pid);
  EXPECT_FALSE(pod->host_users);
  EXPECT_EQ(pod->os, "linux");
  EXPECT_EQ(pod->phase, "Running");
  EXPECT_EQ(pod->seccomp, (SeccompProfileRef{Type::kRuntimeDefault, ""}));
}

TEST(ParsePod, JoinsSpecAndStatusOfEveryKind) {
  const auto pod = Parse(kFullPod);
  ASSERT_TRUE(pod.has_value()) << pod.error().message;
  ASSERT_THAT(pod->containers, SizeIs(4));

  const Container& setup = pod->containers[0];
  EXPECT_EQ(setup.kind, ContainerKind::kInit);
  EXPECT_EQ(setup.container_id, "aa");
  EXPECT_EQ(setup.state, ContainerState::kTerminated);
  EXPECT_FALSE(setup.seccomp.has_value());

  const Container& mesh = pod->containers[1];
  EXPECT_EQ(mesh.kind, ContainerKind::kSidecar);
  EXPECT_EQ(mesh.container_id, "bb");
  EXPECT_EQ(mesh.state, ContainerState::kRunning);
  EXPECT_FALSE(mesh.started_at.has_value());

  const Container& app = pod->containers[2];
  EXPECT_EQ(app.kind, ContainerKind::kApp);
  EXPECT_EQ(app.seccomp, (SeccompProfileRef{Type::kLocalhost, "web/pay.json"}));
  EXPECT_TRUE(app.privileged);
  EXPECT_THAT(app.add_capabilities, ElementsAre("SYS_ADMIN"));
  EXPECT_THAT(app.drop_capabilities, ElementsAre("ALL"));
  EXPECT_EQ(app.container_id, "cc");
  EXPECT_EQ(app.image_id, "img@sha256:1");
  ASSERT_TRUE(app.started_at.has_value());
  EXPECT_EQ(base::FormatTime(*app.started_at), "2026-11-24T03:04:11Z");

  const Container& debug = pod->containers[3];
  EXPECT_EQ(debug.kind, ContainerKind::kEphemeral);
  EXPECT_EQ(debug.container_id, "");
  EXPECT_EQ(debug.state, ContainerState::kWaiting);
  EXPECT_EQ(debug.waiting_reason, "CreateContainerError");
}

TEST(ParsePod, EveryProfileTypeAndUnknownOnes) {
  const std::pair<std::string, Type> kTypes[] = {{"RuntimeDefault", Type::kRuntimeDefault},
                                                 {"Localhost", Type::kLocalhost},
                                                 {"Unconfined", Type::kUnconfined},
                                                 {"runtimeDefault", Type::kUnknown},
                                                 {"", Type::kUnknown}};
  for (const auto& [name, type] : kTypes) {
    const auto pod = Parse(
        R"({"metadata": {"name": "p"}, "spec": {"securityContext": {"seccompProfile": {"type": ")" +
        name + R"("}}}})");
    ASSERT_TRUE(pod.has_value()) << pod.error().message;
    EXPECT_EQ(pod->seccomp->type, type) << name;
  }
}

TEST(ParsePod, DeprecatedAnnotationsAskForNothing) {
  const auto pod = Parse(R"({"metadata": {"name": "p", "annotations": {
    "seccomp.security.alpha.kubernetes.io/pod": "runtime/default"}},
    "spec": {"containers": [{"name": "a"}]}})");
  ASSERT_TRUE(pod.has_value()) << pod.error().message;
  EXPECT_FALSE(pod->seccomp.has_value());
  EXPECT_FALSE(pod->containers[0].seccomp.has_value());
}

TEST(ParsePod, OwnerIsTheController) {
  EXPECT_EQ(OwnerOf(R"({"name": "p"})"), "");
  EXPECT_EQ(OwnerOf(R"({"name": "p", "ownerReferences": [{"kind": "X", "name": "other"},
                        {"kind": "DaemonSet", "name": "proxy", "controller": true}]})"),
            "DaemonSet/proxy");
}

TEST(ParsePod, ReplicaSetOfATemplateHashIsItsDeployment) {
  const std::string owner =
      R"("ownerReferences": [{"kind": "ReplicaSet", "name": "pay-7d9f", "controller": true}])";
  EXPECT_EQ(OwnerOf(R"({"name": "p", "labels": {"pod-template-hash": "7d9f"}, )" + owner + "}"),
            "Deployment/pay");
  EXPECT_EQ(OwnerOf(R"({"name": "p", "labels": {"pod-template-hash": "zzzz"}, )" + owner + "}"),
            "ReplicaSet/pay-7d9f");
  EXPECT_EQ(OwnerOf(R"({"name": "p", )" + owner + "}"), "ReplicaSet/pay-7d9f");
  EXPECT_EQ(OwnerOf(R"({"name": "p", "labels": {"pod-template-hash": "pay-7d9f"}, )" + owner + "}"),
            "ReplicaSet/pay-7d9f");
}

TEST(CgroupUid, IsTheHashOfAMirrorPodOnly) {
  const auto uid = [](std::string_view annotations) {
    const auto pod =
        Parse(R"({"spec": {}, "metadata": {"name": "p", "uid": "api-uid", "annotations": )" +
              std::string(annotations) + "}}");
    return pod ? pod->CgroupUid() : pod.error().message;
  };
  EXPECT_EQ(uid("{}"), "api-uid");
  EXPECT_EQ(uid(R"({"kubernetes.io/config.hash": "h", "kubernetes.io/config.mirror": "h"})"), "h");
  EXPECT_EQ(uid(R"({"kubernetes.io/config.hash": "h"})"), "api-uid");
  EXPECT_EQ(uid(R"({"kubernetes.io/config.hash": "", "kubernetes.io/config.mirror": ""})"),
            "api-uid");
}

TEST(ParsePod, WrongTypeIsAnErrorThatNamesTheField) {
  EXPECT_EQ(ErrorOf(R"({"spec": {}})"), "metadata: is missing");
  EXPECT_EQ(ErrorOf(R"({"metadata": {"name": "p"}})"), "spec: is missing");
  EXPECT_EQ(ErrorOf(R"({"metadata": {}, "spec": {}})"), "metadata.name: is missing or empty");
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "p"}, "spec": {"containers": {}}})"),
              HasSubstr("spec.containers: must be an array, not an object"));
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "p"}, "spec": {"containers": [null]}})"),
              HasSubstr("spec.containers[0]: must be an object, not null"));
  EXPECT_EQ(ErrorOf(R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}, {}]}})"),
            "spec.containers[1].name: is missing or empty");
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "p"}, "spec": {"initContainers": [{"name": "a",
                "securityContext": {"privileged": "yes"}}]}})"),
              HasSubstr("spec.initContainers[0].securityContext.privileged: "
                        "must be true or false, not a string"));
  EXPECT_THAT(
      ErrorOf(R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a",
                "securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": 1}}}]}})"),
      HasSubstr("spec.containers[0].securityContext.seccompProfile.localhostProfile: must be"));
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a",
                "securityContext": {"capabilities": {"add": ["NET_ADMIN", 3]}}}]}})"),
              HasSubstr("securityContext.capabilities.add[1]: must be a string"));
  EXPECT_THAT(
      ErrorOf(R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]},
                "status": {"containerStatuses": [{"name": "a", "state": {"running": 1}}]}})"),
      HasSubstr("status.containerStatuses[0].state.running: must be an object, not a number"));
}

TEST(ParsePod, StatusOfAnUnknownContainerIsIgnored) {
  const auto pod = Parse(R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]},
    "status": {"containerStatuses": [{"name": "b", "containerID": "containerd://x"}]}})");
  ASSERT_TRUE(pod.has_value()) << pod.error().message;
  EXPECT_EQ(pod->containers[0].container_id, "");
}

TEST(ParsePod, ContainerIdWithoutSchemeIsKept) {
  const auto pod = Parse(R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]},
    "status": {"containerStatuses": [{"name": "a", "containerID": "abc"}]}})");
  ASSERT_TRUE(pod.has_value()) << pod.error().message;
  EXPECT_EQ(pod->containers[0].container_id, "abc");
}

}  // namespace
}  // namespace seccompd::kube
