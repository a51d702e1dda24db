// SPDX-License-Identifier: Apache-2.0
#include "agent/source/packed_pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace seccompd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

document::Node Pod(const std::string& name, const std::string& version = "1",
                   const std::string& phase = "Running") {
  const auto node = document::ParseJson(
      R"({"metadata":{"namespace":"shop","name":")" + name + R"(","uid":"u-)" + name +
      R"(","resourceVersion":")" + version + R"(","labels":{"app":"pay"}},"spec":{"nodeName":"n",
      "containers":[{"name":"app"}]},"status":{"phase":")" +
      phase + "\"}}");
  EXPECT_TRUE(node);
  return *node;
}

document::Node Broken(const std::string& name) {
  return *document::ParseJson(R"({"metadata":{"namespace":"shop","name":")" + name + R"("},
      "spec":{"containers":"none"}})");
}

std::vector<std::string> Names(const PackedPods& pods) {
  std::vector<std::string> names;
  for (const kube::Pod& pod : pods.All()) names.push_back(pod.meta.name);
  return names;
}

TEST(PackedPods, AListReplacesWhatWasThere) {
  PackedPods pods;
  EXPECT_TRUE(pods.Upsert(Pod("old")));
  pods.Collect(Pod("b"));
  pods.Collect(Pod("a"));
  EXPECT_THAT(Names(pods), ElementsAre("old"));
  EXPECT_TRUE(pods.Replace());
  EXPECT_THAT(Names(pods), ElementsAre("a", "b"));
  EXPECT_TRUE(pods.Remove(Pod("a")));
  EXPECT_FALSE(pods.Remove(Pod("a")));
}

TEST(PackedPods, AHeartbeatIsNoChange) {
  PackedPods pods;
  EXPECT_TRUE(pods.Upsert(Pod("a", "1")));
  EXPECT_FALSE(pods.Upsert(Pod("a", "2")));
  EXPECT_TRUE(pods.Upsert(Pod("a", "3", "Succeeded")));
}

TEST(PackedPods, APodThatCannotBeReadKeepsWhatItWas) {
  PackedPods pods;
  EXPECT_TRUE(pods.Upsert(Pod("a")));
  EXPECT_FALSE(pods.Upsert(Broken("a")));
  EXPECT_EQ(pods.problems(), 0U);
  EXPECT_TRUE(pods.Upsert(Broken("b")));
  EXPECT_EQ(pods.problems(), 1U);
  EXPECT_THAT(Names(pods), ElementsAre("a"));
  pods.Collect(Broken("a"));
  pods.Collect(Broken("b"));
  EXPECT_FALSE(pods.Replace());
  EXPECT_THAT(Names(pods), ElementsAre("a"));
  EXPECT_TRUE(pods.Upsert(Pod("b")));
  EXPECT_EQ(pods.problems(), 0U);
}

TEST(PackedPods, NothingIsLeftOfTenThousandPods) {
  PackedPods pods;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_TRUE(pods.Upsert(Pod(name)));
    EXPECT_LT(pods.bytes(), 1'024U);  // one pod at a time
    EXPECT_TRUE(pods.Remove(Pod(name)));
  }
  EXPECT_EQ(pods.bytes(), 0U);
  EXPECT_THAT(pods.All(), IsEmpty());
}

}  // namespace
}  // namespace seccompd::agent
