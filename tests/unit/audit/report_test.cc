// SPDX-License-Identifier: Apache-2.0
#include "common/audit/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;
using Type = kube::SeccompProfileRef::Type;

kube::Container MakeSpec(std::string name, std::string id,
                         std::optional<kube::SeccompProfileRef> profile = {}) {
  kube::Container container;
  container.name = std::move(name);
  container.container_id = std::move(id);
  container.state = kube::ContainerState::kRunning;
  container.seccomp = std::move(profile);
  return container;
}

kube::Pod MakeSpecPod(std::string name, std::string uid, std::vector<kube::Container> containers) {
  kube::Pod pod;
  pod.meta.namespace_name = "web";
  pod.meta.name = std::move(name);
  pod.meta.uid = std::move(uid);
  pod.phase = "Running";
  pod.containers = std::move(containers);
  return pod;
}

kube::SeccompProfileRef Local(std::string path) { return {Type::kLocalhost, std::move(path)}; }

JudgeOptions Options() {
  JudgeOptions options;
  options.now = Now();
  return options;
}

PassFacts Facts(NodeDefault node_default = NodeDefault::kUnconfined) {
  PassFacts facts;
  facts.node_name = "n1";
  facts.node_default = node_default;
  facts.start = Now();
  facts.end = Now();
  return facts;
}

// An install at `path` one hour ago and another a day ago.
InstalledView Installed(std::string path) {
  return MakeInstalled(std::move(path), {.state = ProfileState::kInstalled,
                                         .on_disk = true,
                                         .revisions = {MakeRevision(1, hours(24), "old"),
                                                       MakeRevision(2, hours(1), "new")}});
}

TEST(MakeReport, FoundIsJudgedUnknownAndNotApplicable) {
  kube::Pod gvisor = MakeSpecPod("sandboxed", "u3", {MakeSpec("c", "cc")});
  gvisor.runtime_class = "gvisor";
  const std::vector<kube::Pod> pods = {
      MakeSpecPod("a", "u1", {MakeSpec("x", "xx", Local("a.json")), MakeSpec("y", "yy")}), gvisor};
  const std::vector<Observation> observations = {
      MakeObservation("xx", {MakeProcess(1, 0, hours(1))}, "u1"),
      MakeObservation("yy", {MakeProcess(2, 0, hours(1))}, "u1"),
      MakeObservation("zz", {MakeProcess(3, 2, hours(1))}, "u9")};
  const Report report = MakeReport(Facts(), pods, observations, {}, Options());
  EXPECT_EQ(report.counts.found, 4U);
  EXPECT_EQ(report.counts.judged, 2U);
  EXPECT_EQ(report.counts.unknown, 1U);
  EXPECT_EQ(report.counts.not_applicable, 1U);
  EXPECT_EQ(report.counts.unresolved, 1U);
  EXPECT_EQ(report.counts.alarms, 2U);
  EXPECT_EQ(report.counts.Of(Verdict::kNotEnforced), 1U);
  EXPECT_EQ(report.counts.Of(Verdict::kUnconfined), 1U);
  EXPECT_TRUE(report.HasFindings());
}

TEST(MakeReport, TheFilterOfASandboxAnswersNoCheckOfItsWorkload) {
  kube::Pod gvisor = MakeSpecPod("sandboxed", "u3", {MakeSpec("c", "cc")});
  gvisor.runtime_class = "gvisor";
  const std::vector<kube::Pod> pods = {MakeSpecPod("a", "u1", {MakeSpec("x", "xx")}), gvisor};
  const std::vector<Observation> observations = {
      MakeObservation("xx", {MakeProcess(1, 2, hours(1))}, "u1"),
      MakeObservation("cc", {MakeProcess(2, 2, hours(1), "runsc-sandbox")}, "u3")};
  const Report report = MakeReport(Facts(), pods, observations, {}, Options(), [](const Subject&) {
    SubjectEvidence evidence;
    evidence.checks = {{.result = bpf::CheckResult::kBlocked, .open = {}}};
    evidence.floor = FloorFinding{};
    return evidence;
  });
  ASSERT_EQ(report.rows.size(), 2U);
  for (const Row& row : report.rows) {
    const bool sandboxed = row.judgement.verdict == Verdict::kNotApplicable;
    EXPECT_EQ(sandboxed, row.pod == "sandboxed");
    EXPECT_EQ(row.checks.empty(), sandboxed);
    EXPECT_EQ(row.floor.has_value(), !sandboxed);
  }
}

