// SPDX-License-Identifier: Apache-2.0
// The reflector against a simulated API server that fails, hours of virtual time in milliseconds.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "common/kube/reflector.h"
#include "tests/unit/kube/simulated_api.h"

namespace seccompd::kube {
namespace {

using namespace std::chrono_literals;
using base::MonoTime;
using std::chrono::milliseconds;

constexpr MonoTime kBegin{1000s};
constexpr milliseconds kIdleLimit = 180s;  // collection_loop.h
// A pause is at most 30 s stretched by 2. After a fault there is one before the next request, and
// one more if that is answered with 410.
constexpr milliseconds kRecovery = 2 * 60s + 1s;
// A half-open watch on a server whose bookmarks stopped is given up at its timeout and 30 s.
constexpr milliseconds kSilentRecovery = 600s + 30s + kRecovery;
// At the longest pauses there are at most 120 rounds an hour, and a round has at most four
// requests: LIST, LIST again at once, its second page or WATCH; an hour has one ramp of shorter
// pauses.
constexpr std::size_t kMostPerHour = 4 * 120 + 40;
constexpr std::size_t kMostPerSecond = 6;
constexpr std::size_t kRunaway = 50'000;  // requests of one reflector: it spins

// One reflector, its mirror of the collection, and the server, all at one virtual instant.
class World {
 public:
  World(std::uint64_t seed, bool watch_list)
      : now(kBegin),
        api(seed, kBegin),
        random_(seed + 1),
        next_change_(now + 1s),
        reflector(
            {.page_size = 10, .watch_list = watch_list}, [this] { return Chance(); }, now) {}

  double Chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

  void RunUntil(MonoTime until) {
    while (now < until && requests.size() < kRunaway) {
      const ReflectorStep step = reflector.Next(now);
      if (const auto* pause = std::get_if<Pause>(&step)) {
        AdvanceTo(std::min(pause->until, until));
      } else if (const auto* list = std::get_if<ListRequest>(&step)) {
        Ask();
        List(*list);
      } else if (watching_) {
        Follow(until);
      } else {
        Ask();
        Open(std::get<WatchRequest>(step));
      }
    }
  }
  void Begin(Fault fault) {
    fault_ = fault;
    if (fault == Fault::kSilence) dead_ = true;
    const bool cuts = fault != Fault::kNone && fault != Fault::kSilence && fault != Fault::kReset;
    if (cuts && watching_) End(RewatchReason::kEof);
  }
  void CutWatch() {
    if (watching_) End(RewatchReason::kEof);
  }

  MonoTime now;
  SimulatedApi api;
  Objects store;
  std::vector<MonoTime> requests;
  std::size_t lists = 0;
  std::size_t strangers = 0;      // put into the store, though the server never had it
  std::size_t emptied = 0;        // times the store became empty
  std::size_t too_early = 0;      // requests before Retry-After was over
  std::size_t lists_at_zero = 0;  // after the first sync

