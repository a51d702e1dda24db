// SPDX-License-Identifier: Apache-2.0
#include "common/kube/reflector.h"

#include <gtest/gtest.h>

namespace seccompd::kube {
namespace {

using namespace std::chrono_literals;
using base::MonoTime;

const ApiFailure kExpired{.kind = ApiFailureKind::kExpired, .retry_after = {}, .message = {}};
const ApiFailure kTooLarge{
    .kind = ApiFailureKind::kTooLargeResourceVersion, .retry_after = {}, .message = {}};
const ApiFailure kThrottled{
    .kind = ApiFailureKind::kTooManyRequests, .retry_after = 7s, .message = {}};
const ApiFailure kRefused{
    .kind = ApiFailureKind::kConnectionRefused, .retry_after = {}, .message = {}};
const ApiFailure kInternal{.kind = ApiFailureKind::kInternal, .retry_after = {}, .message = {}};
const ApiFailure kInvalid{.kind = ApiFailureKind::kInvalid, .retry_after = {}, .message = {}};
const ApiFailure kOther{.kind = ApiFailureKind::kOther, .retry_after = {}, .message = {}};

// Drives one Reflector with virtual time and a fixed random number.
class Driver {
 public:
  explicit Driver(ReflectorOptions options = {}, double random = 0.0)
      : reflector(
            options, [random] { return random; }, now) {}

  // The request that comes next, after waiting as long as it asks; `waited` says how long.
  ReflectorStep Request() {
    waited = 0ms;
    ReflectorStep step = reflector.Next(now);
    if (const Pause* pause = std::get_if<Pause>(&step)) {
      waited = std::chrono::duration_cast<std::chrono::milliseconds>(pause->until - now);
      now = pause->until;
      step = reflector.Next(now);
    }
    return step;
  }
  ListRequest List() {
    const ReflectorStep step = Request();
    EXPECT_TRUE(std::holds_alternative<ListRequest>(step));
    return std::holds_alternative<ListRequest>(step) ? std::get<ListRequest>(step) : ListRequest{};
  }
  WatchRequest Watch() {
    const ReflectorStep step = Request();
    EXPECT_TRUE(std::holds_alternative<WatchRequest>(step));
    return std::holds_alternative<WatchRequest>(step) ? std::get<WatchRequest>(step)
                                                      : WatchRequest{};
  }
  // Listed at "100" and watching from there.
  void Watching() {
    List();
    EXPECT_EQ(reflector.OnPage("100", "", now), StoreAction::kReplace);
    EXPECT_EQ(Watch().resource_version, "100");
    reflector.OnWatchOpened(now);
  }
  StoreAction Event(WatchEventType type, std::string_view version, bool mark = false) {
    return reflector.OnEvent(type, version, mark, now);
  }

