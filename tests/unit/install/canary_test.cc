// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/install/desired.h"

namespace seccompd::install {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One profile, claimed at p/a.json by a ConfigMap that may be for some nodes only.
kube::ConfigMap Canary(std::string name, const char* nodes, std::string space = "seccompd") {
  kube::ConfigMap map;
  map.meta.name = std::move(name);
  map.meta.namespace_name = std::move(space);
  map.meta.annotations["seccompd.io/path"] = "p";
  if (nodes != nullptr) map.meta.annotations["seccompd.io/nodes"] = nodes;
  map.data = {{"a.json", "from " + map.meta.name}};
  return map;
}

std::vector<std::string> Texts(const ClaimSet& set) {
  std::vector<std::string> texts;
  for (const Claim& claim : set.claims) texts.push_back(claim.text);
  return texts;
}

ClaimSet On(std::optional<kube::Labels> labels, std::vector<kube::ConfigMap> maps) {
  return ResolveClaims(maps, {}, {.node_labels = std::move(labels)});
}

TEST(ResolveClaims, NodesLimitsAConfigMapToTheNodesItNames) {
  EXPECT_THAT(Texts(On({{{"pool", "canary"}}}, {Canary("c", "pool=canary")})),
              ElementsAre("from c"));
  const ClaimSet other = On({{{"pool", "prod"}}}, {Canary("c", "pool=canary")});
  EXPECT_THAT(other.claims, IsEmpty());
  EXPECT_THAT(other.remarks, IsEmpty());
  EXPECT_THAT(other.held_owners, IsEmpty());
}

TEST(ResolveClaims, ACanaryBeatsAYoungerConfigMapForAllNodes) {
  auto canary = Canary("c", "pool=canary");
  canary.meta.creation_time = base::WallTime(std::chrono::hours(1));
  auto all = Canary("z", nullptr);
  all.meta.creation_time = base::WallTime(std::chrono::hours(9));
  const ClaimSet set = On({{{"pool", "canary"}}}, {all, canary});
  EXPECT_THAT(Texts(set), ElementsAre("from c"));
  ASSERT_THAT(set.remarks, SizeIs(1));
  EXPECT_EQ(set.remarks[0].kind, Remark::Kind::kShadowed);
  EXPECT_EQ(set.remarks[0].origin, "ConfigMap seccompd/z key a.json");
  EXPECT_THAT(Texts(On({{{"pool", "prod"}}}, {all, canary})), ElementsAre("from z"));
}

TEST(ResolveClaims, OfTwoCanariesTheYoungerWins) {
  auto old = Canary("a", "pool");
  old.meta.creation_time = base::WallTime(std::chrono::hours(1));
  auto young = Canary("b", "!gpu");
  young.meta.creation_time = base::WallTime(std::chrono::hours(2));
  EXPECT_THAT(Texts(On({{{"pool", "x"}}}, {old, young})), ElementsAre("from b"));
}

TEST(ResolveClaims, WithoutTheNodesLabelsACanaryChangesNothing) {
  const ClaimSet set = On(std::nullopt, {Canary("c", "pool=canary"), Canary("z", nullptr)});
  EXPECT_THAT(Texts(set), ElementsAre("from z"));
  EXPECT_THAT(set.held_owners, ElementsAre("seccompd/c"));
  ASSERT_THAT(set.remarks, SizeIs(1));
  EXPECT_THAT(set.remarks[0].reason, HasSubstr("not known"));
}

TEST(ResolveClaims, ASelectorThatCannotBeReadIsForNoNodeAndKeepsWhatItsOwnerHas) {
  const ClaimSet set = On(kube::Labels{}, {Canary("c", "pool in canary")});
  EXPECT_THAT(set.claims, IsEmpty());
  EXPECT_THAT(set.held_owners, ElementsAre("seccompd/c"));
  ASSERT_THAT(set.remarks, SizeIs(1));
  EXPECT_EQ(set.remarks[0].kind, Remark::Kind::kInvalidSelector);
  EXPECT_THAT(set.remarks[0].reason, HasSubstr("expected '('"));
}

TEST(ResolveClaims, ValidationTakesEverySelectorForThisNode) {
  const std::vector<kube::ConfigMap> maps = {Canary("c", "pool=canary")};
  EXPECT_THAT(Texts(ResolveClaims(maps, {}, {.every_node = true})), ElementsAre("from c"));
}

TEST(ResolveClaims, ATenantCannotAimAtNodes) {
  const std::vector<kube::ConfigMap> maps = {Canary("c", "pool=canary", "team")};
  const ClaimSet set =
      ResolveClaims(maps, {}, {.tenant_namespaces = {"team"}, .node_labels = kube::Labels{}});
  EXPECT_THAT(Texts(set), ElementsAre("from c"));
  EXPECT_FALSE(set.claims[0].selected);
  EXPECT_THAT(set.remarks, SizeIs(2));  // path and nodes
}

}  // namespace
}  // namespace seccompd::install
