// SPDX-License-Identifier: Apache-2.0
// The failure matrix of a LIST: every row a test.
#include "tests/integration/kube_matrix.h"

namespace seccompd::test_support {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

ApiFault Answer(int status, const std::string& body, const std::string& retry_after = "") {
  ApiFault fault{.verb = "list"};
  fault.response = {.status = status, .content_type = "text/plain; charset=utf-8", .body = body};
  if (!retry_after.empty()) fault.response.headers.emplace_back("Retry-After", retry_after);
  return fault;
}
ApiFault Status(int code, const std::string& reason) {
  ApiFault fault{.verb = "list"};
  fault.response = StatusResponse(code, reason, "told to fail");
  return fault;
}

TEST_F(Matrix, ListComesInPages) {
  Behave([](ApiBehaviour& b) { b.watch_cache = false; });
  server_.Put("configmaps", ConfigMapJson("c"));
  kube::CollectionOptions options = QuickLoop();
  options.reflector.page_size = 2;
  Watching(options);
  EXPECT_EQ(sink_.log, Log{"replace 3"});
  const auto requests = server_.Requests("list");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].Query("resourceVersion"), "0");
  EXPECT_FALSE(requests[1].query.contains("resourceVersion"))
      << "a server refuses a version with a continue token";
  EXPECT_EQ(requests[1].Query("limit"), "2");
  EXPECT_EQ(loop_->counters().pages, 2U);
  EXPECT_EQ(Relists(kStart), 1U);
  ExpectFollows();
}

TEST_F(Matrix, AnExpiredSecondPageIsAskedForAsOneList) {
  Behave([](ApiBehaviour& b) { b.watch_cache = false; });
  ApiFault fault = Status(410, "Expired");
  fault.skip = 1;
  server_.Fail(fault);
  kube::CollectionOptions options = QuickLoop();
  options.reflector.page_size = 1;
  Watching(options);
  const auto requests = server_.Requests("list");
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_FALSE(requests[2].query.contains("limit"));
  EXPECT_FALSE(requests[2].query.contains("continue"));
  EXPECT_EQ(requests[2].Query("resourceVersion"), "0");
  EXPECT_EQ(sink_.log, (Log{"drop", "replace 2"}));
  ExpectFollows();
}

TEST_F(Matrix, AVersionTheServerHasForgottenIsAskedForPastTheCacheAtOnce) {
  server_.Fail(Status(410, "Expired"));
  Watching();
  EXPECT_EQ(LastQuery("list", "resourceVersion"), "");
  EXPECT_EQ(sink_.objects.size(), 2U);
  EXPECT_EQ(Relists(kExpiredList), 1U);
}

TEST_F(Matrix, AVersionAheadOfTheServersCacheIsAskedForPastTheCache) {
  Behave([](ApiBehaviour& b) { b.cache_wait = 50ms; });
  Watching();
  // Another API server takes over, whose cache lags.
  const auto behind = server_.With([](ApiState& state) { return state.store.compacted(); });
  Behave([&](ApiBehaviour& b) { b.cache_version = behind; });
  loop_->RequestResync();
  ASSERT_TRUE(Until([this] { return sink_.log.size() == 3 && Settled(); }));
  EXPECT_EQ(sink_.log, (Log{"replace 2", "drop", "replace 2"}));
  EXPECT_EQ(LastQuery("list", "resourceVersion"), "");
}

TEST_F(Matrix, ThrottledWithRetryAfterIsTriedAgainByTheClient) {
  server_.Fail(Answer(429, "Too many requests, please try again later.\n", "1"));
  const auto begun = std::chrono::steady_clock::now();
  Watching();
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1s);
  EXPECT_EQ(harness_.log.requests, (Log{"list GET 429", "list GET 200", "watch GET 200"}));
  EXPECT_EQ(harness_.log.retries, Log{"list 429"});
  EXPECT_EQ(Relists(kStart), 1U) << "the reflector never saw it";
  EXPECT_EQ(server_.connections(), 1U);
}

TEST_F(Matrix, ThrottledWithoutRetryAfterBacksOff) {
  server_.Fail(Answer(429, "Too many requests, please try again later.\n"));
  Follow();
  ASSERT_TRUE(Until([this] { return loop_->health().unavailable; }));
  EXPECT_EQ(loop_->health().last_error,
            "list configmaps: 429 Too many requests, please try again later.");
  ASSERT_TRUE(Until([this] { return Settled(); }));
  EXPECT_TRUE(harness_.log.retries.empty());
  EXPECT_FALSE(loop_->health().unavailable);
  EXPECT_EQ(loop_->health().last_error, "");
}

TEST_F(Matrix, RetryAfterIsObeyedAtMostTenTimes) {
  ApiFault fault = Answer(503, "the server is shutting down\n", "0");
  fault.times = 100;
  server_.Fail(fault);
  const auto reply =
      harness_.Run(harness_.client->Call({.verb = "list", .target = "/api/v1/pods"}));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 503);
  EXPECT_EQ(server_.CountRequests(), 11U);
  EXPECT_EQ(harness_.log.retries.size(), 10U);
}

TEST_F(Matrix, AConnectionCutBeforeTheAnswerIsAskedAgain) {
  server_.Fail({.verb = "list", .times = 2, .hang_up = true});
  Watching();
  EXPECT_EQ(harness_.log.retries, (Log{"list <error>", "list <error>"}));
  EXPECT_EQ(Relists(kStart), 1U);
}