 private:
  void AdvanceTo(MonoTime until) {
    while (next_change_ <= until) {
      api.Change(next_change_);
      next_change_ += milliseconds(static_cast<int>(1000 + Chance() * 60'000));
    }
    now = std::max(now, until);
  }
  void Ask() {
    if (now < retry_after_) ++too_early;
    requests.push_back(now);
    AdvanceTo(now + 1ms);
  }
  ApiFailure Refusal() {
    const ApiFailure failure = FailureOf(fault_);
    if (failure.retry_after) retry_after_ = now + *failure.retry_after;
    return failure;
  }
  void List(const ListRequest& request) {
    ++lists;
    if (reflector.synced() && request.resource_version == "0") ++lists_at_zero;
    const bool paged = !request.continue_token.empty();
    const bool answers = fault_ == Fault::kNone || fault_ == Fault::kReset ||
                         fault_ == Fault::kCutWatch || fault_ == Fault::kGarbage ||
                         fault_ == Fault::kExpiredStream ||
                         (fault_ == Fault::kExpiredPage && !paged);
    if (fault_ == Fault::kSilence) AdvanceTo(now + 30s);
    if (!answers) return Obey(reflector.OnListFailed(Refusal(), now), {});
    const bool ahead = request.resource_version && !request.resource_version->empty() &&
                       std::stoull(*request.resource_version) > api.version();
    if (ahead) return Obey(reflector.OnListFailed(FailureOf(Fault::kTooLarge), now), {});
    if (!paged) snapshot_ = {api.objects(), api.version()};
    const std::string from = request.continue_token;
    std::size_t room = request.limit == 0 ? snapshot_.first.size() : request.limit;
    std::string last;
    for (auto it = snapshot_.first.upper_bound(from); it != snapshot_.first.end(); ++it) {
      if (room-- == 0) break;
      pending_[it->first] = it->second;
      last = it->first;
    }
    const bool done = last.empty() || last == snapshot_.first.rbegin()->first;
    const std::string version = std::to_string(snapshot_.second);
    Obey(reflector.OnPage(version, done ? "" : last, now), {});
  }
  void Open(const WatchRequest& request) {
    const bool refused = fault_ == Fault::kRefused || fault_ == Fault::kThrottled ||
                         fault_ == Fault::kThrottledAfter || fault_ == Fault::kUnauthorized ||
                         fault_ == Fault::kInternal || fault_ == Fault::kTooLarge ||
                         fault_ == Fault::kExpiredList;
    if (refused) return Obey(reflector.OnWatchRefused(Refusal(), now), {});
    watching_ = true;
    dead_ = fault_ == Fault::kSilence;
    opened_ = last_byte_ = now;
    timeout_ = request.timeout;
    events_ = 0;
    bookmark_due_ = now + 60s;
    sent_ = request.resource_version.empty() ? 0 : std::stoull(request.resource_version);
    reflector.OnWatchOpened(now);
    if (fault_ == Fault::kCutWatch || fault_ == Fault::kExpiredPage) {
      return End(RewatchReason::kEof);
    }
    if (fault_ == Fault::kGarbage || fault_ == Fault::kExpiredStream) {
      return Fail(FailureOf(fault_));
    }
    if (request.send_initial_events && !dead_) return SendInitial();
    if (!dead_ && !api.CanWatchFrom(sent_)) Fail(FailureOf(Fault::kExpiredStream));
  }
  void SendInitial() {
    for (const auto& [name, content] : api.objects()) {
      Deliver(WatchEventType::kAdded, "1", {.name = name, .content = content, .at = now});
    }
    sent_ = api.version();
    const std::string version = std::to_string(sent_);
    Obey(reflector.OnEvent(WatchEventType::kBookmark, version, true, now), {});
  }
  void Fail(const ApiFailure& failure) {
    watching_ = false;
    Obey(reflector.OnWatchError(failure, now), {});
  }
  // With the rule of CollectionLoop::NoteSilence.
  void End(RewatchReason reason) {
    watching_ = false;
    if (events_ > 0) silent_ = 0;
    if (events_ == 0 && now - opened_ >= std::min<milliseconds>(timeout_, kIdleLimit) &&
        ++silent_ >= 2) {
      silent_ = 0;
      reflector.RequestResync();
    }
    Obey(reflector.OnWatchEnded(reason, now), {});
  }
  void Deliver(WatchEventType type, const std::string& version, const SimulatedEvent& event) {
    ++events_;
    last_byte_ = now;
    Obey(reflector.OnEvent(type, version, false, now), event);
  }
  // Until something comes, or the watch ends.
  void Follow(MonoTime until) {
    const bool ahead = sent_ > api.version();
    const bool mute = dead_ || ahead;
    const std::vector<SimulatedEvent> due = mute ? std::vector<SimulatedEvent>() : api.After(sent_);
    for (const SimulatedEvent& event : due) {
      if (fault_ == Fault::kReset) return End(RewatchReason::kEof);
      sent_ = event.version;
      Deliver(event.type, std::to_string(event.version), event);
    }
    if (!mute && now >= bookmark_due_) {
      bookmarks_ = true;
      bookmark_due_ = now + 60s;
      Deliver(WatchEventType::kBookmark, std::to_string(sent_), {});
    }
    const MonoTime end = opened_ + timeout_ + (mute ? 30s : 0s);
    MonoTime wake = std::min({until, end, next_change_});
    if (!mute) wake = std::min(wake, bookmark_due_);
    const MonoTime idle = last_byte_ + kIdleLimit;
    if (bookmarks_) wake = std::min(wake, idle);
    const auto mark = reflector.WatchListDeadline();
    if (mark) wake = std::min(wake, *mark);
    AdvanceTo(wake);
    if (mark && now >= *mark) return End(RewatchReason::kIdle);
    if (bookmarks_ && now >= idle) {
      bookmarks_ = false;
      return End(RewatchReason::kIdle);
    }
    if (now >= end) End(RewatchReason::kTimeout);
  }
  void Obey(StoreAction action, const SimulatedEvent& event) {
    const bool filled = !store.empty();
    if (action == StoreAction::kReplace) store = std::exchange(pending_, {});
    if (action == StoreAction::kDropPending) pending_.clear();
    if (action == StoreAction::kCollect && !event.name.empty())
      pending_[event.name] = event.content;
    if (action == StoreAction::kUpsert) store[event.name] = event.content;
    if (action == StoreAction::kRemove) store.erase(event.name);
    if (filled && store.empty()) ++emptied;
    if (action == StoreAction::kUpsert && !api.Had(event.name, event.content)) ++strangers;
    if (action != StoreAction::kReplace) return;
    for (const auto& [name, content] : store) {
      if (!api.Had(name, content)) ++strangers;
    }
  }

  std::mt19937_64 random_;
  MonoTime next_change_;
  Fault fault_ = Fault::kNone;
  Objects pending_;
  std::pair<Objects, std::uint64_t> snapshot_;
  MonoTime retry_after_;
  bool watching_ = false;
  bool dead_ = false;
  bool bookmarks_ = false;
  MonoTime opened_;
  MonoTime last_byte_;
  MonoTime bookmark_due_;
  std::chrono::seconds timeout_{0};
  std::uint64_t sent_ = 0;
  std::size_t events_ = 0;
  std::size_t silent_ = 0;

 public:
  Reflector reflector;
};

// The most requests in any `span`.
std::size_t Peak(const std::vector<MonoTime>& requests, milliseconds span) {
  std::size_t most = 0;
  for (std::size_t first = 0, last = 0; last < requests.size(); ++last) {
    while (requests[last] - requests[first] >= span) ++first;
    most = std::max(most, last - first + 1);
  }
  return most;
}

std::string At(std::uint64_t seed, Fault fault, const World& world) {
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(world.now - kBegin);
  return "seed " + std::to_string(seed) + ", fault " + std::to_string(static_cast<int>(fault)) +
         ", second " + std::to_string(since.count());
}

constexpr std::uint64_t kSeeds = 6;

class ReflectorFaults : public testing::TestWithParam<Fault> {
 protected:
  // A day of faults of 1 s to 10 min, now and then of 10 min exactly, each followed by `check`.
  template <class Check>
  static void Day(Check check) {
    const Fault fault = GetParam();
    const milliseconds recovery = fault == Fault::kSilence ? kSilentRecovery : kRecovery;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      World world(seed, seed % 2 == 1);
      while (world.now < kBegin + 24h) {
        world.RunUntil(world.now + milliseconds(static_cast<int>(world.Chance() * 1'200'000)));
        world.Begin(fault);
        const double length = world.Chance();
        world.RunUntil(world.now + milliseconds(static_cast<int>(
                                       std::min(1000.0 + length * 700'000.0, 600'000.0))));
        world.Begin(Fault::kNone);
        if (world.Chance() < 0.2) world.api.Restart();
        world.RunUntil(world.now + recovery);
        ASSERT_LT(world.requests.size(), kRunaway) << At(seed, fault, world);
        check(world, At(seed, fault, world));
        if (testing::Test::HasFailure()) return;
      }
    }
  }
};

TEST_P(ReflectorFaults, TheStoreEqualsTheServersSoonAfterTheFault) {
  Day([](const World& world, const std::string& at) {
    EXPECT_EQ(world.store, world.api.objects()) << at;
  });
}

TEST_P(ReflectorFaults, TheStoreNeverHoldsWhatTheServerNeverHadAndNeverGoesEmpty) {
  Day([](const World& world, const std::string& at) {
    EXPECT_EQ(world.strangers, 0U) << at;
    EXPECT_EQ(world.emptied, 0U) << at;
  });
}

// A server that was just upgraded may answer "0" from a cache that is still empty.
TEST_P(ReflectorFaults, AMirrorInSyncNeverListsAtVersionZero) {
  Day([](const World& world, const std::string& at) { EXPECT_EQ(world.lists_at_zero, 0U) << at; });
}

TEST_P(ReflectorFaults, RequestsStayFew) {
  Day([](const World& world, const std::string& at) {
    EXPECT_LE(Peak(world.requests, 1h), kMostPerHour) << at;
    EXPECT_LE(Peak(world.requests, 1s), kMostPerSecond) << at;
  });
}

TEST_P(ReflectorFaults, NothingIsAskedBeforeRetryAfterIsOver) {
  Day([](const World& world, const std::string& at) { EXPECT_EQ(world.too_early, 0U) << at; });
}

INSTANTIATE_TEST_SUITE_P(Every, ReflectorFaults,
                         testing::Values(Fault::kRefused, Fault::kReset, Fault::kSilence,
                                         Fault::kThrottled, Fault::kThrottledAfter,
                                         Fault::kUnauthorized, Fault::kInternal, Fault::kTooLarge,
                                         Fault::kExpiredList, Fault::kExpiredPage,
                                         Fault::kExpiredStream, Fault::kCutWatch, Fault::kGarbage));

TEST(ReflectorSimulation, TwoQuietDaysHaveNoSecondListAndAFewWatchesAnHour) {
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    World world(seed, false);
    world.RunUntil(kBegin + 1min);
    const std::size_t lists = world.lists;
    world.RunUntil(kBegin + 48h);
    EXPECT_EQ(world.lists, lists) << At(seed, Fault::kNone, world);
    EXPECT_LE(Peak(world.requests, 1h), 12U + 6U) << "watches last 5 to 10 minutes, seed " << seed;
    EXPECT_EQ(world.store, world.api.objects());
  }
}

// Versions go backwards: watches at a version of the future are silent, and two of them are enough.
TEST(ReflectorSimulation, AServerRestoredFromABackupIsMirroredAfterTwoSilentWatches) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed, false);
    world.RunUntil(kBegin + 6h);
    world.api.Restore();
    world.CutWatch();
    world.RunUntil(world.now + 2 * 630s + kRecovery);
    EXPECT_EQ(world.store, world.api.objects()) << At(seed, Fault::kNone, world);
    EXPECT_EQ(world.emptied, 0U);
  }
}

