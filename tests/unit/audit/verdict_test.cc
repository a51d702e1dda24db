// SPDX-License-Identifier: Apache-2.0
#include "common/audit/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

JudgeOptions Options() {
  JudgeOptions options;
  options.now = Now();
  return options;
}

// A named container of one pod that asks `asked`, with these processes.
struct Scene {
  explicit Scene(Asked asked, std::vector<ObservedProcess> processes)
      : pod(MakePod({MakeContainer("app", "aa", asked)})),
        observation(MakeObservation("aa", std::move(processes))) {}

  [[nodiscard]] Subject AsSubject(Naming naming = Naming::kNamed) const {
    return {naming, &pod, &pod.containers[0], &observation, pod.containers[0].asked};
  }
  [[nodiscard]] Judgement Judged(const InstalledView& installed = {}) const {
    return Judge(AsSubject(), installed, Options());
  }

  PodWorkload pod;
  Observation observation;
};

// "filtered", "not_enforced(privileged)!": an exclamation mark is an alarm.
std::string Show(const Judgement& judgement) {
  std::string text(VerdictName(judgement.verdict));
  if (judgement.reason != Reason::kNone) {
    text += "(" + std::string(ReasonName(judgement.reason)) + ")";
  }
  return judgement.alarm ? text + "!" : text;
}

std::string Of(const Asked& asked, int mode) {
  return Show(Scene(asked, {MakeProcess(7, mode, hours(1))}).Judged());
}

TEST(Judge, ModeAgainstWhatIsAsked) {
  const Asked unset = {AskedKind::kUnconfined, AskedLevel::kNode, "", false};
  EXPECT_EQ(Of(Localhost("x"), 2), "filtered");
  EXPECT_EQ(Of(Localhost("x"), 1), "not_enforced(strict-mode)!");
  EXPECT_EQ(Of(Localhost("x"), 0), "not_enforced!");
  EXPECT_EQ(Of(RuntimeDefault(), 2), "filtered");
  EXPECT_EQ(Of(RuntimeDefault(), 1), "not_enforced(strict-mode)!");
  EXPECT_EQ(Of(RuntimeDefault(), 0), "not_enforced!");
  EXPECT_EQ(Of(Unconfined(), 2), "stricter(not-asked)");
  EXPECT_EQ(Of(Unconfined(), 1), "stricter(not-asked)");
  EXPECT_EQ(Of(Unconfined(), 0), "unconfined");
  EXPECT_EQ(Of(unset, 2), "stricter(not-asked)");
  EXPECT_EQ(Of(unset, 0), "unconfined");
}

TEST(Judge, PrivilegedDropsTheFilterAndWhatIsLoadedIsAnother) {
  EXPECT_EQ(Of(Localhost("x", true), 0), "not_enforced(privileged)!");
  EXPECT_EQ(Of(RuntimeDefault(true), 0), "not_enforced(privileged)!");
  EXPECT_EQ(Of(Localhost("x", true), 2), "unknown(privileged)!");
  Asked asked = Unconfined();
  asked.privileged = true;
  EXPECT_EQ(Of(asked, 0), "unconfined");
}

TEST(Judge, StatusEvidenceNeverSaysMatch) {
  for (int mode = 0; mode < 3; ++mode) {
    for (const Asked& asked : {Localhost("x"), RuntimeDefault(), Unconfined()}) {
      const Judgement judgement = Scene(asked, {MakeProcess(7, mode, hours(1))}).Judged();
      EXPECT_NE(judgement.verdict, Verdict::kMatch);
      EXPECT_EQ(judgement.evidence, Evidence::kStatus);
    }
  }
}

TEST(Judge, UndecidedAndInvalidAreUnknown) {
  EXPECT_EQ(Of({AskedKind::kUndecided, AskedLevel::kNode, "", false}, 2), "unknown(node-default)!");
  EXPECT_EQ(Of({AskedKind::kInvalid, AskedLevel::kPod, "", false}, 2),
            "unknown(bad-profile-type)!");
}

TEST(Judge, WorstProcessWinsAndIsTheWitness) {
  const Scene scene(Localhost("x"), {MakeProcess(7, 2, hours(2)), MakeProcess(8, 0, hours(1), "sh"),
                                     MakeProcess(9, 0, seconds(5), "later")});
  const Judgement judgement = scene.Judged();
  EXPECT_EQ(Show(judgement), "not_enforced!");
  ASSERT_TRUE(judgement.witness.has_value());
  EXPECT_EQ(judgement.witness->pid, 8);
  EXPECT_EQ(judgement.witness->comm, "sh");
  EXPECT_EQ(judgement.loaded.mode, LoadedMode::kNone);
  EXPECT_EQ(judgement.since, Now() - hours(2));
}

