// SPDX-License-Identifier: Apache-2.0
// The failure matrix of a WATCH: every row a test.
#include "tests/integration/kube_matrix.h"

namespace seccompd::test_support {
namespace {

using namespace std::chrono_literals;
using kube::RewatchReason;
using Log = std::vector<std::string>;

std::string Line(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}
std::string Added(const std::string& name, int version) {
  return Line("ADDED", R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":")" + name +
                           R"(","namespace":"web","resourceVersion":")" + std::to_string(version) +
                           R"("}})");
}
std::string ErrorLine(int code, const std::string& reason) {
  return Line("ERROR", StatusJson(code, reason, "told to fail"));
}

TEST_F(Matrix, AWatchIsReadHoweverItIsSplit) {
  for (const std::size_t size : {1U, 2U, 7U}) {
    Behave([&](ApiBehaviour& b) { b.chunk_bytes = size; });
    if (loop_ == nullptr) Watching();
    const std::string name = "split" + std::to_string(size);
    const auto version = server_.Put("configmaps", ConfigMapJson(name, R"({"\"}{":"é"})"));
    ASSERT_TRUE(Until([&] { return sink_.objects.contains("web/" + name); })) << size;
    EXPECT_EQ(sink_.objects["web/" + name], std::to_string(version));
  }
  EXPECT_EQ(server_.CountRequests("watch"), 1U);
}

TEST_F(Matrix, TwoEventsInOneChunkAreTwoEvents) {
  Watching();
  server_.SendRaw("configmaps", Added("x", 5000) + "  \r\n" + Added("y", 5001));
  ASSERT_TRUE(Until([this] { return sink_.objects.contains("web/y"); }));
  EXPECT_EQ(sink_.log, (Log{"replace 2", "upsert web/x", "upsert web/y"}));
  EXPECT_EQ(loop_->health().resource_version, "5001");
}

TEST_F(Matrix, AnEventOfAMebibyteArrives) {
  Watching();
  // Escaping doubles it on the wire.
  server_.Put("configmaps", ConfigMapJson("big", std::string(std::size_t{1} << 20, '"')));
  ASSERT_TRUE(Until([this] { return sink_.objects.contains("web/big"); }));
  ExpectFollows();
}