// A node's share of an outage: what 1,000 reflectors ask after ten minutes without a server.
TEST(ReflectorSimulation, AThousandReflectorsComeBackSpreadOverAMinute) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> chance(0.0, 1.0);
  const MonoTime outage_end = kBegin + 10min;
  std::vector<MonoTime> opens;
  std::vector<MonoTime> lists;
  for (int node = 0; node < 1000; ++node) {
    Reflector reflector(
        {}, [&] { return chance(random); }, kBegin);
    reflector.OnPage("100", "", kBegin);
    MonoTime now = kBegin;
    for (std::size_t steps = 0;; ++steps) {
      ASSERT_LT(steps, kRunaway) << "node " << node;
      const ReflectorStep step = reflector.Next(now);
      if (const auto* pause = std::get_if<Pause>(&step)) {
        now = pause->until;
        continue;
      }
      if (std::holds_alternative<ListRequest>(step)) {
        lists.push_back(now);
        break;
      }
      if (now < outage_end) {
        reflector.OnWatchRefused(FailureOf(Fault::kRefused), now);
        continue;
      }
      // The history before the outage is forgotten.
      opens.push_back(now);
      reflector.OnWatchOpened(now);
      reflector.OnWatchError(FailureOf(Fault::kExpiredStream), now);
    }
  }
  std::sort(opens.begin(), opens.end());
  std::sort(lists.begin(), lists.end());
  ASSERT_EQ(opens.size(), 1000U);
  EXPECT_LE(opens.back() - outage_end, 60s);
  EXPECT_LE(Peak(opens, 1s), 60U) << "1,000 pauses of 30 to 60 s";
  EXPECT_LE(Peak(lists, 1s), 60U);
}

}  // namespace
}  // namespace seccompd::kube
