// SPDX-License-Identifier: Apache-2.0
#include "common/install/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace seccompd::install {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

kube::ConfigMap Map(std::string name, std::vector<std::pair<std::string, std::string>> data) {
  kube::ConfigMap map;
  map.meta.name = std::move(name);
  map.meta.namespace_name = "seccompd";
  map.data = std::move(data);
  return map;
}

base::WallTime Day(int day) { return base::WallTime(std::chrono::hours(24 * day)); }

std::vector<std::string> Paths(const ClaimSet& set) {
  std::vector<std::string> paths;
  for (const Claim& claim : set.claims) paths.push_back(claim.path);
  return paths;
}

ClaimSet Resolve(std::vector<kube::ConfigMap> maps, std::vector<BareProfile> bare = {},
                 DesiredOptions options = {}) {
  return ResolveClaims(maps, bare, options);
}

TEST(ResolveClaims, EveryProfileKeyIsAPathBelowTheConfigMap) {
  const ClaimSet set =
      Resolve({Map("web", {{"api.json", "1"}, {"pay.yaml", "2"}, {"x.yml", "3"}})});
  EXPECT_THAT(Paths(set), ElementsAre("web/api.json", "web/pay.json", "web/x.json"));
  EXPECT_EQ(set.claims[1].text, "2");
  EXPECT_EQ(set.claims[1].origin, "ConfigMap seccompd/web key pay.yaml");
  EXPECT_EQ(set.claims[1].owner, "seccompd/web");
  EXPECT_THAT(set.remarks, IsEmpty());
}

TEST(ResolveClaims, OtherKeysAreRemarkedOn) {
  const ClaimSet set = Resolve({Map("web", {{"README.md", "hello"}, {"api.JSON", "1"}})});
  EXPECT_THAT(set.claims, IsEmpty());
  ASSERT_THAT(set.remarks, SizeIs(2));
  EXPECT_EQ(set.remarks[0].kind, Remark::Kind::kIgnoredKey);
  EXPECT_EQ(set.remarks[0].origin, "ConfigMap seccompd/web key README.md");
  EXPECT_THAT(set.held_owners, IsEmpty());
}

TEST(ResolveClaims, TheAnnotationReplacesTheName) {
  auto map = Map("web", {{"audit.json", "1"}});
  map.meta.annotations["seccompd.io/path"] = "profiles/deep";
  EXPECT_THAT(Paths(Resolve({map})), ElementsAre("profiles/deep/audit.json"));
}

TEST(ResolveClaims, AnImpossiblePathIsRemarkedOnAndItsOwnerKeepsWhatItHas) {
  for (const char* path : {"../up", "/abs", "a//b", "", "a/", ".seccompd", "a/.seccompd-tmp-x",
                           "a\nb", "./a", "a\xff"}) {
    auto map = Map("web", {{"audit.json", "1"}});
    map.meta.annotations["seccompd.io/path"] = path;
    const ClaimSet set = Resolve({map});
    EXPECT_THAT(set.claims, IsEmpty()) << path;
    ASSERT_THAT(set.remarks, SizeIs(1)) << path;
    EXPECT_EQ(set.remarks[0].kind, Remark::Kind::kInvalidPath) << path;
    EXPECT_THAT(set.held_owners, ElementsAre("seccompd/web")) << path;
  }
}

TEST(ResolveClaims, AKeyThatIsOnlyAnExtensionHasNoName) {
  const ClaimSet set = Resolve({Map("web", {{".json", "1"}})});
  EXPECT_THAT(set.claims, IsEmpty());
  EXPECT_THAT(set.remarks[0].reason, HasSubstr("no name"));
}

TEST(ResolveClaims, AKeyOf253BytesIsInstalled) {
  const std::string key = std::string(248, 'k') + ".yaml";
  EXPECT_THAT(Paths(Resolve({Map("web", {{key, "1"}})})),
              ElementsAre("web/" + std::string(248, 'k') + ".json"));
}

TEST(ResolveClaims, TwoKeysWithOneStemAreAnErrorForBoth) {
  const ClaimSet set = Resolve({Map("web", {{"a.json", "1"}, {"b.json", "2"}, {"a.yaml", "3"}})});
  ASSERT_THAT(Paths(set), ElementsAre("web/a.json", "web/b.json"));
  EXPECT_THAT(set.claims[0].error, Optional(HasSubstr("a.json and a.yaml")));
  EXPECT_EQ(set.claims[0].text, "");
  EXPECT_FALSE(set.claims[1].error);
}

TEST(ResolveClaims, TheConfigMapCreatedLastWinsAndTheLoserIsShadowed) {
  auto old_map = Map("web-7f", {{"a.json", "old"}});
  auto new_map = Map("web-2c", {{"a.json", "new"}});
  for (auto* map : {&old_map, &new_map}) map->meta.annotations["seccompd.io/path"] = "web";
  old_map.meta.creation_time = Day(1);
  new_map.meta.creation_time = Day(2);
  for (const auto& order : {std::vector{old_map, new_map}, std::vector{new_map, old_map}}) {
    const ClaimSet set = ResolveClaims(order, {}, {});
    ASSERT_THAT(set.claims, SizeIs(1));
    EXPECT_EQ(set.claims[0].text, "new");
    ASSERT_THAT(set.remarks, SizeIs(1));
    EXPECT_EQ(set.remarks[0].kind, Remark::Kind::kShadowed);
    EXPECT_EQ(set.remarks[0].path, "web/a.json");
    EXPECT_EQ(set.remarks[0].origin, "ConfigMap seccompd/web-7f key a.json");
  }
}

