// SPDX-License-Identifier: Apache-2.0
#include "common/kube/event_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace seccompd::kube {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

base::MonoTime At(std::chrono::milliseconds t) { return base::MonoTime(hours(1'000) + t); }

EventOffer Pod(const std::string& name, const std::string& reason = "SeccompProfileStale") {
  return {.note = {.reason = reason,
                   .action = "Audit",
                   .target = {.kind = "Pod",
                              .namespace_name = "web",
                              .name = name,
                              .uid = "u-" + name,
                              .field_path = "spec.containers{app}"},
                   .note = "pid 7 of " + name}};
}

EventOffer Map(const std::string& text) {
  return {.note = {.reason = "SeccompProfileInvalid",
                   .action = "Validate",
                   .target = {.kind = "ConfigMap", .namespace_name = "seccompd", .name = "web"},
                   .note = text},
          .shared = true};
}

class EventBudgetTest : public ::testing::Test {
 protected:
  // "create front", "patch front 61", "drop front"; every request is answered with success.
  std::vector<std::string> Offer(const std::vector<EventOffer>& offers,
                                 std::chrono::milliseconds time) {
    std::vector<std::string> told;
    const EventDecision decision = budget_.Offer(offers, At(time), wall_);
    for (const EventWrite& write : decision.writes) {
      const std::string& name = write.note.target.name;
      told.push_back(write.count == 0 ? "create " + name
                                      : "patch " + name + " " + std::to_string(write.count));
      if (!fail_) budget_.Written(write, At(time));
      if (fail_) budget_.Failed(write, gone_, At(time));
    }
    for (const EventNote& note : decision.dropped) told.push_back("drop " + note.target.name);
    return told;
  }

  double random_ = 0;
  bool fail_ = false;
  bool gone_ = false;
  base::WallTime wall_ = *base::ParseTime("2026-11-24T00:00:00Z");
  EventBudget budget_{{.sampled = 0.02}, [this] { return random_; }};
};

TEST_F(EventBudgetTest, AViolationThatGoesOnIsOneEventAndASeries) {
  EXPECT_THAT(Offer({Pod("front")}, minutes(0)), ElementsAre("create front"));
  for (int minute = 1; minute < 30; ++minute) {
    EXPECT_THAT(Offer({Pod("front")}, minutes(minute)), IsEmpty()) << minute;
  }
  EXPECT_THAT(Offer({Pod("front")}, minutes(30)), ElementsAre("patch front 31"));
  EXPECT_THAT(Offer({}, minutes(33)), IsEmpty());
  EXPECT_THAT(Offer({}, minutes(37)), IsEmpty());  // nothing new since the last patch
}

TEST_F(EventBudgetTest, ASeriesThatEndsIsWrittenOnceMore) {
  EXPECT_THAT(Offer({Pod("front")}, minutes(0)), SizeIs(1));
  EXPECT_THAT(Offer({Pod("front")}, minutes(5)), IsEmpty());
  EXPECT_THAT(Offer({}, minutes(10)), IsEmpty());
  EXPECT_THAT(Offer({}, minutes(11)), ElementsAre("patch front 2"));
  EXPECT_THAT(Offer({}, minutes(20)), IsEmpty());
}

TEST_F(EventBudgetTest, AContainerGetsOneNewEventAnHour) {
  EXPECT_THAT(Offer({Pod("front")}, minutes(0)), SizeIs(1));
  EXPECT_THAT(Offer({Pod("front", "SeccompProfileWeaker")}, minutes(1)), ElementsAre("drop front"));
  EXPECT_THAT(Offer({Pod("front", "SeccompProfileWeaker")}, minutes(2)), IsEmpty());
  EXPECT_THAT(Offer({Pod("front", "SeccompProfileWeaker")}, minutes(60)),
              ElementsAre("create front"));
}

TEST_F(EventBudgetTest, ANodeWritesTenInTenMinutes) {
  std::vector<EventOffer> many;
  for (int i = 10; i < 40; ++i) many.push_back(Pod(std::to_string(i)));
  const auto first = Offer(many, minutes(0));
  EXPECT_THAT(first, SizeIs(30));
  EXPECT_EQ(std::count_if(first.begin(), first.end(),
                          [](const std::string& told) { return told.starts_with("create"); }),
            10);
  EXPECT_THAT(Offer(many, minutes(9)), IsEmpty());
  EXPECT_THAT(Offer(many, minutes(10)), SizeIs(10));  // the next ten, dropped ones too
}

TEST_F(EventBudgetTest, FewNodesSpeakOfAConfigMap) {
  random_ = 0.5;
  EXPECT_THAT(Offer({Map("E0104")}, minutes(0)), ElementsAre("drop web"));
  random_ = 0;  // the decision stands
  EXPECT_THAT(Offer({Map("E0104")}, minutes(20)), IsEmpty());
  EXPECT_THAT(Offer({Map("E0105")}, minutes(21)), ElementsAre("create web"));
}

TEST_F(EventBudgetTest, OfSixtyFiveThousandNodesAboutTwentyWriteAnEvent) {
  std::size_t wrote = 0;
  for (int node = 0; node < 65'000; ++node) {
    EventBudget budget({.sampled = 20.0 / 65'000}, [node] { return node / 65'000.0; });
    const std::vector<EventOffer> offers = {Map("E0104")};
    wrote += budget.Offer(offers, At(minutes(0)), wall_).writes.size();
  }
  EXPECT_EQ(wrote, 20U);
}

TEST_F(EventBudgetTest, AnEventThatExpiredIsMadeAnew) {
  EXPECT_THAT(Offer({Pod("front")}, minutes(0)), SizeIs(1));
  fail_ = gone_ = true;
  EXPECT_THAT(Offer({Pod("front")}, minutes(45)), ElementsAre("patch front 2"));
  fail_ = false;
  EXPECT_THAT(Offer({Pod("front")}, minutes(61)), ElementsAre("create front"));
}

TEST_F(EventBudgetTest, ARefusedCreateIsNotRepeatedBeforeTheHour) {
  fail_ = true;
  EXPECT_THAT(Offer({Pod("front")}, minutes(0)), SizeIs(1));
  EXPECT_THAT(Offer({Pod("front")}, minutes(1)), IsEmpty());
  fail_ = false;
  EXPECT_THAT(Offer({Pod("front")}, minutes(60)), ElementsAre("create front"));
}

TEST_F(EventBudgetTest, NothingIsRememberedForEver) {
  for (int i = 0; i < 1'000; ++i) static_cast<void>(Offer({Pod(std::to_string(i))}, minutes(i)));
  EXPECT_LE(budget_.remembered(), 61U);
  static_cast<void>(Offer({}, hours(30)));
  EXPECT_EQ(budget_.remembered(), 0U);
}

TEST_F(EventBudgetTest, AWallClockThatJumpsNeitherSilencesASeriesNorFreesTheBudget) {
  std::vector<EventOffer> many;
  for (int i = 10; i < 40; ++i) many.push_back(Pod(std::to_string(i)));
  EXPECT_THAT(Offer({Pod("front")}, minutes(0)), ElementsAre("create front"));
  wall_ -= hours(50);
  EXPECT_THAT(Offer({Pod("front")}, minutes(30)), ElementsAre("patch front 2"));
  wall_ += hours(500);
  EXPECT_THAT(Offer(many, minutes(31)), SizeIs(30));
  wall_ += hours(500);
  EXPECT_THAT(Offer(many, minutes(32)), IsEmpty());
}

TEST_F(EventBudgetTest, WhatIsNewIsWrittenBeforeWhatGoesOn) {
  std::vector<EventOffer> offers;
  for (int i = 10; i < 40; ++i) offers.push_back(Pod(std::to_string(i)));
  for (int minute = 0; minute < 60; minute += 10) {
    EXPECT_LE(Offer(offers, minutes(minute)).size(), 30U);
  }
  offers.push_back(Pod("new"));
  EXPECT_THAT(Offer(offers, minutes(60)), testing::Contains("create new"))
      << "thirty series of which ten are due to be patched";
}

// Three days of containers that come wrong and go, of answers that fail, and of a wall clock that
// is set: never more than ten requests in ten minutes, one new Event an object and hour, and
// nothing that stays wrong goes unsaid for long.
TEST_F(EventBudgetTest, DaysOfViolationsKeepTheBudgetAndNothingThatStaysWrongGoesUnsaid) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    std::mt19937_64 random(seed);
    const auto chance = [&random] { return std::uniform_real_distribution<double>(0, 1)(random); };
    EventBudget budget({}, chance);
    std::map<std::string, minutes> wrong_since;
    std::map<std::string, minutes> last_created;
    std::map<std::string, minutes> last_said;
    std::deque<minutes> writes;
    for (minutes now{0}; now < hours(72); now += minutes(1)) {
      if (chance() < 0.05) wall_ += minutes(static_cast<int>((chance() - 0.5) * 6'000));
      if (chance() < 0.3) wrong_since.try_emplace(std::to_string(random() % 50), now);
      if (chance() < 0.3) wrong_since.erase(std::to_string(random() % 50));
      std::vector<EventOffer> offers;
      for (const auto& [name, since] : wrong_since) offers.push_back(Pod(name));
      for (const EventWrite& write : budget.Offer(offers, At(now), wall_).writes) {
        writes.push_back(now);
        const std::string& name = write.note.target.name;
        last_said[name] = now;
        if (write.count == 0) {
          const auto last = last_created.find(name);
          if (last != last_created.end()) {
            ASSERT_GE(now - last->second, hours(1)) << name;
          }
          last_created[name] = now;
        }
        const double answer = chance();
        if (answer < 0.9) budget.Written(write, At(now));
        if (answer >= 0.9) budget.Failed(write, answer > 0.95, At(now));
      }
      while (!writes.empty() && now - writes.front() >= minutes(10)) writes.pop_front();
      ASSERT_LE(writes.size(), 10U) << "seed " << seed;
      for (const auto& [name, since] : wrong_since) {
        // A refused or expired Event waits for its hour, and for one window.
        const auto said = last_said.find(name);
        const minutes last = said == last_said.end() ? since : std::max(said->second, since);
        ASSERT_LE(now - last, hours(1) + minutes(10)) << name << ", seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace seccompd::kube