TEST(MakeReport, RowsAreWorstFirstThenByName) {
  const std::vector<kube::Pod> pods = {
      MakeSpecPod("b", "u1", {MakeSpec("x", "b1", Local("a.json")), MakeSpec("y", "b2")}),
      MakeSpecPod("a", "u2", {MakeSpec("x", "a1", Local("a.json")), MakeSpec("y", "a2")})};
  const std::vector<Observation> observations = {
      MakeObservation("b1", {MakeProcess(1, 0, hours(1))}, "u1"),
      MakeObservation("b2", {MakeProcess(2, 0, hours(1))}, "u1"),
      MakeObservation("a1", {MakeProcess(3, 0, hours(1))}, "u2"),
      MakeObservation("a2", {MakeProcess(4, 0, hours(1))}, "u2")};
  std::vector<std::string> order;
  for (const Row& row : MakeReport(Facts(), pods, observations, {}, Options()).rows) {
    order.push_back(row.container_id);
  }
  EXPECT_THAT(order, ElementsAre("a1", "b1", "a2", "b2"));
}

TEST(MakeReport, OrderOfTheInputsDoesNotMatter) {
  std::vector<kube::Pod> pods = {MakeSpecPod("b", "u1", {MakeSpec("x", "b1", Local("a.json"))}),
                                 MakeSpecPod("a", "u2", {MakeSpec("x", "a1")})};
  std::vector<Observation> observations = {
      MakeObservation("b1", {MakeProcess(1, 0, hours(1))}, "u1"),
      MakeObservation("q2", {MakeProcess(2, 0, hours(1))}, "u1"),
      MakeObservation("q1", {MakeProcess(3, 0, hours(1))}, ""),
      MakeObservation("a1", {MakeProcess(4, 0, hours(1))}, "u2")};
  const std::string forward = RenderJson(MakeReport(Facts(), pods, observations, {}, Options()));
  std::reverse(pods.begin(), pods.end());
  std::reverse(observations.begin(), observations.end());
  EXPECT_EQ(RenderJson(MakeReport(Facts(), pods, observations, {}, Options())), forward);
}

TEST(MakeReport, AnIncompletePassIsNeverClean) {
  PassFacts facts = Facts();
  EXPECT_FALSE(MakeReport(facts, {}, {}, {}, Options()).HasFindings());
  facts.complete = false;
  EXPECT_TRUE(MakeReport(facts, {}, {}, {}, Options()).HasFindings());
}

TEST(MakeReport, ReferenceToNothingIsAMissingProfile) {
  kube::Container waiting = MakeSpec("app", "", Local("web/tran.json"));
  waiting.state = kube::ContainerState::kWaiting;
  waiting.waiting_reason = "CreateContainerError";
  const std::vector<kube::Pod> pods = {MakeSpecPod("train", "u1", {waiting})};
  const Report report = MakeReport(Facts(), pods, {}, Installed("web/train.json"), Options());
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_EQ(report.findings[0].kind, FindingKind::kMissingProfile);
  EXPECT_EQ(report.findings[0].path, "web/tran.json");
  EXPECT_EQ(report.findings[0].nearest, "web/train.json");
  EXPECT_EQ(report.findings[0].state, "CreateContainerError");
  EXPECT_TRUE(report.HasFindings());
}

TEST(MakeReport, WithoutALedgerNothingIsCalledMissing) {
  const std::vector<kube::Pod> pods = {MakeSpecPod("p", "u1", {MakeSpec("a", "", Local("x"))})};
  EXPECT_THAT(MakeReport(Facts(), pods, {}, {}, Options()).findings, SizeIs(0));
}

TEST(MakeReport, DesiredButNotOnDiskIsPendingOrInvalid) {
  const std::vector<kube::Pod> pods = {MakeSpecPod("p", "u1", {MakeSpec("a", "", Local("x"))})};
  const auto kind = [&](ProfileState state, bool on_disk) -> std::string {
    const InstalledView view =
        MakeInstalled("x", {.state = state, .on_disk = on_disk, .revisions = {}});
    const Report report = MakeReport(Facts(), pods, {}, view, Options());
    return report.findings.empty() ? "" : std::string(FindingKindName(report.findings[0].kind));
  };
  EXPECT_EQ(kind(ProfileState::kInvalid, false), "invalid_profile");
  EXPECT_EQ(kind(ProfileState::kPending, false), "pending_profile");
  EXPECT_EQ(kind(ProfileState::kInvalid, true), "");
  EXPECT_EQ(kind(ProfileState::kForeign, true), "");
}

