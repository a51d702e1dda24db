// SPDX-License-Identifier: Apache-2.0
#include "common/kube/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace seccompd::kube {
namespace {

using test_support::IsError;
using ::testing::HasSubstr;

base::Result<NodeRecord> Parse(std::string_view json) {
  const auto node = document::ParseJson(json);
  EXPECT_TRUE(node);
  return ParseNode(*node);
}

TEST(ParseNode, KeepsLabelsAndWhatRuns) {
  const auto node = Parse(R"({"apiVersion":"v1","kind":"Node",
    "metadata":{"name":"gke-a-17","uid":"u-1","labels":{"kubernetes.io/os":"linux"}},
    "spec":{"podCIDR":"10.0.0.0/24"},
    "status":{"nodeInfo":{"operatingSystem":"linux","osImage":"Container-Optimized OS from Google",
      "kernelVersion":"6.1.100+","containerRuntimeVersion":"containerd://1.7.13",
      "kubeletVersion":"v1.29.1-gke.1","bootID":"x"}}})");
  ASSERT_THAT(node, test_support::IsOk());
  EXPECT_EQ(node->name, "gke-a-17");
  EXPECT_EQ(node->labels.at("kubernetes.io/os"), "linux");
  EXPECT_EQ(node->container_runtime, "containerd://1.7.13");
  EXPECT_EQ(node->kernel_version, "6.1.100+");
  EXPECT_EQ(node->operating_system, "linux");
}

TEST(ParseNode, AStatusIsNotNeededAndAWrongTypeIsNamed) {
  EXPECT_TRUE(Parse(R"({"metadata":{"name":"n"}})"));
  EXPECT_THAT(Parse(R"({"spec":{}})"),
              IsError(base::ErrorCode::kInvalidArgument, HasSubstr("metadata: is missing")));
  EXPECT_THAT(Parse(R"({"metadata":{"labels":{"a":1}}})"),
              IsError(base::ErrorCode::kInvalidArgument, HasSubstr("metadata.labels")));
}

}  // namespace
}  // namespace seccompd::kube