TEST(Judge, UnfilteredAmongSelfSandboxedIsUnconfined) {
  EXPECT_EQ(
      Show(
          Scene(Unconfined(), {MakeProcess(7, 2, hours(1)), MakeProcess(8, 0, hours(1))}).Judged()),
      "unconfined");
}

TEST(Judge, ThreadWithoutFilterIsNotEnforced) {
  ObservedProcess process = MakeProcess(7, 2, hours(1));
  process.process.other_threads = {{.mode = 0, .filters = 0, .no_new_privs = false}};
  const Judgement judgement = Scene(RuntimeDefault(), {process}).Judged();
  EXPECT_EQ(Show(judgement), "not_enforced(thread)!");
  EXPECT_EQ(judgement.loaded.mode, LoadedMode::kNone);
}

TEST(Judge, ThreadWithMoreFiltersIsFiltered) {
  ObservedProcess process = MakeProcess(7, 2, hours(1));
  process.process.other_threads = {{.mode = 2, .filters = 3, .no_new_privs = true}};
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {process}).Judged()), "filtered");
}

TEST(Judge, ZombieLeaderIsJudgedByItsLiveThread) {
  ObservedProcess process = MakeProcess(7, 0, hours(1));
  process.process.state = 'Z';
  process.process.judged_tid = 8;
  const Judgement judgement = Scene(RuntimeDefault(), {process}).Judged();
  EXPECT_EQ(Show(judgement), "not_enforced!");
  EXPECT_EQ(judgement.witness->tid, 8);
}

TEST(Judge, DeadZombieIsNotJudged) {
  ObservedProcess dead = MakeProcess(7, 0, hours(1));
  dead.process.live = false;
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {dead}).Judged()), "unknown(no-process)");
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {dead, MakeProcess(8, 2, hours(1))}).Judged()),
            "filtered");
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {}).Judged()), "unknown(no-process)");
}

TEST(Judge, RuntimesInitWaitsButHidesNobody) {
  ObservedProcess init = MakeProcess(7, 0, seconds(1), "runc:[2:INIT]");
  init.deferred = true;
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {init}).Judged()), "unknown(starting)");
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {MakeProcess(6, 2, hours(1)), init}).Judged()),
            "filtered");
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {MakeProcess(6, 0, hours(1)), init}).Judged()),
            "not_enforced!");
  init.deferred = false;  // ten seconds later the name buys nothing
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {init}).Judged()), "not_enforced!");
}

TEST(Judge, FilteredInPartReadIsUnknown) {
  ObservedProcess process = MakeProcess(7, 2, hours(1));
  process.process.threads_complete = false;
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {process}).Judged()), "unknown(unread)!");
  process.process.seccomp.mode = 0;
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {process}).Judged()), "not_enforced!");
  EXPECT_EQ(Show(Scene(Unconfined(), {process}).Judged()), "unconfined");
}

TEST(Judge, UnseenProcessesLeaveAHoleInTheEvidence) {
  Scene scene(RuntimeDefault(), {MakeProcess(7, 2, hours(1))});
  scene.observation.unseen_processes = 1;
  EXPECT_EQ(Show(scene.Judged()), "unknown(unread)!");
  Scene empty(RuntimeDefault(), {});
  empty.observation.unseen_processes = 4;
  EXPECT_EQ(Show(empty.Judged()), "unknown(no-host-pid)!");
}

TEST(Judge, WithoutHostPidNothingIsKnown) {
  JudgeOptions options = Options();
  options.host_pid = false;
  const Scene scene(RuntimeDefault(), {MakeProcess(7, 2, hours(1))});
  EXPECT_EQ(Show(Judge(scene.AsSubject(), {}, options)), "unknown(no-host-pid)!");
}

