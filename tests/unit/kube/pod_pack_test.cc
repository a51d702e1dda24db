// SPDX-License-Identifier: Apache-2.0
#include "common/kube/pod_pack.h"

#include <gtest/gtest.h>

#include <string>

namespace seccompd::kube {
namespace {

base::WallTime At(std::int64_t ms) { return base::WallTime(std::chrono::milliseconds(ms)); }

// Every field set to something else than its default.
Pod FullPod() {
  Pod pod;
  pod.meta = {.name = "pay-7d9f8c5b6d-x2x9q",
              .namespace_name = "shop",
              .uid = "0f9c1a4e-7f3a-4a51-9d0b-0c4b1e9b2a11",
              .resource_version = "881231245",
              .creation_time = At(1'763'953'451'000),
              .labels = {},
              .annotations = {{"kubernetes.io/config.hash", "8cbe6e1ff0aa2a3b"},
                              {"kubernetes.io/config.mirror", ""}}};
  pod.node_name = "gke-a-17";
  pod.runtime_class = "gvisor";
  pod.owner = "Deployment/pay";
  pod.phase = "Running";
  pod.host_pid = true;
  pod.host_users = false;
  pod.os = "linux";
  pod.seccomp = SeccompProfileRef{SeccompProfileRef::Type::kLocalhost, "web/pay.json"};
  Container app;
  app.name = "app";
  app.kind = ContainerKind::kSidecar;
  app.seccomp = SeccompProfileRef{SeccompProfileRef::Type::kUnknown, ""};
  app.privileged = true;
  app.add_capabilities = {"NET_ADMIN", "SYS_TIME"};
  app.drop_capabilities = {"ALL"};
  app.container_id = "4c0d" + std::string(60, '7');
  app.image_id = "registry.example/pay@sha256:" + std::string(64, 'b');
  app.state = ContainerState::kTerminated;
  app.started_at = At(-5);
  app.waiting_reason = "CreateContainerError";
  Container second;
  second.name = "second";
  pod.containers = {app, second};
  return pod;
}

TEST(PackPod, IsTheSamePodAgain) {
  EXPECT_EQ(UnpackPod(PackPod(FullPod())), FullPod());
  EXPECT_EQ(UnpackPod(PackPod(Pod{})), Pod{});
}

TEST(PackPod, DropsLabelsAndForeignAnnotations) {
  Pod pod = FullPod();
  pod.meta.labels["app"] = "pay";
  pod.meta.annotations["example.com/notes"] = std::string(10'000, 'x');
  EXPECT_EQ(UnpackPod(PackPod(pod)), FullPod());
}

TEST(PackPod, TextsOfEveryLengthAndLookSurvive) {
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 127U, 128U, 300U, 20'000U}) {
    for (const char fill : {'a', 'z', 'A', '\xff'}) {
      Pod pod;
      pod.owner = std::string(size, fill);
      EXPECT_EQ(UnpackPod(PackPod(pod)), pod) << size << fill;
    }
  }
}

TEST(PackPod, AnOrdinaryPodOfFourContainersCostsLessThanAKibibyte) {
  Pod pod = FullPod();
  Container container = pod.containers[0];
  pod.containers.assign(4, container);
  const std::string packed = PackPod(pod);
  EXPECT_LT(packed.size(), 900U);
  EXPECT_EQ(packed.capacity(), packed.size());
}

}  // namespace
}  // namespace seccompd::kube