TEST_F(Matrix, AServerThatNeverAnswersIsGivenUp) {
  KubeHarness quick(ConfigFor(server_.Url()), [] {
    kube::ApiClientOptions options = QuickClient();
    options.request_timeout = 100ms;
    return options;
  }());
  server_.Fail({.verb = "list", .silent = true});
  NameSink sink;
  const auto& loop = quick.Follow(ConfigMaps(), sink);
  EXPECT_TRUE(quick.Until([&] { return loop.health().synced; }));
  EXPECT_EQ(quick.log.requests[0], "list GET <error>");
}

TEST_F(Matrix, ARefusedConnectionBacksOffAndHealsItself) {
  server_.Stop();
  Follow();
  ASSERT_TRUE(Until([this] { return loop_->health().unavailable; }));
  harness_.For(100ms);
  EXPECT_FALSE(loop_->health().synced);
  EXPECT_LE(harness_.log.requests.size(), 4U);
  server_.Start();
  ASSERT_TRUE(Until([this] { return Settled(); }));
  EXPECT_EQ(sink_.objects.size(), 2U);
}

TEST_F(Matrix, AListIsReadCompressedAndInConcatenatedMembers) {
  for (const std::size_t member : {0U, 100U}) {
    Behave([&](ApiBehaviour& b) {
      b.gzip_over = 0;
      b.gzip_member = member;
    });
    NameSink sink;
    const auto& loop = harness_.Follow(ConfigMaps(), sink);
    ASSERT_TRUE(harness_.Until([&] { return loop.health().synced; })) << member;
    EXPECT_EQ(sink.objects.size(), 2U) << member;
  }
}

TEST_F(Matrix, AListThatIsNoListIsAFailureAndKeepsTheLastGoodSet) {
  Watching();
  for (const std::string body : {"<html>login</html>", R"({"kind":"ConfigMapList"})",
                                 R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata")"}) {
    ApiFault fault{.verb = "list"};
    fault.response.body = body;
    server_.Fail(fault);
    const auto before = server_.CountRequests("list");
    loop_->RequestResync();
    ASSERT_TRUE(Until([&] { return server_.CountRequests("list") > before + 1 && Settled(); }));
    EXPECT_EQ(sink_.objects.size(), 2U) << body;
  }
}

TEST_F(Matrix, AccessTakenAwayIsToldAndEndsWhenItIsGivenBack) {
  const ApiDenial denial{.resource = "configmaps", .name_space = "web"};
  Watching();
  Behave([&](ApiBehaviour& b) { b.denied.push_back(denial); });
  server_.EndWatches(WatchEnd::kClean);
  ASSERT_TRUE(Until([this] { return loop_->health().forbidden; }));
  EXPECT_THAT(loop_->health().last_error, testing::HasSubstr("configmaps is forbidden: User"));
  EXPECT_EQ(sink_.objects.size(), 2U) << "last good wins";
  EXPECT_TRUE(loop_->health().synced);
  Behave([](ApiBehaviour& b) { b.denied.clear(); });
  ASSERT_TRUE(Until([this] { return !loop_->health().forbidden && Settled(); }));
  ExpectFollows(false);
}

TEST_F(Matrix, AQuorumListSeesWhatACacheHides) {
  const auto stale = server_.With([](ApiState& state) { return state.store.version(); });
  Watching();
  Behave([&](ApiBehaviour& b) { b.cache_version = stale; });
  server_.Put("configmaps", ConfigMapJson("late"));
  const auto quorum = harness_.Run(loop_->ConfirmByQuorum());
  ASSERT_TRUE(quorum.has_value());
  EXPECT_EQ(quorum->names, (std::set<std::string, std::less<>>{"web/a", "web/b", "web/late"}));
  EXPECT_EQ(quorum->resource_version, std::to_string(stale + 1));
  const auto request = server_.Requests("list").back();
  EXPECT_FALSE(request.query.contains("resourceVersion"));
  EXPECT_THAT(request.Header("accept"), testing::HasSubstr("as=PartialObjectMetadataList"));
  EXPECT_EQ(sink_.log, Log{"replace 2"}) << "the sink is not told";
}

TEST_F(Matrix, AQuorumListGoesOverPagesAndSaysWhenItCannot) {
  kube::CollectionOptions options = QuickLoop();
  options.reflector.page_size = 1;
  Watching(options);
  const auto quorum = harness_.Run(loop_->ConfirmByQuorum());
  ASSERT_TRUE(quorum.has_value());
  EXPECT_EQ(quorum->names.size(), 2U);
  EXPECT_EQ(server_.CountRequests("list"), lists_ + 2);
  Behave([](ApiBehaviour& b) { b.denied.push_back({.verb = "list"}); });
  const auto refused = harness_.Run(loop_->ConfirmByQuorum());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, base::ErrorCode::kForbidden);
}

TEST_F(Matrix, TheFirstListComesAfterARandomPartOfTheJitter) {
  kube::CollectionOptions options = QuickLoop();
  options.reflector.startup_jitter = 200ms;
  const auto begun = std::chrono::steady_clock::now();
  Watching(options);
  EXPECT_GE(server_.Requests("list")[0].time - begun, 100ms) << "random() is 0.5";
}

}  // namespace
}  // namespace seccompd::test_support
