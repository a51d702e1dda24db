// SPDX-License-Identifier: Apache-2.0
#include "common/audit/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

// "named app=aa", "pause =pp", "unanimous =xx", "not-found app=".
std::vector<std::string> Show(std::vector<PodWorkload> pods,
                              std::vector<Observation> observations) {
  std::vector<std::string> shown;
  for (const Subject& subject : Resolve(pods, observations)) {
    std::string text(NamingName(subject.naming));
    text += " " + (subject.workload != nullptr ? subject.workload->name : std::string()) + "=";
    if (subject.observation != nullptr) text += subject.observation->ref.container_id;
    shown.push_back(text);
  }
  return shown;
}

Observation Pause(seconds age, std::string comm = "pause") {
  return MakeObservation("pp", {MakeProcess(1, 2, age, std::move(comm))});
}
Observation Seen(std::string id, seconds age, std::string comm = "app") {
  return MakeObservation(std::move(id), {MakeProcess(2, 2, age, std::move(comm))});
}

TEST(Resolve, JoinsByPodUidAndContainerId) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "aa", RuntimeDefault()),
                             MakeContainer("proxy", "bb", Unconfined())})},
                   {Seen("bb", seconds(50)), Seen("aa", seconds(60))}),
              ElementsAre("named app=aa", "named proxy=bb"));
}

TEST(Resolve, SameIdInAnotherPodOrOutsidePodsIsNotJoined) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "aa", RuntimeDefault())})},
                   {MakeObservation("aa", {MakeProcess(1, 2, seconds(9))}, ""),
                    MakeObservation("aa", {MakeProcess(1, 2, seconds(9))}, "other-uid")}),
              ElementsAre("not-found app=", "no-pod =aa", "no-pod =aa"));
}

TEST(Resolve, PauseIsTheOldestUnnamedOne) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "aa", Localhost("x"))})},
                   {Pause(seconds(70)), Seen("aa", seconds(60))}),
              ElementsAre("named app=aa", "pause =pp"));
}

TEST(Resolve, PauseIsKnownByItsNameBeforeTheStatusNamesAnything) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "", Localhost("x"))})},
                   {Pause(seconds(3)), Seen("aa", seconds(2))}),
              ElementsAre("pause =pp", "unanimous =aa"));
}

TEST(Resolve, PauseOfAnyNameIsKnownOnceAllOthersAreNamed) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "aa", Localhost("x"))})},
                   {Pause(seconds(70), "custom"), Seen("aa", seconds(60))}),
              ElementsAre("named app=aa", "pause =pp"));
}

TEST(Resolve, OldestUnnamedOfAnotherNameMayStillBeAWorkload) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "", Localhost("x")),
                             MakeContainer("proxy", "", Unconfined())})},
                   {Seen("aa", seconds(3), "nginx")}),
              ElementsAre("not-yet-named =aa"));
}

TEST(Resolve, NameOfAPauseProgramDoesNotMakeAYoungerContainerThePause) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "aa", Localhost("x"))})},
                   {Seen("aa", seconds(60)), Seen("zz", seconds(5), "pause")}),
              ElementsAre("named app=aa", "unanimous =zz"));
}

TEST(Resolve, TwoEquallyOldContainersNameNoPause) {
  EXPECT_THAT(Show({MakePod({MakeContainer("app", "", Localhost("x"))})},
                   {Seen("aa", seconds(5), "pause"), Seen("bb", seconds(5), "pause")}),
              ElementsAre("unanimous =aa", "unanimous =bb"));
}

TEST(Resolve, FinishedInitContainerDoesNotHideThePause) {
  Workload init = MakeContainer("init", "ii", Localhost("x"));
  init.kind = WorkloadKind::kInit;
  init.state = kube::ContainerState::kTerminated;
  EXPECT_THAT(Show({MakePod({init, MakeContainer("app", "aa", Unconfined())})},
                   {Pause(seconds(70), "custom"), Seen("aa", seconds(60))}),
              ElementsAre("named app=aa", "pause =pp"));
}

TEST(Resolve, UnanimousNeedsSameKindPathAndPrivilege) {
  const auto naming = [](Asked a, Asked b) {
    return Show({MakePod(
                    {MakeContainer("a", "", std::move(a)), MakeContainer("b", "", std::move(b))})},
                {Seen("aa", seconds(5))})
        .front();
  };
  EXPECT_EQ(naming(Localhost("x"), Localhost("x")), "unanimous =aa");
  EXPECT_EQ(naming(Localhost("x"), Localhost("y")), "not-yet-named =aa");
  EXPECT_EQ(naming(RuntimeDefault(), RuntimeDefault(true)), "not-yet-named =aa");
  EXPECT_EQ(naming(RuntimeDefault(), Unconfined()), "not-yet-named =aa");
  Asked by_pod = RuntimeDefault();
  by_pod.level = AskedLevel::kContainer;
  EXPECT_EQ(naming(RuntimeDefault(), by_pod), "unanimous =aa");
}

TEST(Resolve, OnlyWhatRunsByTheStatusCanBeNotFound) {
  Workload waiting = MakeContainer("w", "ww", Localhost("x"));
  waiting.state = kube::ContainerState::kWaiting;
  Workload ended = MakeContainer("t", "tt", Localhost("x"));
  ended.state = kube::ContainerState::kTerminated;
  EXPECT_THAT(Show({MakePod({MakeContainer("new", "", Localhost("x")), waiting, ended,
                             MakeContainer("app", "aa", Localhost("x"))})},
                   {}),
              ElementsAre("not-found app="));
  PodWorkload done = MakePod({MakeContainer("app", "aa", Localhost("x"))});
  done.ended = true;
  EXPECT_THAT(Show({done}, {}), ElementsAre());
}

TEST(Resolve, PodWithoutUidMatchesNothing) {
  PodWorkload pod = MakePod({MakeContainer("app", "aa", Localhost("x"))});
  pod.uid = "";
  EXPECT_THAT(Show({pod}, {MakeObservation("aa", {MakeProcess(1, 2, seconds(9))}, "")}),
              ElementsAre("not-found app=", "no-pod =aa"));
}

TEST(Resolve, EveryObservationIsInExactlyOneSubject) {
  const std::vector<Observation> observations = {
      Pause(seconds(70)), Seen("aa", seconds(60)), Seen("xx", seconds(5)),
      MakeObservation("dd", {}, ""), MakeObservation("ee", {}, "other")};
  const std::vector<PodWorkload> pods = {MakePod({MakeContainer("app", "aa", Unconfined())})};
  std::vector<const Observation*> seen;
  for (const Subject& subject : Resolve(pods, observations)) seen.push_back(subject.observation);
  EXPECT_THAT(seen,
              testing::UnorderedElementsAre(&observations[0], &observations[1], &observations[2],
                                            &observations[3], &observations[4]));
}

}  // namespace
}  // namespace seccompd::audit
