// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/document/document.h"

namespace seccompd::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

document::Node Json(std::string_view text) { return *document::ParseJson(text); }

RolloutView View(std::string_view json) { return ViewRollout(Json(json)); }

TEST(ViewRollout, IsDoneWhenEveryWantedNodeHasAReadyPodOfThisVersion) {
  const RolloutView view = View(R"({"metadata":{"generation":4},"status":{"observedGeneration":4,
      "desiredNumberScheduled":3,"updatedNumberScheduled":3,"numberAvailable":3}})");
  EXPECT_TRUE(view.Done());
  EXPECT_EQ(Describe(view), "3 of 3 nodes ready, 3 of this version");
}

TEST(ViewRollout, IsNotDoneWithoutNodesOrWithAnOldVersionOrBeforeTheControllerLooked) {
  EXPECT_FALSE(View(R"({"metadata":{"generation":1},"status":{"observedGeneration":1}})").Done());
  EXPECT_FALSE(View(R"({"metadata":{"generation":2},"status":{"observedGeneration":1,
      "desiredNumberScheduled":3,"updatedNumberScheduled":3,"numberAvailable":3}})")
                   .Done());
  EXPECT_FALSE(View(R"({"metadata":{"generation":1},"status":{"observedGeneration":1,
      "desiredNumberScheduled":3,"updatedNumberScheduled":2,"numberAvailable":3}})")
                   .Done());
  for (const std::string_view json :
       {"{}", "[]", R"({"status":7})", R"({"status":{"desiredNumberScheduled":"3"}})"}) {
    EXPECT_FALSE(View(json).Done()) << json;
  }
}

constexpr std::string_view kEvents = R"({"items":[
  {"type":"Warning","reason":"FailedCreate","count":12,"lastTimestamp":"2026-11-26T10:00:02Z",
   "message":"pods \"seccompd-\" is forbidden: insufficient quota",
   "involvedObject":{"kind":"DaemonSet","name":"seccompd"}},
  {"type":"Warning","reason":"BackOff","lastTimestamp":"2026-11-26T10:00:01Z","message":"a\nb",
   "involvedObject":{"kind":"Pod","name":"seccompd-x7k2p"}},
  {"type":"Normal","reason":"Pulled","message":"x","involvedObject":{"kind":"Pod","name":"seccompd-x7k2p"}},
  {"type":"Warning","reason":"Failed","message":"x","involvedObject":{"kind":"Pod","name":"seccompd-other-x7k2p"}},
  {"type":"Warning"}, 7]})";

TEST(WarningsOf, NamesThoseOfTheDaemonSetAndItsPodsInOrderEachInOneLine) {
  EXPECT_THAT(WarningsOf(Json(kEvents), "seccompd"),
              ElementsAre("BackOff pod/seccompd-x7k2p: a\\x0ab",
                          "FailedCreate daemonset/seccompd: pods \"seccompd-\" is forbidden: "
                          "insufficient quota (12 times)"));
  EXPECT_THAT(WarningsOf(Json("{}"), "seccompd"), IsEmpty());
  EXPECT_THAT(WarningsOf(Json(R"({"items":{}})"), "seccompd"), IsEmpty());
}

TEST(WarningsOf, AFloodIsCutToTheNewest) {
  std::string text = R"({"items":[)";
  for (int i = 0; i < 30; ++i) {
    text += std::string(i == 0 ? "" : ",") + R"({"type":"Warning","reason":"R","lastTimestamp":")" +
            std::to_string(100 + i) + R"(","message":"m)" + std::to_string(i) +
            R"(","involvedObject":{"kind":"DaemonSet","name":"a"}})";
  }
  const auto lines = WarningsOf(Json(text + "]}"), "a");
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_EQ(lines.back(), "R daemonset/a: m29");
}

}  // namespace
}  // namespace seccompd::agent
