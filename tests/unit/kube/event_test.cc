// SPDX-License-Identifier: Apache-2.0
#include "common/kube/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/document/document.h"

namespace seccompd::kube {
namespace {

const EventNote kStale{.reason = "SeccompProfileStale",
                       .action = "Audit",
                       .target = {.kind = "Pod",
                                  .namespace_name = "web",
                                  .name = "front-1",
                                  .uid = "u-1",
                                  .field_path = "spec.containers{nginx}"},
                       .note = "runs an earlier \"revision\""};

std::string Text(const document::Node& node, std::string_view key) {
  const document::Node* found = node.Find(key);
  return found == nullptr ? "<absent>" : found->scalar;
}

TEST(RenderEvent, HasWhatTheApiServerRequiresAndNothingThatItForbids) {
  const std::string json = RenderEvent(kStale, "front-1.17f", {.instance = "seccompd-gke-a-17"},
                                       *base::ParseTime("2026-11-24T03:04:11.120Z"));
  const auto event = document::ParseJson(json);
  ASSERT_TRUE(event) << json;
  EXPECT_EQ(Text(*event, "apiVersion"), "events.k8s.io/v1");
  EXPECT_EQ(Text(*event, "eventTime"), "2026-11-24T03:04:11.120000Z");
  EXPECT_EQ(Text(*event, "type"), "Warning");
  EXPECT_EQ(Text(*event, "reason"), "SeccompProfileStale");
  EXPECT_EQ(Text(*event, "action"), "Audit");
  EXPECT_EQ(Text(*event, "reportingController"), "seccompd.io/agent");
  EXPECT_EQ(Text(*event, "reportingInstance"), "seccompd-gke-a-17");
  EXPECT_EQ(Text(*event, "note"), "runs an earlier \"revision\"");
  EXPECT_EQ(Text(*event->Find("metadata"), "namespace"), "web");
  EXPECT_EQ(Text(*event->Find("regarding"), "uid"), "u-1");
  EXPECT_EQ(Text(*event->Find("regarding"), "fieldPath"), "spec.containers{nginx}");
  for (const char* key : {"firstTimestamp", "lastTimestamp", "count", "source"}) {
    EXPECT_EQ(event->Find(key), nullptr) << key;
  }
}

TEST(RenderEvent, TextsAreBoundedAtACharactersBorder) {
  EventNote note = kStale;
  for (std::size_t i = 0; i < 600; ++i) note.note += "\u00fc";
  const auto event =
      document::ParseJson(RenderEvent(note, "n", {.instance = std::string(300, 'x')}, {}));
  ASSERT_TRUE(event);
  const std::string text = Text(*event, "note");
  EXPECT_LE(text.size(), 1'024U);
  EXPECT_TRUE(text.ends_with("\u00fc..."));
  EXPECT_EQ(Text(*event, "reportingInstance").size(), 128U);
}

TEST(EventName, IsUniqueValidAndShort) {
  EXPECT_EQ(EventName("front-1", 0x17f), "front-1.17f");
  const std::string name = EventName(std::string(236, 'a') + "-" + std::string(16, 'b'), ~0ULL);
  EXPECT_LE(name.size(), 253U);
  EXPECT_EQ(name.find("-."), std::string::npos);
}

TEST(RenderSeriesPatch, CarriesCountAndTime) {
  EXPECT_EQ(RenderSeriesPatch(61, *base::ParseTime("2026-11-24T03:04:11Z")),
            R"({"series":{"count":61,"lastObservedTime":"2026-11-24T03:04:11.000000Z"}})");
}

}  // namespace
}  // namespace seccompd::kube