TEST(MakeReport, EndedPodsAndInitContainersNeedNoProfileAnyMore) {
  kube::Container init = MakeSpec("init", "ii", Local("gone.json"));
  init.kind = kube::ContainerKind::kInit;
  init.state = kube::ContainerState::kTerminated;
  kube::Pod done = MakeSpecPod("job", "u2", {MakeSpec("a", "aa", Local("gone.json"))});
  done.phase = "Succeeded";
  const std::vector<kube::Pod> pods = {MakeSpecPod("p", "u1", {init}), done};
  EXPECT_THAT(MakeReport(Facts(), pods, {}, Installed("x"), Options()).findings, SizeIs(0));
}

std::vector<std::string> RestartsOf(std::string owner, std::string ns = "web") {
  kube::Pod pod = MakeSpecPod("front-0", "u1", {MakeSpec("a", "aa", Local("web/f.json"))});
  pod.owner = std::move(owner);
  pod.meta.namespace_name = std::move(ns);
  const std::vector<Observation> observations = {
      MakeObservation("aa", {MakeProcess(1, 2, hours(2))}, "u1")};
  std::vector<std::string> commands;
  for (const RestartHint& hint :
       MakeReport(Facts(), std::span(&pod, 1), observations, Installed("web/f.json"), Options())
           .restarts) {
    commands.push_back(hint.command);
  }
  return commands;
}

TEST(MakeReport, StaleContainersComeWithTheCommandThatHealsThem) {
  EXPECT_THAT(RestartsOf("Deployment/front"),
              ElementsAre("kubectl -n web rollout restart deploy/front"));
  EXPECT_THAT(RestartsOf("StatefulSet/front"),
              ElementsAre("kubectl -n web rollout restart sts/front"));
  EXPECT_THAT(RestartsOf("DaemonSet/front"),
              ElementsAre("kubectl -n web rollout restart ds/front"));
  EXPECT_THAT(RestartsOf("ReplicaSet/front-1"), ElementsAre("kubectl -n web delete pod front-0"));
  EXPECT_THAT(RestartsOf(""), ElementsAre());
  EXPECT_THAT(RestartsOf("Node/n1"), ElementsAre());
}

TEST(MakeReport, NoCommandHoldsANameThatAShellWouldObey) {
  EXPECT_THAT(RestartsOf("Deployment/$(reboot)"), ElementsAre());
  EXPECT_THAT(RestartsOf("Deployment/-x"), ElementsAre());
  EXPECT_THAT(RestartsOf("Deployment/a;b"), ElementsAre());
  EXPECT_THAT(RestartsOf("Deployment/front", "web\nrm"), ElementsAre());
  EXPECT_THAT(RestartsOf("Deployment/"), ElementsAre());
}

TEST(MakeReport, TwoPodsOfOneOwnerNeedOneRestart) {
  std::vector<kube::Pod> pods = {
      MakeSpecPod("front-a", "u1", {MakeSpec("a", "aa", Local("web/f.json"))}),
      MakeSpecPod("front-b", "u2", {MakeSpec("a", "bb", Local("web/f.json"))})};
  for (kube::Pod& pod : pods) pod.owner = "Deployment/front";
  const std::vector<Observation> observations = {
      MakeObservation("aa", {MakeProcess(1, 2, hours(2))}, "u1"),
      MakeObservation("bb", {MakeProcess(2, 2, hours(2))}, "u2")};
  EXPECT_THAT(MakeReport(Facts(), pods, observations, Installed("web/f.json"), Options()).restarts,
              SizeIs(1));
}

// Pods of one unset container each, whose first process has this mode.
NodeDefault Infer(std::vector<int> modes, int containers_per_pod = 1) {
  std::vector<kube::Pod> pods;
  std::vector<Observation> observations;
  for (std::size_t i = 0; i < modes.size(); ++i) {
    const std::string id = "c" + std::to_string(i);
    const std::string uid = "u" + std::to_string(static_cast<int>(i) / containers_per_pod);
    if (pods.empty() || pods.back().meta.uid != uid) pods.push_back(MakeSpecPod(uid, uid, {}));
    pods.back().containers.push_back(MakeSpec(id, id));
    observations.push_back(MakeObservation(
        id, {MakeProcess(1, modes[i], hours(1)), MakeProcess(2, 2, seconds(5))}, uid));
  }
  return InferNodeDefault(pods, observations);
}

