// SPDX-License-Identifier: Apache-2.0
#include "common/kube/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seccompd::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// "ConfigMap web", "Pod p", "ignored Service s", "invalid Pod p: <message>".
struct Name {
  std::string operator()(const ConfigMap& map) const { return "ConfigMap " + map.meta.name; }
  std::string operator()(const Pod& pod) const { return "Pod " + pod.meta.name; }
  std::string operator()(const IgnoredObject& object) const {
    return "ignored " + object.kind + " " + object.name;
  }
  std::string operator()(const InvalidObject& object) const {
    return "invalid " + object.kind + " " + object.name + ": " + object.error.message;
  }
};

std::vector<std::string> NamesOf(std::string_view text, std::size_t max = kMaxManifestObjects) {
  const auto objects = ParseManifest(text, max);
  if (!objects) return {"error: " + objects.error().message};
  std::vector<std::string> names;
  for (const ManifestObject& object : *objects) names.push_back(std::visit(Name(), object));
  return names;
}

TEST(ParseManifest, ReadsEveryYamlDocumentInOrder) {
  EXPECT_THAT(NamesOf(R"(# a comment
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  a.json: |
    {"defaultAction": "SCMP_ACT_ALLOW"}
---
apiVersion: v1
kind: Service
metadata: {name: s}
---
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: a}]}
)"),
              ElementsAre("ConfigMap web", "ignored Service s", "Pod p"));
}

TEST(ParseManifest, OpensAList) {
  EXPECT_THAT(NamesOf(R"({"apiVersion": "v1", "kind": "List", "items": [
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}},
    {"apiVersion": "v1", "kind": "List", "items": [
      {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "n"}}]}]})"),
              ElementsAre("Pod a", "ignored Deployment d", "ConfigMap m", "ConfigMap n"));
}

TEST(ParseManifest, ItemsOfATypedListNeedNoKind) {
  EXPECT_THAT(NamesOf(R"({"apiVersion": "v1", "kind": "PodList", "metadata": {},
    "items": [{"metadata": {"name": "a"}, "spec": {}}, {"metadata": {"name": "b"}, "spec": {}}]})"),
              ElementsAre("Pod a", "Pod b"));
  EXPECT_THAT(NamesOf(R"({"apiVersion": "v1", "kind": "ConfigMapList",
    "items": [{"metadata": {"name": "a"}}]})"),
              ElementsAre("ConfigMap a"));
}

TEST(ParseManifest, ItemsOfAPlainListNeedAKind) {
  EXPECT_THAT(NamesOf(R"({"apiVersion": "v1", "kind": "List",
    "items": [{"metadata": {"name": "a"}}]})"),
              ElementsAre("invalid  a: has no apiVersion and kind (line 2)"));
}

TEST(ParseManifest, ListWithoutItemsIsEmpty) {
  EXPECT_THAT(NamesOf(R"({"apiVersion": "v1", "kind": "PodList", "items": null})"), ElementsAre());
  EXPECT_THAT(NamesOf(R"({"apiVersion": "v1", "kind": "PodList"})"), ElementsAre());
  EXPECT_THAT(NamesOf(""), ElementsAre());
}

TEST(ParseManifest, SameKindOfAnotherGroupIsIgnored) {
  EXPECT_THAT(
      NamesOf(R"({"apiVersion": "example.com/v1", "kind": "Pod", "metadata": {"name": "x"}})"),
      ElementsAre("ignored Pod x"));
}

TEST(ParseManifest, OneBrokenObjectDoesNotHideTheOthers) {
  EXPECT_THAT(NamesOf(R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: broken}
data: {a.json: 1}
---
- not an object
---
apiVersion: v1
kind: ConfigMap
metadata: {name: good}
)"),
              ElementsAre("invalid ConfigMap broken: data.a.json: must be a string (quote it), "
                          "not a number (line 5)",
                          "invalid  : is not an object with apiVersion and kind (line 7)",
                          "ConfigMap good"));
}

TEST(ParseManifest, WrongTypeOfItemsIsInvalid) {
  EXPECT_THAT(NamesOf(R"({"apiVersion": "v1", "kind": "List", "items": {}})"),
              ElementsAre("invalid List : items: must be an array, not an object (line 1)"));
}

TEST(ParseManifest, UnreadableTextIsAnError) {
  EXPECT_THAT(NamesOf("{\"apiVersion\": "), ElementsAre(HasSubstr("error: line 1")));
}

TEST(ParseManifest, TooManyObjectsIsAnErrorNotATruncation) {
  const std::string list = R"({"apiVersion": "v1", "kind": "ConfigMapList",
    "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, {"metadata": {"name": "c"}}]})";
  EXPECT_EQ(NamesOf(list, 3).size(), 3U);
  EXPECT_THAT(NamesOf(list, 2), ElementsAre("error: more than 2 objects; split the file"));
}

TEST(ParseManifest, ListsNestedTooDeeplyAreInvalid) {
  std::string text = R"({"apiVersion": "v1", "kind": "List", "items": []})";
  for (int i = 0; i < 5; ++i) {
    text = R"({"apiVersion": "v1", "kind": "List", "items": [)" + text + "]}";
  }
  EXPECT_THAT(NamesOf(text), ElementsAre(HasSubstr("is a list nested too deeply")));
}

TEST(IsManifest, NeedsApiVersionAndKind) {
  const auto is = [](std::string_view text) { return IsManifest(*document::ParseJson(text)); };
  EXPECT_TRUE(is(R"({"apiVersion": "v1", "kind": "ConfigMap"})"));
  EXPECT_FALSE(is(R"({"defaultAction": "SCMP_ACT_ERRNO"})"));
  EXPECT_FALSE(is(R"({"kind": "ConfigMap"})"));
  EXPECT_FALSE(is(R"({"apiVersion": 1, "kind": "ConfigMap"})"));
  EXPECT_FALSE(is("[]"));
}

}  // namespace
}  // namespace seccompd::kube
