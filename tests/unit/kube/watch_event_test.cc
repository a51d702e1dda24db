// SPDX-License-Identifier: Apache-2.0
#include "common/kube/watch_event.h"

#include <gtest/gtest.h>

namespace seccompd::kube {
namespace {

using namespace std::chrono_literals;

TEST(ParseWatchEvent, KeepsTypeVersionAndObject) {
  const auto item = ParseWatchEvent(
      R"({"type":"MODIFIED","object":{"metadata":{"name":"web","resourceVersion":"42"}}})");
  ASSERT_TRUE(item);
  const auto& event = std::get<WatchEvent>(*item);
  EXPECT_EQ(event.type, WatchEventType::kModified);
  EXPECT_EQ(event.resource_version, "42");
  EXPECT_FALSE(event.initial_events_end);
  EXPECT_EQ(event.object.Find("metadata")->Find("name")->scalar, "web");
}

TEST(ParseWatchEvent, SeesTheMarkOfInitialEvents) {
  const auto item = ParseWatchEvent(
      R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9",
          "annotations":{"k8s.io/initial-events-end":"true"}}}})");
  ASSERT_TRUE(item);
  EXPECT_TRUE(std::get<WatchEvent>(*item).initial_events_end);
}

TEST(ParseWatchEvent, AnErrorEventIsAFailure) {
  const auto item = ParseWatchEvent(
      R"({"type":"ERROR","object":{"kind":"Status","reason":"Gone","code":410,"message":"too old"}})");
  ASSERT_TRUE(item);
  EXPECT_EQ(std::get<ApiFailure>(*item).kind, ApiFailureKind::kExpired);
  EXPECT_EQ(std::get<ApiFailure>(*item).message, "410 too old");
}

TEST(ParseWatchEvent, UnknownTypesAreNamed) {
  const auto item = ParseWatchEvent(R"({"type":"PAUSED","object":{}})");
  ASSERT_TRUE(item);
  EXPECT_EQ(std::get<UnknownEvent>(*item).type, "PAUSED");
}

TEST(ParseWatchEvent, GarbageIsCorrupt) {
  for (const char* text : {"{}", R"({"type":"ADDED"})", R"({"type":1,"object":{}})",
                           R"({"type":"ADDED","object":[]})", R"({"object":{}})"}) {
    const auto item = ParseWatchEvent(text);
    ASSERT_FALSE(item) << text;
    EXPECT_EQ(item.error().code, base::ErrorCode::kCorrupt);
  }
  EXPECT_FALSE(ParseWatchEvent("{"));
}

struct Case {
  int code;
  const char* body;
  ApiFailureKind kind;
};

TEST(FailureOfResponse, ReadsCodeReasonAndCauses) {
  const Case cases[] = {
      {410, R"({"reason":"Expired"})", ApiFailureKind::kExpired},
      {410, "", ApiFailureKind::kExpired},
      {504, R"({"details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}})",
       ApiFailureKind::kTooLargeResourceVersion},
      {504, R"({"message":"Too large resource version: 9, current: 5"})",
       ApiFailureKind::kTooLargeResourceVersion},
      {504, R"({"message":"etcd timed out"})", ApiFailureKind::kOther},
      {429, "Too many requests, please try again later.", ApiFailureKind::kTooManyRequests},
      {500, "{", ApiFailureKind::kInternal},
      {422, R"({"reason":"Invalid"})", ApiFailureKind::kInvalid},
      {403, R"({"reason":"Forbidden"})", ApiFailureKind::kOther},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(FailureOfResponse(c.code, c.body, std::nullopt).kind, c.kind) << c.code << c.body;
  }
}

TEST(FailureOfResponse, PrefersTheHeadersRetryAfter) {
  const char* body = R"({"details":{"retryAfterSeconds":3}})";
  EXPECT_EQ(FailureOfResponse(429, body, std::nullopt).retry_after, 3s);
  EXPECT_EQ(FailureOfResponse(429, body, 9s).retry_after, 9s);
  EXPECT_EQ(FailureOfResponse(429, "text", std::nullopt).retry_after, std::nullopt);
}

TEST(FailureOfResponse, AServersTextIsCutAndEscaped) {
  const ApiFailure failure =
      FailureOfResponse(503, "\x1b[2J" + std::string(5000, 'x'), std::nullopt);
  EXPECT_LT(failure.message.size(), 600U);
  EXPECT_EQ(failure.message.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace seccompd::kube