TEST_F(Matrix, AnEventBeyondTheBoundIsNotReadAndDoesNotStopTheRest) {
  kube::CollectionOptions options = QuickLoop();
  options.max_object_bytes = 10'000;
  options.reflector.internal_error_retry = 50ms;
  Watching(options);
  server_.Put("configmaps", ConfigMapJson("big", std::string(20'000, 'x')));
  ASSERT_TRUE(Until([this] { return Restarts(RewatchReason::kError) > 0; }));
  server_.Remove("configmaps", "web", "big");
  server_.With([](ApiState& state) { state.store.Compact(); });
  ASSERT_TRUE(Until([this] { return Settled(); }));
  ExpectFollows(false);
}

TEST_F(Matrix, BookmarksAloneMoveTheVersionForward) {
  Behave([](ApiBehaviour& b) { b.bookmark_period = 20ms; });
  Watching();
  std::uint64_t version = 0;
  for (int i = 0; i < 5; ++i) version = server_.Put("pods", PodJson("p", "n"));
  ASSERT_TRUE(Until([&] { return loop_->health().resource_version == std::to_string(version); }));
  server_.EndWatches();
  ASSERT_TRUE(Until([this] { return server_.CountRequests("watch") == 2; }));
  EXPECT_EQ(LastQuery("watch", "resourceVersion"), std::to_string(version));
  ExpectFollows();
  EXPECT_EQ(sink_.log.size(), 2U);
}

TEST_F(Matrix, AWatchThatTheServerEndsIsOpenedAgainWhereItEnded) {
  kube::CollectionOptions options = QuickLoop();
  options.reflector.min_watch_timeout = 1s;
  Watching(options);
  EXPECT_EQ(LastQuery("watch", "timeoutSeconds"), "1");
  ASSERT_TRUE(Until([this] { return Restarts(RewatchReason::kTimeout) == 2; }));
  EXPECT_EQ(server_.connections(), 1U) << "over the same connection";
  ExpectFollows();
}

struct StreamError {
  const char* name;
  std::string line;
  RewatchReason reason;
  bool relists;
};
void PrintTo(const StreamError& row, std::ostream* os) { *os << row.name; }

class MatrixError : public Matrix, public testing::WithParamInterface<StreamError> {};

TEST_P(MatrixError, EndsTheWatchAndIsAnsweredAsClientGoDoes) {
  Watching();
  server_.SendRaw("configmaps", GetParam().line);
  ASSERT_TRUE(Until([this] { return server_.CountRequests("watch") == 2 && Settled(); }));
  EXPECT_EQ(Restarts(GetParam().reason), 1U);
  EXPECT_EQ(server_.CountRequests("list"), lists_ + (GetParam().relists ? 1 : 0));
  if (GetParam().relists) {
    EXPECT_NE(LastQuery("list", "resourceVersion"), "0");
  }
  EXPECT_EQ(sink_.objects.size(), 2U);
  ExpectFollows(!GetParam().relists);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MatrixError,
    testing::Values(
        StreamError{"Expired", ErrorLine(410, "Expired"), RewatchReason::kExpired, true},
        StreamError{"Gone", ErrorLine(410, "Gone"), RewatchReason::kExpired, true},
        StreamError{"Timeout504", ErrorLine(504, "Timeout"), RewatchReason::kError, true},
        StreamError{"Internal500", ErrorLine(500, "InternalError"), RewatchReason::kError, false},
        StreamError{"Throttled429", ErrorLine(429, "TooManyRequests"), RewatchReason::kThrottled,
                    false},
        StreamError{"NotJson", "{\"type\":\"ADDED\",\"object\":{\"a\":nul}}\n",
                    RewatchReason::kError, false},
        StreamError{"NotAnObject", "[]\n", RewatchReason::kError, false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(Matrix, AnUnknownEventTypeIsSkipped) {
  Watching();
  server_.SendRaw("configmaps", Line("PROGRESS", "{}") + Added("x", 5000));
  ASSERT_TRUE(Until([this] { return sink_.objects.contains("web/x"); }));
  EXPECT_EQ(loop_->counters().unknown_events, 1U);
}

TEST_F(Matrix, AHistoryThatIsGoneIsListedAgain) {
  for (const bool as_status : {false, true}) {
    Behave([&](ApiBehaviour& b) { b.expired_as_status = as_status; });
    if (loop_ == nullptr) Watching();
    harness_.For(60ms);  // longer than a very short watch
    server_.Stop();
    const std::string name = as_status ? "b" : "a";
    server_.Remove("configmaps", "web", name);
    server_.Put("configmaps", ConfigMapJson("other"));
    server_.With([](ApiState& state) { state.store.Compact(); });
    server_.Start();
    ASSERT_TRUE(Until([&] { return !sink_.objects.contains("web/" + name) && Settled(); }));
  }
  EXPECT_EQ(sink_.objects.size(), 1U);
  EXPECT_EQ(Restarts(RewatchReason::kExpired), 2U);
  EXPECT_EQ(Relists(kExpiredList), 2U);
}

TEST_F(Matrix, DeletionsAndLostLabelsWhileAwayArriveAsRemovals) {
  Watching();
  server_.Stop();
  server_.Remove("configmaps", "web", "a");
  server_.Put("configmaps", ConfigMapJson("b", "{}", "web", false));
  server_.Start();
  ASSERT_TRUE(Until([this] { return sink_.objects.empty(); }));
  EXPECT_EQ(sink_.log, (Log{"replace 2", "remove web/a", "remove web/b"}));
  ExpectFollows();
}

TEST_F(Matrix, ALabelRemovedBeforeOurEyesIsARemovalToo) {
  Watching();
  const auto version = server_.Put("configmaps", ConfigMapJson("a", "{}", "web", false));
  ASSERT_TRUE(Until([this] { return !sink_.objects.contains("web/a"); }));
  EXPECT_EQ(loop_->health().resource_version, std::to_string(version));
}

TEST_F(Matrix, AWatchThatEndsAtOnceIsNotHammered) {
  Behave([](ApiBehaviour& b) { b.end_watches_at_once = true; });
  Follow();
  harness_.For(600ms);
  const auto watches = server_.CountRequests("watch");
  // Pauses of 30, 60, 120, 240, 300 ms.
  EXPECT_GE(watches, 2U);
  EXPECT_LE(watches, 6U);
  Behave([](ApiBehaviour& b) { b.end_watches_at_once = false; });
  ASSERT_TRUE(Until([this] { return Settled(); }));
  ExpectFollows(false);
}

TEST_F(Matrix, AHalfOpenConnectionIsNoticedByItsSilence) {
  Behave([](ApiBehaviour& b) { b.bookmark_period = 20ms; });
  kube::CollectionOptions options = QuickLoop();
  options.silence.idle = 150ms;
  Watching(options);
  ASSERT_TRUE(Until([this] { return loop_->counters().events[3] > 0; })) << "bookmarks";
  Behave([](ApiBehaviour& b) { b.silent_watches = true; });
  ASSERT_TRUE(Until([this] { return Restarts(RewatchReason::kIdle) == 1; }));
  Behave([](ApiBehaviour& b) { b.silent_watches = false; });
  EXPECT_EQ(server_.connections(), 2U);
  ExpectFollows();
}

TEST_F(Matrix, WithoutBookmarksSilenceIsNormalUntilTheHardDeadline) {
  Behave([](ApiBehaviour& b) { b.silent_watches = true; });
  kube::CollectionOptions options = QuickLoop();
  options.silence.idle = 50ms;
  options.reflector.min_watch_timeout = 1s;
  options.silence.after_timeout = 200ms;
  const auto begun = std::chrono::steady_clock::now();
  Watching(options);
  ASSERT_TRUE(Until([this] { return server_.CountRequests("watch") == 2; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1200ms);
  EXPECT_EQ(Restarts(RewatchReason::kIdle), 0U);
  EXPECT_EQ(Restarts(RewatchReason::kTimeout), 1U);
}

class MatrixEnd : public Matrix, public testing::WithParamInterface<WatchEnd> {};

TEST_P(MatrixEnd, IsFollowedByAWatchFromTheSameVersion) {
  Watching();
  const auto version = server_.Put("configmaps", ConfigMapJson("c"));
  ASSERT_TRUE(Until([this] { return sink_.objects.contains("web/c"); }));
  server_.EndWatches(GetParam());
  ASSERT_TRUE(Until([this] { return server_.CountRequests("watch") == 2 && Settled(); }));
  EXPECT_EQ(LastQuery("watch", "resourceVersion"), std::to_string(version));
  EXPECT_EQ(Restarts(RewatchReason::kEof), 1U);
  const bool clean = GetParam() == WatchEnd::kClean || GetParam() == WatchEnd::kTrailer;
  EXPECT_EQ(server_.connections(), clean ? 1U : 2U);
  ExpectFollows();
}

INSTANTIATE_TEST_SUITE_P(Table, MatrixEnd,
                         testing::Values(WatchEnd::kClean, WatchEnd::kTrailer, WatchEnd::kMidChunk,
                                         WatchEnd::kReset));

TEST_F(Matrix, ThrottledWatchesKeepTheirVersion) {
  Watching();
  ApiFault fault{.verb = "watch"};
  fault.response = {.status = 429, .content_type = "text/plain", .body = "Too many requests\n"};
  server_.Fail(fault);
  server_.EndWatches();
  ASSERT_TRUE(Until([this] { return server_.CountRequests("watch") == 3 && Settled(); }));
  EXPECT_EQ(Restarts(RewatchReason::kThrottled), 1U);
  ExpectFollows();
}

TEST_F(Matrix, AnOutageCostsNoList) {
  Watching();
  server_.Stop();
  harness_.For(300ms);
  EXPECT_TRUE(loop_->health().unavailable);
  EXPECT_EQ(sink_.objects.size(), 2U);
  server_.Start();
  ASSERT_TRUE(Until([this] { return Settled(); }));
  ExpectFollows();
}

TEST_F(Matrix, DuplicateAndBackwardVersionsAreHandedOnAsTheyCome) {
  Watching();
  server_.SendRaw("configmaps", Added("x", 5000) + Added("x", 5000) + Added("x", 4000));
  ASSERT_TRUE(Until([this] { return sink_.log.size() == 4; }));
  EXPECT_EQ(sink_.objects["web/x"], "4000");
  EXPECT_EQ(server_.CountRequests("watch"), 1U);
}

TEST_F(Matrix, AServerThatWasRestoredIsListedAnew) {
  Behave([](ApiBehaviour& b) {
    b.bookmark_period = 20ms;
    b.cache_wait = 20ms;
  });
  kube::CollectionOptions options = QuickLoop();
  options.silence.idle = 100ms;
  options.reflector.min_watch_timeout = 1s;
  options.silence.after_timeout = 100ms;
  const auto backup = server_.With([](ApiState& state) { return state.store.version(); });
  for (int i = 0; i < 5; ++i) server_.Put("configmaps", ConfigMapJson("later"));
  Watching(options);
  EXPECT_EQ(sink_.objects.size(), 3U);
  server_.Stop();
  server_.With([&](ApiState& state) { state.store.GoBackTo(backup); });
  server_.Start();
  // Its watches from a version of the future are silent, bookmarks and all.
  ASSERT_TRUE(Until([this] { return sink_.objects.size() == 2; }));
  EXPECT_EQ(loop_->health().resource_version, std::to_string(backup));
  ExpectFollows(false);
}

TEST_F(Matrix, InitialEventsStreamInAndReplaceAtTheMark) {
  kube::CollectionOptions options = QuickLoop();
  options.reflector.watch_list = true;
  Watching(options);
  ASSERT_TRUE(Until([this] { return loop_->health().synced; }));
  EXPECT_EQ(sink_.log, Log{"replace 2"});
  EXPECT_EQ(server_.CountRequests("list"), 0U);
  EXPECT_EQ(LastQuery("watch", "sendInitialEvents"), "true");
  EXPECT_EQ(LastQuery("watch", "resourceVersionMatch"), "NotOlderThan");
  EXPECT_EQ(Relists(kStart), 1U);
  ExpectFollows();
  EXPECT_EQ(server_.CountRequests("watch"), 1U) << "the same stream goes on";
}

TEST_F(Matrix, InitialEventsRefusedOrIgnoredFallBackToList) {
  for (const InitialEvents mode : {InitialEvents::kInvalid, InitialEvents::kIgnore}) {
    Behave([&](ApiBehaviour& b) { b.initial_events = mode; });
    kube::CollectionOptions options = QuickLoop();
    options.reflector.watch_list = true;
    options.reflector.watch_list_deadline = 100ms;
    NameSink sink;
    const auto before = server_.CountRequests("list");
    const auto& loop = harness_.Follow(ConfigMaps(), sink, options);
    ASSERT_TRUE(Until([&] { return loop.health().synced; }));
    EXPECT_EQ(sink.log, (Log{"drop", "replace 2"}));
    EXPECT_EQ(server_.CountRequests("list"), before + 1);
  }
}

TEST_F(Matrix, AResyncEndsTheWatchAndListsOnce) {
  Watching();
  loop_->RequestResync();
  ASSERT_TRUE(Until([this] { return server_.CountRequests("watch") == 2 && Settled(); }));
  EXPECT_EQ(Relists(kResync), 1U);
  EXPECT_EQ(Restarts(RewatchReason::kEof), 0U) << "not the server's doing";
  EXPECT_EQ(sink_.log, (Log{"replace 2", "replace 2"}));
}

}  // namespace
}  // namespace seccompd::test_support
