// SPDX-License-Identifier: Apache-2.0
// The reflector against a simulated API server that fails, hours of virtual time in milliseconds.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>

#include "tests/unit/kube/reflector_world.h"

namespace seccompd::kube {
namespace {

using namespace std::chrono_literals;
using base::MonoTime;
using std::chrono::milliseconds;

// A pause is at most 30 s stretched by 2. After a fault there is one before the next request, and
// one more if that is answered with 410.
constexpr milliseconds kRecovery = 2 * 60s + 1s;
// A half-open watch on a server whose bookmarks stopped is given up at its timeout and 30 s.
constexpr milliseconds kSilentRecovery = 600s + 30s + kRecovery;
// At the longest pauses there are at most 120 rounds an hour, and a round has at most four
// requests: LIST, LIST again at once, its second page or WATCH; an hour has one ramp of shorter
// pauses.
constexpr std::size_t kMostPerHour = 4 * 120 + 40;
constexpr std::size_t kMostPerSecond = 2 * 4;  // the shortest pause is 0.8 s

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
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(world.now - kWorldBegin);
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
      while (world.now < kWorldBegin + 24h) {
        world.RunUntil(world.now + milliseconds(static_cast<int>(world.Chance() * 1'200'000)));
        world.Begin(fault);
        const double length = world.Chance();
        world.RunUntil(world.now + milliseconds(static_cast<int>(
                                       std::min(1000.0 + length * 700'000.0, 600'000.0))));
        world.Begin(Fault::kNone);
        if (world.Chance() < 0.2) world.api.Restart();
        world.RunUntil(world.now + recovery);
        ASSERT_LT(world.requests.size(), kWorldRunaway) << At(seed, fault, world);
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

constexpr std::array kFaults = {Fault::kRefused,     Fault::kReset,          Fault::kSilence,
                                Fault::kThrottled,   Fault::kThrottledAfter, Fault::kUnauthorized,
                                Fault::kInternal,    Fault::kTooLarge,       Fault::kExpiredList,
                                Fault::kExpiredPage, Fault::kExpiredStream,  Fault::kCutWatch,
                                Fault::kGarbage};

INSTANTIATE_TEST_SUITE_P(Every, ReflectorFaults, testing::ValuesIn(kFaults));

// One after the other without a pause, in any order, the server upgraded and restored in between.
TEST(ReflectorSimulation, ADayOfEveryFaultAfterTheOtherEndsInTheServersObjects) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    World world(seed, seed % 2 == 1);
    while (world.now < kWorldBegin + 24h) {
      std::string at;
      for (int faults = 1 + static_cast<int>(world.Chance() * 8); faults > 0; --faults) {
        const auto which = static_cast<std::size_t>(world.Chance() * kFaults.size());
        at = At(seed, kFaults[which], world);
        world.Begin(kFaults[which]);
        world.RunUntil(world.now + milliseconds(static_cast<int>(1.0 + world.Chance() * 300'000)));
        if (world.Chance() < 0.1) world.api.Restart();
      }
      world.Begin(Fault::kNone);
      world.RunUntil(world.now + kSilentRecovery);
      ASSERT_LT(world.requests.size(), kWorldRunaway) << at;
      ASSERT_EQ(world.store, world.api.objects()) << at;
      ASSERT_EQ(world.strangers + world.emptied + world.lists_at_zero, 0U) << at;
    }
    EXPECT_LE(Peak(world.requests, 1h), kMostPerHour) << "seed " << seed;
    EXPECT_LE(Peak(world.requests, 1s), kMostPerSecond) << "seed " << seed;
  }
}

// What came before, the first pause after ten quiet minutes is the shortest again.
TEST(ReflectorSimulation, ABriefFaultAfterQuietCostsTwoSecondsWhateverCameBefore) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const Fault before : kFaults) {
      World world(seed, false);
      world.RunUntil(kWorldBegin + 1min);
      world.Begin(before);
      world.RunUntil(world.now + 10min);
      world.Begin(Fault::kNone);
      world.RunUntil(world.now + kSilentRecovery + 10min);
      world.Begin(Fault::kRefused);
      world.RunUntil(world.now + 10ms);
      ASSERT_FALSE(world.watching());
      world.Begin(Fault::kNone);
      world.RunUntil(world.now + 1600ms);
      EXPECT_TRUE(world.watching()) << At(seed, before, world);
      EXPECT_EQ(world.store, world.api.objects()) << At(seed, before, world);
    }
  }
}

// The connection of that second never carries another byte and nobody says so.
TEST(ReflectorSimulation, AHalfOpenWatchIsGivenUpAfterThreeMinutesWithoutABookmark) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed, false);
    world.RunUntil(kWorldBegin + 20min);
    world.Begin(Fault::kSilence);
    world.RunUntil(world.now + 1s);
    world.Begin(Fault::kNone);
    world.RunUntil(world.now + 180s + 1s);
    EXPECT_EQ(world.store, world.api.objects()) << At(seed, Fault::kSilence, world);
  }
}

TEST(ReflectorSimulation, TwoQuietDaysHaveNoSecondListAndAFewWatchesAnHour) {
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    World world(seed, false);
    world.RunUntil(kWorldBegin + 1min);
    const std::size_t lists = world.lists;
    world.RunUntil(kWorldBegin + 48h);
    EXPECT_EQ(world.lists, lists) << At(seed, Fault::kNone, world);
    EXPECT_LE(Peak(world.requests, 1h), 12U + 6U) << "watches last 5 to 10 minutes, seed " << seed;
    EXPECT_EQ(world.store, world.api.objects());
  }
}

// Versions go backwards: watches at a version of the future are silent, and two of them are enough.
TEST(ReflectorSimulation, AServerRestoredFromABackupIsMirroredAfterTwoSilentWatches) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    World world(seed, false);
    world.RunUntil(kWorldBegin + 6h);
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
  const MonoTime outage_end = kWorldBegin + 10min;
  std::vector<MonoTime> opens;
  std::vector<MonoTime> lists;
  for (int node = 0; node < 1000; ++node) {
    Reflector reflector(
        {}, [&] { return chance(random); }, kWorldBegin);
    reflector.OnPage("100", "", kWorldBegin);
    MonoTime now = kWorldBegin;
    for (std::size_t steps = 0;; ++steps) {
      ASSERT_LT(steps, kWorldRunaway) << "node " << node;
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