TEST(ResolveClaims, OfTheSameAgeTheGreaterNameWins) {
  auto a = Map("a", {{"x.json", "from a"}});
  auto b = Map("b", {{"x.json", "from b"}});
  for (auto* map : {&a, &b}) map->meta.annotations["seccompd.io/path"] = "p";
  EXPECT_EQ(Resolve({b, a}).claims[0].text, "from b");
  EXPECT_EQ(Resolve({a, b}).claims[0].text, "from b");
}

TEST(ResolveClaims, AFileCannotBeADirectoryToo) {
  auto deep = Map("deep", {{"y.json", "deep"}});
  deep.meta.annotations["seccompd.io/path"] = "profiles/x.json";
  deep.meta.creation_time = Day(1);
  auto flat = Map("flat", {{"x.json", "flat"}});
  flat.meta.annotations["seccompd.io/path"] = "profiles";
  flat.meta.creation_time = Day(2);
  ClaimSet set = Resolve({deep, flat});
  EXPECT_THAT(Paths(set), ElementsAre("profiles/x.json"));
  EXPECT_EQ(set.remarks[0].path, "profiles/x.json/y.json");
  deep.meta.creation_time = Day(3);
  set = Resolve({deep, flat});
  EXPECT_THAT(Paths(set), ElementsAre("profiles/x.json/y.json"));
  EXPECT_THAT(set.remarks[0].reason, HasSubstr("a file cannot be a directory too"));
}

TEST(ResolveClaims, ATenantIsKeptBelowItsNamespaceWithoutAnnotations) {
  auto map = Map("web", {{"a.json", "1"}});
  map.meta.namespace_name = "team";
  map.meta.annotations["seccompd.io/path"] = "profiles";
  map.meta.annotations["seccompd.io/adopt"] = "replace";
  const ClaimSet set = Resolve({map}, {}, {.tenant_namespaces = {"team"}});
  EXPECT_THAT(Paths(set), ElementsAre("ns/team/web/a.json"));
  EXPECT_FALSE(set.claims[0].adopt_replace);
  EXPECT_TRUE(set.claims[0].tenant);
  EXPECT_THAT(set.remarks, SizeIs(2));
}

TEST(ResolveClaims, TrustedBeatsTenantWhateverTheAge) {
  auto tenant = Map("web", {{"a.json", "tenant"}});
  tenant.meta.namespace_name = "team";
  tenant.meta.creation_time = Day(9);
  auto trusted = Map("x", {{"a.json", "trusted"}});
  trusted.meta.annotations["seccompd.io/path"] = "ns/team/web";
  trusted.meta.creation_time = Day(1);
  EXPECT_EQ(Resolve({tenant, trusted}, {}, {.tenant_namespaces = {"team"}}).claims[0].text,
            "trusted");
}

TEST(ResolveClaims, ChecksAreNoProfiles) {
  auto map = Map("web", {{"a.yaml", "1"}});
  map.meta.labels["seccompd.io/checks"] = "true";
  EXPECT_EQ(Resolve({map}), ClaimSet{});
}

TEST(ResolveClaims, AdoptKnowsOnlyReplace) {
  auto map = Map("web", {{"a.yaml", "1"}});
  map.meta.annotations["seccompd.io/adopt"] = "replace";
  EXPECT_TRUE(Resolve({map}).claims[0].adopt_replace);
  map.meta.annotations["seccompd.io/adopt"] = "yes";
  const ClaimSet set = Resolve({map});
  EXPECT_FALSE(set.claims[0].adopt_replace);
  EXPECT_EQ(set.remarks[0].kind, Remark::Kind::kIgnoredAnnotation);
}

TEST(ResolveClaims, ABareProfileKeepsItsPathWithJson) {
  const ClaimSet set = Resolve({}, {{"audit.yaml", "1", "file audit.yaml"},
                                    {"profiles/x.json", "2", "file profiles/x.json"},
                                    {"sub/.json", "3", "file sub/.json"}});
  EXPECT_THAT(Paths(set), ElementsAre("audit.json", "profiles/x.json"));
  EXPECT_THAT(set.remarks, SizeIs(1));
}

TEST(PathProblem, LongPathsAndSegments) {
  EXPECT_EQ(PathProblem(std::string(255, 'x')), std::nullopt);
  EXPECT_THAT(PathProblem(std::string(256, 'x')), Optional(HasSubstr("255")));
  std::string path = "a";
  while (path.size() < 1024) path += "/a";
  EXPECT_THAT(PathProblem(path), Optional(HasSubstr("1024")));
}

TEST(PathProblem, WhatSteersATerminalIsNoPath) {
  EXPECT_THAT(PathProblem("a\x1b[31m"), Optional(HasSubstr("control")));
  EXPECT_THAT(PathProblem("a\xc2\x9b"
                          "31m"),
              Optional(HasSubstr("control")));
  EXPECT_THAT(PathProblem("\xe2\x80\xae"
                          "nosj"),
              Optional(HasSubstr("control")));
  EXPECT_EQ(PathProblem("\xc3\xa4/p"), std::nullopt);
}

TEST(NormalizeReference, IsWhatTheKubeletJoins) {
  EXPECT_EQ(NormalizeReference("profiles/a.json"), "profiles/a.json");
  EXPECT_EQ(NormalizeReference("./profiles//a.json"), "profiles/a.json");
  EXPECT_EQ(NormalizeReference("x/../profiles/a.json"), "profiles/a.json");
  EXPECT_EQ(NormalizeReference("../a.json"), "");
  EXPECT_EQ(NormalizeReference(""), "");
}

}  // namespace
}  // namespace seccompd::install
