// SPDX-License-Identifier: Apache-2.0
#include "agent/source/config_map_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace seccompd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

document::Node Map(const std::string& name, const std::string& text,
                   const std::string& extra_meta = "") {
  const auto node = document::ParseJson(R"({"metadata":{"namespace":"web","name":")" + name + "\"" +
                                        extra_meta + R"(},"data":{"a.json":")" + text + "\"}}");
  EXPECT_TRUE(node);
  return *node;
}

std::vector<std::string> Texts(const std::vector<kube::ConfigMap>& maps) {
  std::vector<std::string> texts;
  for (const auto& map : maps) texts.push_back(map.meta.name + "=" + map.data[0].second);
  return texts;
}

class ConfigMapSetTest : public ::testing::Test {
 protected:
  std::vector<kube::ConfigMap> all_;
  ConfigMapSet set_{"web", false, &all_};
};

TEST_F(ConfigMapSetTest, AListReplacesWhatWasThere) {
  EXPECT_TRUE(set_.Upsert(Map("old", "1")));
  set_.Collect(Map("b", "2"));
  set_.Collect(Map("a", "3"));
  EXPECT_THAT(Texts(all_), ElementsAre("old=1"));  // not before the list is whole
  EXPECT_TRUE(set_.Replace());
  EXPECT_THAT(Texts(all_), ElementsAre("a=3", "b=2"));
  set_.Collect(Map("a", "3"));
  set_.Collect(Map("b", "2"));
  EXPECT_FALSE(set_.Replace());
}

TEST_F(ConfigMapSetTest, AFailedListChangesNothing) {
  EXPECT_TRUE(set_.Upsert(Map("a", "1")));
  set_.Collect(Map("b", "2"));
  set_.DropPending();
  set_.Collect(Map("a", "1"));
  EXPECT_FALSE(set_.Replace());
  EXPECT_THAT(Texts(all_), ElementsAre("a=1"));
}

TEST_F(ConfigMapSetTest, OtherNamespacesAreLeftAlone) {
  ConfigMapSet other("shop", false, &all_);
  EXPECT_TRUE(other.Upsert(Map("a", "shop")));
  EXPECT_TRUE(set_.Upsert(Map("a", "web")));
  EXPECT_THAT(Texts(all_), ElementsAre("a=shop", "a=web"));
  EXPECT_TRUE(set_.Replace());
  EXPECT_THAT(Texts(all_), ElementsAre("a=shop"));
}

TEST_F(ConfigMapSetTest, ALaterVersionWithTheSameContentIsNoChange) {
  EXPECT_TRUE(set_.Upsert(Map("a", "1", R"(,"resourceVersion":"7")")));
  EXPECT_FALSE(set_.Upsert(Map("a", "1", R"(,"resourceVersion":"8")")));
  EXPECT_FALSE(set_.Upsert(Map("a", "1", R"(,"annotations":{"kubectl.kubernetes.io/x":"y"})")));
  EXPECT_THAT(all_[0].meta.annotations, IsEmpty());
  EXPECT_TRUE(set_.Upsert(Map("a", "1", R"(,"annotations":{"seccompd.io/path":"p"})")));
}

TEST_F(ConfigMapSetTest, AnUnreadableObjectKeepsWhatItHeld) {
  EXPECT_TRUE(set_.Upsert(Map("a", "1")));
  const auto broken = document::ParseJson(R"({"metadata":{"name":"a"},"data":{"a.json":7}})");
  EXPECT_TRUE(set_.Upsert(*broken));
  EXPECT_THAT(Texts(all_), ElementsAre("a=1"));
  EXPECT_THAT(set_.problems(), SizeIs(1));
  set_.Collect(*broken);
  EXPECT_FALSE(set_.Replace());
  EXPECT_THAT(Texts(all_), ElementsAre("a=1"));
  EXPECT_THAT(set_.Names(), ElementsAre("web/a"));
  EXPECT_TRUE(set_.Upsert(Map("a", "2")));
  EXPECT_THAT(set_.problems(), IsEmpty());
  EXPECT_TRUE(set_.Remove(*broken));
  EXPECT_THAT(all_, IsEmpty());
  EXPECT_FALSE(set_.Remove(*broken));
}

TEST_F(ConfigMapSetTest, ChecksAndProfilesOfOneNameStandSideBySide) {
  ConfigMapSet checks("web", true, &all_);
  const std::string label = R"(,"labels":{"seccompd.io/checks":"true"})";
  EXPECT_TRUE(checks.Upsert(Map("a", "check", label)));
  EXPECT_TRUE(set_.Upsert(Map("a", "profile")));
  EXPECT_THAT(all_, SizeIs(2));
  EXPECT_TRUE(set_.Upsert(Map("a", "check", label)));  // has both labels now: the other's alone
  EXPECT_THAT(Texts(all_), ElementsAre("a=check"));
}

}  // namespace
}  // namespace seccompd::agent
