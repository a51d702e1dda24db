// SPDX-License-Identifier: Apache-2.0
#include "common/kube/config_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seccompd::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

document::Node Json(std::string_view text) {
  auto node = document::ParseJson(text);
  EXPECT_TRUE(node.has_value()) << (node ? "" : node.error().message);
  return node ? *node : document::Node{};
}

std::string ErrorOf(std::string_view text) {
  const auto map = ParseConfigMap(Json(text));
  return map ? "(parsed)" : map.error().message;
}

TEST(ParseConfigMap, ReadsMetadataAndDataInOrder) {
  const auto map = ParseConfigMap(Json(R"({
    "apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "binaryData": {"x": "AA=="},
    "metadata": {"name": "web", "namespace": "seccompd", "uid": "u-1", "resourceVersion": "88123",
      "creationTimestamp": "2026-11-24T03:04:11Z", "labels": {"seccompd.io/profiles": "true"},
      "annotations": {"seccompd.io/path": "profiles"}, "managedFields": [{"manager": "kubectl"}]},
    "data": {"b.json": "{}", "a.json": "[]"}})"));
  ASSERT_TRUE(map.has_value()) << map.error().message;
  EXPECT_EQ(map->meta.name, "web");
  EXPECT_EQ(map->meta.namespace_name, "seccompd");
  EXPECT_EQ(map->meta.uid, "u-1");
  EXPECT_EQ(map->meta.resource_version, "88123");
  ASSERT_TRUE(map->meta.creation_time.has_value());
  EXPECT_EQ(base::FormatTime(*map->meta.creation_time), "2026-11-24T03:04:11Z");
  EXPECT_THAT(map->meta.labels, ElementsAre(Pair("seccompd.io/profiles", "true")));
  EXPECT_THAT(map->meta.annotations, ElementsAre(Pair("seccompd.io/path", "profiles")));
  EXPECT_THAT(map->data, ElementsAre(Pair("b.json", "{}"), Pair("a.json", "[]")));
}

TEST(ParseConfigMap, NullAndAbsentFieldsAreEmpty) {
  const auto map = ParseConfigMap(Json(
      R"({"metadata": {"name": "a", "creationTimestamp": null, "labels": null}, "data": null})"));
  ASSERT_TRUE(map.has_value()) << map.error().message;
  EXPECT_FALSE(map->meta.creation_time.has_value());
  EXPECT_TRUE(map->meta.labels.empty());
  EXPECT_TRUE(map->data.empty());
}

TEST(ParseConfigMap, DuplicateDataKeyKeepsPlaceAndLastValue) {
  const auto map = ParseConfigMap(
      Json(R"({"metadata": {"name": "a"}, "data": {"x": "1", "y": "2", "x": "3"}})"));
  ASSERT_TRUE(map.has_value()) << map.error().message;
  EXPECT_THAT(map->data, ElementsAre(Pair("x", "3"), Pair("y", "2")));
}

TEST(ParseConfigMap, WrongTypeIsAnErrorThatNamesTheField) {
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": 7}})"),
              HasSubstr("metadata.name: must be a string (quote it), not a number"));
  EXPECT_THAT(ErrorOf(R"({"metadata": []})"),
              HasSubstr("metadata: must be an object, not an array"));
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "a", "labels": {"x": true}}})"),
              HasSubstr("metadata.labels.x: must be a string (quote it), not a boolean"));
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "a"}, "data": {"p.json": {}}})"),
              HasSubstr("data.p.json: must be a string (quote it), not an object"));
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "a"}, "data": "x"})"),
              HasSubstr("data: must be an object, not a string"));
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "a", "creationTimestamp": "yesterday"}})"),
              HasSubstr("metadata.creationTimestamp: 'yesterday' is not an RFC 3339 time"));
}

TEST(ParseConfigMap, WrongTypeTellsTheLine) {
  EXPECT_THAT(ErrorOf("{\"metadata\": {\n\"name\": 7}}"), HasSubstr("(line 2)"));
}

TEST(ParseConfigMap, MissingNameIsAnError) {
  EXPECT_EQ(ErrorOf(R"({"data": {}})"), "metadata.name: is missing or empty");
  EXPECT_EQ(ErrorOf(R"({"metadata": {"name": ""}})"), "metadata.name: is missing or empty");
}

TEST(ParseConfigMap, HostileKeyIsEscapedInTheMessage) {
  EXPECT_THAT(ErrorOf(R"({"metadata": {"name": "a"}, "data": {"\u001b[31m": 1}})"),
              HasSubstr("data.\\x1b[31m: must be"));
}

}  // namespace
}  // namespace seccompd::kube