TEST(Judge, NotYetNamedIsNoAlarmForAMinute) {
  const auto judge = [](milliseconds age) {
    const Scene scene(RuntimeDefault(), {MakeProcess(7, 2, age)});
    Subject subject = scene.AsSubject(Naming::kNotYetNamed);
    subject.workload = nullptr;
    subject.asked = {};
    return Judge(subject, {}, Options());
  };
  EXPECT_EQ(Show(judge(seconds(60))), "unknown(not-yet-named)");
  EXPECT_EQ(Show(judge(milliseconds(60'001))), "unknown(not-yet-named)!");
  EXPECT_EQ(judge(seconds(1)).loaded.mode, LoadedMode::kFilter);
}

TEST(Judge, UnanimousIsJudgedLikeANamedOne) {
  const Scene scene(RuntimeDefault(), {MakeProcess(7, 0, seconds(20))});
  Subject subject = scene.AsSubject(Naming::kUnanimous);
  subject.workload = nullptr;
  EXPECT_EQ(Show(Judge(subject, {}, Options())), "not_enforced!");
}

TEST(Judge, NoPodRecordIsUnknown) {
  const auto judge = [](std::string uid, milliseconds age, bool pods_known = true) {
    const Observation observation = MakeObservation("aa", {MakeProcess(7, 2, age)}, std::move(uid));
    JudgeOptions options = Options();
    options.pods_known = pods_known;
    return Show(Judge({Naming::kNoPod, nullptr, nullptr, &observation, {}}, {}, options));
  };
  EXPECT_EQ(judge(std::string(kUid), hours(1)), "unknown(no-pod)!");
  EXPECT_EQ(judge(std::string(kUid), seconds(60)), "unknown(no-pod)");
  EXPECT_EQ(judge("", hours(1)), "unknown(no-pod)");
  EXPECT_EQ(judge(std::string(kUid), hours(1), /*pods_known=*/false), "unknown(no-pod)");
}

TEST(Judge, RunningWithoutCgroupIsNotFound) {
  const PodWorkload pod = MakePod({MakeContainer("app", "aa", RuntimeDefault())});
  const Subject subject = {Naming::kNotFound, &pod, &pod.containers[0], nullptr,
                           pod.containers[0].asked};
  const Judgement judgement = Judge(subject, {}, Options());
  EXPECT_EQ(Show(judgement), "unknown(not-found)!");
  EXPECT_FALSE(judgement.since.has_value());
  EXPECT_EQ(judgement.loaded.mode, LoadedMode::kUnseen);
}

TEST(Judge, SandboxedRuntimeClassIsNotApplicable) {
  const auto judge = [](std::string runtime_class, std::vector<ObservedProcess> processes) {
    Scene scene(RuntimeDefault(), std::move(processes));
    scene.pod.runtime_class = std::move(runtime_class);
    return Show(scene.Judged());
  };
  EXPECT_EQ(judge("gvisor", {}), "not_applicable(runtime-class)");
  EXPECT_EQ(judge("gvisor", {MakeProcess(7, 2, hours(1), "runsc-sandbox")}),
            "not_applicable(runtime-class)");
  EXPECT_EQ(judge("gvisor", {MakeProcess(7, 2, hours(1), "exe")}), "not_applicable(runtime-class)");
  EXPECT_EQ(judge("kata-qemu", {MakeProcess(7, 0, hours(1), "qemu-system-x86")}),
            "not_applicable(runtime-class)");
  EXPECT_EQ(judge("gvisor-like", {MakeProcess(7, 0, hours(1), "exe")}), "not_enforced!");
}

TEST(Judge, RuntimeClassIsAHintThatOrdinaryProcessesRefute) {
  Scene scene(RuntimeDefault(), {MakeProcess(7, 0, hours(1), "nginx")});
  scene.pod.runtime_class = "gvisor";
  EXPECT_EQ(Show(scene.Judged()), "not_enforced!");
}

TEST(Judge, DeadProcessOfASandboxesNameDoesNotHideALiveOne) {
  Scene scene(RuntimeDefault(),
              {MakeProcess(7, 0, hours(1), "exe"), MakeProcess(8, 0, hours(1), "nginx")});
  scene.pod.runtime_class = "gvisor";
  scene.observation.processes[0].process.live = false;
  EXPECT_EQ(Show(scene.Judged()), "not_enforced!");
}

TEST(Judge, SandboxClassesAreConfigurable) {
  Scene scene(RuntimeDefault(), {});
  scene.pod.runtime_class = "our-vm";
  JudgeOptions options = Options();
  EXPECT_EQ(Show(Judge(scene.AsSubject(), {}, options)), "unknown(no-process)");
  options.sandbox.classes = {"our-vm"};
  EXPECT_EQ(Show(Judge(scene.AsSubject(), {}, options)), "not_applicable(runtime-class)");
}

InstalledView TwoRevisions() {
  return MakeInstalled("web/api.json", {.state = ProfileState::kInstalled,
                                        .on_disk = true,
                                        .revisions = {MakeRevision(8, hours(24), "old"),
                                                      MakeRevision(9, hours(1), "new")}});
}

TEST(Judge, FilterOlderThanTheRevisionInForceIsStale) {
  const Judgement judgement =
      Scene(Localhost("web/api.json"), {MakeProcess(7, 2, hours(2))}).Judged(TwoRevisions());
  EXPECT_EQ(Show(judgement), "stale(old-revision)!");
  EXPECT_EQ(judgement.asked_revision, 9U);
  EXPECT_EQ(judgement.asked_digest, base::Sha256("bytes of new"));
  EXPECT_EQ(judgement.loaded.revision, 8U);
  EXPECT_EQ(judgement.why, "loaded r8, r9 is in force: restart");
}

TEST(Judge, YoungProcessInAnOldContainerIsStaleToo) {
  EXPECT_EQ(Show(Scene(Localhost("web/api.json"),
                       {MakeProcess(7, 2, hours(2)), MakeProcess(8, 2, seconds(3))})
                     .Judged(TwoRevisions())),
            "stale(old-revision)!");
}

TEST(Judge, StartWithinTenSecondsOfAnInstallIsARace) {
  EXPECT_EQ(Show(Scene(Localhost("web/api.json"), {MakeProcess(7, 2, hours(1) + seconds(3))})
                     .Judged(TwoRevisions())),
            "unknown(race)!");
  EXPECT_EQ(Show(Scene(Localhost("web/api.json"), {MakeProcess(7, 2, hours(1) - seconds(3))})
                     .Judged(TwoRevisions())),
            "unknown(race)!");
  EXPECT_EQ(Show(Scene(Localhost("web/api.json"), {MakeProcess(7, 2, hours(1) - seconds(10))})
                     .Judged(TwoRevisions())),
            "filtered");
}

TEST(Judge, OlderThanTheLedgerIsUnknown) {
  const InstalledView installed =
      MakeInstalled("a.json", {.state = ProfileState::kInstalled,
                               .on_disk = true,
                               .revisions = {MakeRevision(1, hours(1), "a")}});
  EXPECT_EQ(Show(Scene(Localhost("a.json"), {MakeProcess(7, 2, hours(2))}).Judged(installed)),
            "unknown(before-ledger)!");
}

TEST(Judge, NotEnforcedIsWorseThanStale) {
  EXPECT_EQ(
      Show(Scene(Localhost("web/api.json"), {MakeProcess(7, 0, hours(2))}).Judged(TwoRevisions())),
      "not_enforced!");
}

TEST(Judge, RuntimeDefaultIsNeverStale) {
  EXPECT_EQ(Show(Scene(RuntimeDefault(), {MakeProcess(7, 2, hours(48))}).Judged(TwoRevisions())),
            "filtered");
}

TEST(Judge, FilteredSaysWhereTheFileIsForeignOrGone) {
  const Scene scene(Localhost("a.json"), {MakeProcess(7, 2, hours(1))});
  EXPECT_EQ(scene.Judged({}).why, "");
  EXPECT_EQ(scene.Judged(TwoRevisions()).why, "no such profile any more");
  const InstalledView foreign =
      MakeInstalled("a.json", {.state = ProfileState::kForeign, .on_disk = true, .revisions = {}});
  EXPECT_EQ(scene.Judged(foreign).why, "the file is another tool's");
}

TEST(Judge, FilterFindingReplacesFiltered) {
  const Scene scene(Localhost("x"), {MakeProcess(7, 2, hours(1))});
  const FilterFinding match{
      .pid = 7, .verdict = Verdict::kMatch, .witness = "", .missing = {}, .loaded_revision = 4};
  Judgement judgement = Judge(scene.AsSubject(), {}, Options(), std::span(&match, 1));
  EXPECT_EQ(Show(judgement), "match");
  EXPECT_EQ(judgement.evidence, Evidence::kFilter);
  EXPECT_EQ(judgement.loaded.revision, 4U);
  const FilterFinding weaker{.pid = 7,
                             .verdict = Verdict::kWeaker,
                             .witness = "x86_64 bpf(0,0,0)",
                             .missing = {},
                             .loaded_revision = {}};
  judgement = Judge(scene.AsSubject(), {}, Options(), std::span(&weaker, 1));
  EXPECT_EQ(Show(judgement), "weaker!");
  EXPECT_EQ(judgement.why, "x86_64 bpf(0,0,0)");
}

TEST(Judge, ThreadsAreTalliedByTheProgramNotByWhichProcessItIsTheWorstOf) {
  const Scene scene(Localhost("x"), {MakeProcess(7, 2, hours(1)), MakeProcess(8, 2, hours(1))});
  Observation observation = scene.observation;
  for (ObservedProcess& observed : observation.processes) observed.process.live_threads = 5;
  Subject subject = scene.AsSubject();
  subject.observation = &observation;
  const base::Digest one = base::Sha256("one");
  const base::Digest two = base::Sha256("two");
  std::vector<FilterFinding> findings(2);
  for (FilterFinding& finding : findings) finding.verdict = Verdict::kWeaker;
  findings[0].pid = 7;
  findings[0].fingerprint = one;
  findings[0].same_threads = 5;
  findings[1].pid = 8;
  findings[1].fingerprint = two;
  findings[1].same_threads = 2;
  findings[1].other_threads = {{.fingerprint = one, .threads = 3}};
  EXPECT_EQ(Judge(subject, {}, Options(), findings).threads, (ThreadTally{.total = 10, .same = 8}));
}

TEST(Judge, OneProcessWithoutFilterFindingKeepsTheContainerFiltered) {
  const Scene scene(Localhost("x"), {MakeProcess(7, 2, hours(1)), MakeProcess(8, 2, hours(1))});
  const FilterFinding match{
      .pid = 7, .verdict = Verdict::kMatch, .witness = "", .missing = {}, .loaded_revision = {}};
  const Judgement judgement = Judge(scene.AsSubject(), {}, Options(), std::span(&match, 1));
  EXPECT_EQ(Show(judgement), "filtered");
  EXPECT_EQ(judgement.evidence, Evidence::kStatus);
}

TEST(Judge, FindingsOfOtherContainersDoNotMatter) {
  const Scene scene(Localhost("x"), {MakeProcess(7, 2, hours(1))});
  std::vector<FilterFinding> findings(3);
  findings[0] = {
      .pid = 6, .verdict = Verdict::kWeaker, .witness = "w", .missing = {}, .loaded_revision = {}};
  findings[1] = {
      .pid = 7, .verdict = Verdict::kMatch, .witness = "", .missing = {}, .loaded_revision = {}};
  findings[2] = findings[0];
  findings[2].pid = 8;
  EXPECT_EQ(Show(Judge(scene.AsSubject(), {}, Options(), findings)), "match");
  findings.erase(findings.begin() + 1);
  EXPECT_EQ(Show(Judge(scene.AsSubject(), {}, Options(), findings)), "filtered");
}

TEST(Judge, FilterFindingOfAnUnfilteredProcessIsNotBelieved) {
  const Scene scene(Localhost("x"), {MakeProcess(7, 0, hours(1))});
  const FilterFinding match{
      .pid = 7, .verdict = Verdict::kMatch, .witness = "", .missing = {}, .loaded_revision = {}};
  EXPECT_EQ(Show(Judge(scene.AsSubject(), {}, Options(), std::span(&match, 1))), "not_enforced!");
}

TEST(Judge, ThreadThatDiffersKeepsAMatchFromBeingClaimed) {
  ObservedProcess process = MakeProcess(7, 2, hours(1));
  process.process.other_threads = {{.mode = 2, .filters = 2, .no_new_privs = true}};
  const Scene scene(Localhost("x"), {process});
  const FilterFinding match{
      .pid = 7, .verdict = Verdict::kMatch, .witness = "", .missing = {}, .loaded_revision = {}};
  EXPECT_EQ(Show(Judge(scene.AsSubject(), {}, Options(), std::span(&match, 1))),
            "filtered(thread)");
}

TEST(Verdict, OrderOfBadnessIsTheDesigns) {
  EXPECT_LT(Verdict::kNotEnforced, Verdict::kWeaker);
  EXPECT_LT(Verdict::kWeaker, Verdict::kUnknown);
  EXPECT_LT(Verdict::kUnknown, Verdict::kStale);
  EXPECT_LT(Verdict::kStale, Verdict::kDiffers);
  EXPECT_LT(Verdict::kDiffers, Verdict::kStricter);
  EXPECT_LT(Verdict::kStricter, Verdict::kFiltered);
  EXPECT_LT(Verdict::kFiltered, Verdict::kMatch);
}

TEST(Verdict, NamesAreTheMetricLabelValues) {
  std::vector<std::string_view> names;
  for (const Verdict verdict : kVerdicts) names.push_back(VerdictName(verdict));
  EXPECT_THAT(names, testing::UnorderedElementsAre("match", "filtered", "not_enforced", "weaker",
                                                   "stricter", "differs", "stale", "unconfined",
                                                   "not_applicable", "unknown"));
}

TEST(ReasonName, IsUniqueAndEmptyOnlyForNone) {
  std::set<std::string_view> names;
  const int last = static_cast<int>(Reason::kFilterLimit);
  for (int i = 1; i <= last; ++i) names.insert(ReasonName(static_cast<Reason>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(last));
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(ReasonName(Reason::kNone), "");
}

}  // namespace
}  // namespace seccompd::audit
