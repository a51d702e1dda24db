// SPDX-License-Identifier: Apache-2.0
#include "common/kube/event_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace seccompd::kube {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

base::WallTime At(std::chrono::milliseconds t) { return base::WallTime(hours(1'000) + t); }

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
    const EventDecision decision = budget_.Offer(offers, At(time));
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
    wrote += budget.Offer(offers, At(minutes(0))).writes.size();
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

TEST_F(EventBudgetTest, AClockThatIsSetBackDoesNotSilenceIt) {
  EXPECT_THAT(Offer({Pod("front")}, hours(50)), SizeIs(1));
  EXPECT_THAT(Offer({}, hours(0)), IsEmpty());
  EXPECT_THAT(Offer({Pod("front")}, minutes(1)), ElementsAre("create front"));
}

}  // namespace
}  // namespace seccompd::kube