  MonoTime now{1000s};
  std::chrono::milliseconds waited{0};
  Reflector reflector;
};

TEST(Reflector, FirstListIsServedFromTheCacheAndJittered) {
  Driver d({.startup_jitter = 4s}, 0.5);
  const ListRequest list = d.List();
  EXPECT_EQ(d.waited, 2s);
  EXPECT_EQ(list.resource_version, "0");
  EXPECT_EQ(list.limit, 500U);
  EXPECT_EQ(list.reason, RelistReason::kStart);
}

TEST(Reflector, WatchesFromTheListsVersionForARandomTime) {
  Driver d({}, 0.5);
  d.List();
  EXPECT_FALSE(d.reflector.synced());
  EXPECT_EQ(d.reflector.OnPage("100", "", d.now), StoreAction::kReplace);
  EXPECT_TRUE(d.reflector.synced());
  const WatchRequest watch = d.Watch();
  EXPECT_EQ(watch, (WatchRequest{.resource_version = "100", .timeout = 450s}));
  EXPECT_EQ(d.Watch(), watch) << "the answer is stable until something happened";
}

TEST(Reflector, PagesCarryNoVersionAndTheFirstPagesVersionCounts) {
  Driver d;
  d.List();
  EXPECT_EQ(d.reflector.OnPage("100", "token", d.now), StoreAction::kCollect);
  const ListRequest second = d.List();
  EXPECT_EQ(second.resource_version, std::nullopt);
  EXPECT_EQ(second.continue_token, "token");
  EXPECT_EQ(d.reflector.OnPage("107", "", d.now), StoreAction::kReplace);
  EXPECT_EQ(d.Watch().resource_version, "100");
}

TEST(Reflector, ExpiredSecondPageIsAskedForAsOneFullList) {
  Driver d;
  d.List();
  d.reflector.OnPage("100", "token", d.now);
  d.List();
  EXPECT_EQ(d.reflector.OnListFailed(kExpired, d.now), StoreAction::kDropPending);
  const ListRequest full = d.List();
  EXPECT_EQ(d.waited, 0ms);
  EXPECT_EQ(full.resource_version, "0");
  EXPECT_EQ(full.limit, 0U);
  EXPECT_EQ(full.continue_token, "");
}

TEST(Reflector, ExpiredOrTooLargeListIsRetriedOnceAtQuorum) {
  for (const ApiFailure& failure : {kExpired, kTooLarge}) {
    Driver d;
    d.List();
    d.reflector.OnListFailed(failure, d.now);
    EXPECT_EQ(d.List().resource_version, "");
    EXPECT_EQ(d.waited, 0ms) << "at once";
    d.reflector.OnListFailed(failure, d.now);
    EXPECT_EQ(d.List().resource_version, "");
    EXPECT_GE(d.waited, 800ms) << "then with backoff";
    d.reflector.OnPage("100", "", d.now);
    EXPECT_EQ(d.Watch().resource_version, "100") << "success clears the mark";
  }
}

TEST(Reflector, EventsMoveTheVersionAndTheStore) {
  Driver d;
  d.Watching();
  EXPECT_EQ(d.Event(WatchEventType::kAdded, "101"), StoreAction::kUpsert);
  EXPECT_EQ(d.Event(WatchEventType::kModified, "102"), StoreAction::kUpsert);
  EXPECT_EQ(d.Event(WatchEventType::kDeleted, "103"), StoreAction::kRemove);
  EXPECT_EQ(d.Event(WatchEventType::kBookmark, "110"), StoreAction::kNone);
  EXPECT_EQ(d.reflector.resource_version(), "110");
}

TEST(Reflector, SyntheticAddsAtVersionZeroDoNotMoveTheVersion) {
  Driver d;
  d.List();
  d.reflector.OnPage("", "", d.now);
  EXPECT_EQ(d.Watch().resource_version, "");
  d.reflector.OnWatchOpened(d.now);
  d.Event(WatchEventType::kAdded, "50");
  EXPECT_EQ(d.reflector.resource_version(), "");
  d.Event(WatchEventType::kModified, "60");
  EXPECT_EQ(d.reflector.resource_version(), "60");
}

TEST(Reflector, CleanEndIsWatchedAgainAtOnceFromTheLastVersion) {
  Driver d;
  d.Watching();
  d.Event(WatchEventType::kModified, "105");
  d.now += 400s;
  d.reflector.OnWatchEnded(RewatchReason::kTimeout, d.now);
  EXPECT_EQ(d.Watch().resource_version, "105");
  EXPECT_EQ(d.waited, 0ms);
}

TEST(Reflector, VeryShortEmptyWatchRelistsWithBackoff) {
  Driver d;
  d.Watching();
  d.now += 999ms;
  d.reflector.OnWatchEnded(RewatchReason::kEof, d.now);
  EXPECT_EQ(d.List().resource_version, "100");
  EXPECT_GE(d.waited, 800ms);
}

TEST(Reflector, ShortWatchWithAnEventIsNoFailure) {
  Driver d;
  d.Watching();
  d.Event(WatchEventType::kBookmark, "101");
  d.reflector.OnWatchEnded(RewatchReason::kEof, d.now);
  EXPECT_EQ(d.Watch().resource_version, "101");
}

TEST(Reflector, ExpiredWatchRelistsAtTheLastVersionFirst) {
  Driver d;
  d.Watching();
  d.reflector.OnWatchError(kExpired, d.now);
  const ListRequest list = d.List();
  EXPECT_EQ(list.resource_version, "100");
  EXPECT_EQ(list.limit, 0U) << "a set version is served by the cache only without limit";
  EXPECT_EQ(list.reason, RelistReason::kExpired);
}

TEST(Reflector, RefusedOrThrottledWatchKeepsItsVersion) {
  for (const ApiFailure& failure : {kRefused, kThrottled}) {
    Driver d;
    d.Watching();
    d.reflector.OnWatchEnded(RewatchReason::kTimeout, d.now += 400s);
    d.Watch();
    d.reflector.OnWatchRefused(failure, d.now);
    EXPECT_EQ(d.Watch().resource_version, "100");
    EXPECT_GE(d.waited, failure.retry_after.value_or(800ms));
  }
}

TEST(Reflector, ThrottledStreamKeepsItsVersion) {
  Driver d;
  d.Watching();
  d.reflector.OnWatchError(kThrottled, d.now);
  EXPECT_EQ(d.Watch().resource_version, "100");
  EXPECT_EQ(d.waited, 7s);
}

TEST(Reflector, InternalErrorsAreRewatchedForALimitedTime) {
  Driver d({.internal_error_retry = 10s});
  d.Watching();
  d.reflector.OnWatchError(kInternal, d.now);
  EXPECT_EQ(d.Watch().resource_version, "100");
  d.reflector.OnWatchOpened(d.now);
  d.now += 10s;
  d.reflector.OnWatchError(kInternal, d.now);
  EXPECT_EQ(d.List().reason, RelistReason::kError);
}

TEST(Reflector, BackoffDoublesToThirtySecondsAndResetsAfterTwoQuietMinutes) {
  Driver d;
  std::vector<std::chrono::milliseconds> waits;
  for (int i = 0; i < 8; ++i) {
    d.List();
    d.reflector.OnListFailed(kOther, d.now);
    d.List();
    waits.push_back(d.waited);
  }
  EXPECT_EQ(waits, (std::vector<std::chrono::milliseconds>{800ms, 1600ms, 3200ms, 6400ms, 12800ms,
                                                           25600ms, 30000ms, 30000ms}));
  d.now += 2min;
  d.reflector.OnListFailed(kOther, d.now);
  d.List();
  EXPECT_EQ(d.waited, 800ms);
}

TEST(Reflector, BackoffJitterDoublesAtMost) {
  Driver d({}, 0.999);
  d.List();
  d.reflector.OnListFailed(kOther, d.now);
  d.List();
  EXPECT_GT(d.waited, 1590ms);
  EXPECT_LT(d.waited, 1600ms);
}

TEST(Reflector, ResyncWaitsForTheWatchToEnd) {
  Driver d;
  d.Watching();
  d.reflector.RequestResync();
  EXPECT_EQ(d.Event(WatchEventType::kModified, "101"), StoreAction::kUpsert);
  d.reflector.OnWatchEnded(RewatchReason::kTimeout, d.now += 300s);
  EXPECT_EQ(d.List().reason, RelistReason::kResync);
}

TEST(ReflectorWatchList, CollectsUntilTheMarkThenGoesOnWatching) {
  Driver d({.watch_list = true});
  const WatchRequest watch = d.Watch();
  EXPECT_TRUE(watch.send_initial_events);
  EXPECT_EQ(watch.resource_version, "");
  d.reflector.OnWatchOpened(d.now);
  EXPECT_EQ(d.Event(WatchEventType::kAdded, "5"), StoreAction::kCollect);
  EXPECT_EQ(d.Event(WatchEventType::kBookmark, "9"), StoreAction::kNone);
  EXPECT_FALSE(d.reflector.synced());
  EXPECT_EQ(d.Event(WatchEventType::kBookmark, "10", true), StoreAction::kReplace);
  EXPECT_TRUE(d.reflector.synced());
  EXPECT_EQ(d.reflector.WatchListDeadline(), std::nullopt);
  EXPECT_EQ(d.Event(WatchEventType::kAdded, "11"), StoreAction::kUpsert);
  d.reflector.OnWatchEnded(RewatchReason::kTimeout, d.now += 300s);
  EXPECT_EQ(d.Watch(), (WatchRequest{.resource_version = "11", .timeout = 300s}));
}

TEST(ReflectorWatchList, RefusalFallsBackToListAtOnce) {
  Driver d({.watch_list = true});
  d.Watch();
  EXPECT_EQ(d.reflector.OnWatchRefused(kInvalid, d.now), StoreAction::kDropPending);
  EXPECT_EQ(d.List().resource_version, "0");
  EXPECT_EQ(d.waited, 0ms);
}

TEST(ReflectorWatchList, AMarkThatNeverComesFallsBackToList) {
  Driver d({.watch_list = true, .watch_list_deadline = 10s});
  d.Watch();
  d.reflector.OnWatchOpened(d.now);
  EXPECT_EQ(d.reflector.WatchListDeadline(), d.now + 10s);
  d.Event(WatchEventType::kAdded, "5");
  EXPECT_EQ(d.reflector.OnWatchEnded(RewatchReason::kIdle, d.now += 10s),
            StoreAction::kDropPending);
  EXPECT_EQ(d.List().resource_version, "0");
}

// Every step fails in turn, in every way: the machine always asks again, never without a pause
// twice in a row, and ends up watching once failures stop.
TEST(Reflector, RecoversFromEveryFailureAtEveryStep) {
  for (const ApiFailure& failure :
       {kExpired, kTooLarge, kThrottled, kRefused, kInternal, kInvalid, kOther}) {
    for (int failing_step = 0; failing_step < 6; ++failing_step) {
      for (const bool watch_list : {false, true}) {
        Driver d({.watch_list = watch_list});
        int unpaused = 0;
        bool watching = false;
        for (int step = 0; step < 12; ++step) {
          const ReflectorStep request = d.Request();
          unpaused = d.waited == 0ms ? unpaused + 1 : 0;
          ASSERT_LT(unpaused, 5);
          const bool fail = step == failing_step || step == failing_step + 1;
          if (std::holds_alternative<ListRequest>(request)) {
            watching = false;
            if (fail) {
              d.reflector.OnListFailed(failure, d.now);
            } else {
              d.reflector.OnPage("100", "", d.now);
            }
            continue;
          }
          if (fail && step == failing_step) {
            d.reflector.OnWatchRefused(failure, d.now);
            continue;
          }
          d.reflector.OnWatchOpened(d.now);
          if (fail) {
            d.reflector.OnWatchError(failure, d.now);
            continue;
          }
          d.Event(WatchEventType::kBookmark, "200", true);
          watching = true;
          unpaused = 0;
          d.reflector.OnWatchEnded(RewatchReason::kTimeout, d.now += 300s);
        }
        EXPECT_TRUE(watching && d.reflector.synced());
      }
    }
  }
}

}  // namespace
}  // namespace seccompd::kube