TEST(InferNodeDefault, ThreeAgreeingContainersInTwoPodsDecide) {
  EXPECT_EQ(Infer({2, 2, 2}), NodeDefault::kRuntimeDefault);
  EXPECT_EQ(Infer({0, 0, 0}), NodeDefault::kUnconfined);
  EXPECT_EQ(Infer({0, 0, 0, 0}, 2), NodeDefault::kUnconfined);
}

TEST(InferNodeDefault, FewOrDisagreeingContainersDoNot) {
  EXPECT_EQ(Infer({}), NodeDefault::kUndecided);
  EXPECT_EQ(Infer({0, 0}), NodeDefault::kUndecided);
  EXPECT_EQ(Infer({0, 0, 0}, 3), NodeDefault::kUndecided);
  EXPECT_EQ(Infer({0, 0, 2}), NodeDefault::kUndecided);
}

TEST(InferNodeDefault, PrivilegedSetSandboxedAndDeferredOnesTellNothing) {
  std::vector<kube::Pod> pods;
  std::vector<Observation> observations;
  for (int i = 0; i < 4; ++i) {
    const std::string id = "c" + std::to_string(i);
    pods.push_back(MakeSpecPod(id, id, {MakeSpec("a", id)}));
    observations.push_back(MakeObservation(id, {MakeProcess(1, 0, hours(1))}, id));
  }
  ASSERT_EQ(InferNodeDefault(pods, observations), NodeDefault::kUnconfined);
  pods[0].containers[0].privileged = true;
  ASSERT_EQ(InferNodeDefault(pods, observations), NodeDefault::kUnconfined);
  pods[1].containers[0].seccomp = Local("x");
  EXPECT_EQ(InferNodeDefault(pods, observations), NodeDefault::kUndecided);
  pods[1].containers[0].seccomp.reset();
  pods[1].runtime_class = "gvisor";
  EXPECT_EQ(InferNodeDefault(pods, observations), NodeDefault::kUndecided);
  pods[1].runtime_class = "";
  observations[1].processes[0].deferred = true;
  EXPECT_EQ(InferNodeDefault(pods, observations), NodeDefault::kUndecided);
}

TEST(MakeReport, UndecidedNodeDefaultIsInferred) {
  std::vector<kube::Pod> pods;
  std::vector<Observation> observations;
  for (int i = 0; i < 3; ++i) {
    const std::string id = "c" + std::to_string(i);
    pods.push_back(MakeSpecPod(id, id, {MakeSpec("a", id)}));
    observations.push_back(MakeObservation(id, {MakeProcess(1, 2, hours(1))}, id));
  }
  const Report report =
      MakeReport(Facts(NodeDefault::kUndecided), pods, observations, {}, Options());
  EXPECT_EQ(report.facts.node_default, NodeDefault::kRuntimeDefault);
  EXPECT_TRUE(report.facts.node_default_inferred);
  EXPECT_EQ(report.counts.Of(Verdict::kFiltered), 3U);
}

std::string Nearest(std::string_view path, std::vector<std::string> existing) {
  InstalledView view;
  view.available = true;
  for (std::string& name : existing) view.profiles.emplace(std::move(name), InstalledProfile{});
  return NearestPath(path, view);
}

TEST(NearestPath, FindsWhatWasProbablyMeant) {
  EXPECT_EQ(Nearest("web/tran.json", {"web/train.json", "ml/x.json"}), "web/train.json");
  EXPECT_EQ(Nearest("localhost/profiles/a.json", {"profiles/a.json"}), "profiles/a.json");
  EXPECT_EQ(Nearest("profiles/audit", {"profiles/audit.json"}), "profiles/audit.json");
  EXPECT_EQ(Nearest("profiles/audit.json", {"seccompd/audit.json", "x/y.json"}),
            "seccompd/audit.json");
}

TEST(NearestPath, SaysNothingRatherThanAnything) {
  EXPECT_EQ(Nearest("web/api.json", {"ml/train.json"}), "");
  EXPECT_EQ(Nearest("", {"ml/train.json"}), "");
  EXPECT_EQ(Nearest(std::string(2'000, 'a'), {std::string(2'000, 'a')}), "");
}

TEST(NearestPath, NeverPointsAtWhatIsNotOnDisk) {
  const InstalledView view = MakeInstalled(
      "web/train.json", {.state = ProfileState::kInvalid, .on_disk = false, .revisions = {}});
  EXPECT_EQ(NearestPath("web/tran.json", view), "");
}

}  // namespace
}  // namespace seccompd::audit
