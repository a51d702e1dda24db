// SPDX-License-Identifier: Apache-2.0
// Which profiles a container is held against, and whether what it runs under is below the floor.
#include "common/audit/expectation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/audit/policy.h"
#include "common/bpf/compile.h"
#include "common/seccomp/known_default.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"
#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kDenyBpf = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kDenyBpfAndMount = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","mount"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kAllowAll = R"({"defaultAction":"SCMP_ACT_ALLOW"})";
constexpr const char* kPath = "web/api.json";

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable();
  return table;
}
base::Result<bpf::Program> CompileHere(const seccomp::Profile& profile) {
  return bpf::Compile(profile, seccomp::NativeArch());
}
SharedStack Loaded(std::string_view text) {
  const bpf::Stack stack = {*CompileHere(*seccomp::ParseProfile(text).profile)};
  return std::make_shared<const bpf::Stack>(stack);
}
LoadedProcess MakeLoaded(pid_t pid, SharedStack stack) {
  const Reason unknown = stack == nullptr ? Reason::kFilterTorn : Reason::kNone;
  return {.pid = pid,
          .threads = {{.tid = pid, .stack = std::move(stack), .unknown = unknown}},
          .inherited = nullptr};
}
Revision MakeRevision(std::uint32_t number, std::string_view text, std::string_view meaning) {
  return {.number = number,
          .digest = base::Sha256(text),
          .meaning = base::Sha256(meaning),
          .installed_at = {}};
}

// A node with one profile in three revisions; the second and the third mean the same.
class ExpectationTest : public testing::Test {
 protected:
  ExpectationTest() {
    installed_.available = true;
    installed_.profiles[kPath].revisions = {MakeRevision(1, kDenyBpf, "narrow"),
                                            MakeRevision(2, "reworded", "wide"),
                                            MakeRevision(3, kDenyBpfAndMount, "wide")};
    texts_.revision = [this](const std::string&, std::uint32_t number) {
      read_.push_back(number);
      return base::Result<std::string>(std::string(number == 1 ? kDenyBpf : kDenyBpfAndMount));
    };
    texts_.file = [](const std::string& path) -> base::Result<std::string> {
      if (path == "theirs.json") return std::string(kDenyBpf);
      return base::Fail(base::ErrorCode::kNotFound, "no such file");
    };
  }

  Expected For(Asked asked, const Workload* workload = nullptr) {
    Subject subject;
    subject.observation = &observation_;
    subject.workload = workload;
    subject.asked = std::move(asked);
    return expectations_.For(subject);
  }
  static std::vector<std::string> Names(const Expected& expected) {
    std::vector<std::string> names;
    for (const Candidate& candidate : expected.candidates) names.push_back(candidate.name);
    return names;
  }
  std::optional<FloorFinding> Floor(std::string_view floor, std::vector<LoadedProcess> loaded) {
    Meanings meanings({.compile = CompileHere, .table = &Table()});
    return JudgeFloor(observation_, loaded, ParseFloor(floor), expectations_, meanings);
  }

  std::vector<std::uint32_t> read_;
  ProfileTexts texts_;
  RuntimeFacts runtime_{.name = "containerd://1.7.13", .node = {}};
  InstalledView installed_;
  Observation observation_ = MakeObservation("aaaa", {MakeProcess(7, 2, std::chrono::seconds(9))});
  Expectations expectations_{texts_, runtime_, installed_};
};

TEST_F(ExpectationTest, RevisionsAreTriedNewestFirstAndOneMeaningOnce) {
  const Expected expected = For(Localhost(kPath));
  EXPECT_EQ(expected.kind, Expected::Kind::kRevisions);
  EXPECT_THAT(Names(expected), ElementsAre("r3", "r1"));
  EXPECT_THAT(read_, IsEmpty());  // a text is read when it is needed
  EXPECT_TRUE(expected.candidates[1].make().has_value());
  EXPECT_THAT(read_, ElementsAre(1U));
}

TEST_F(ExpectationTest, AnotherToolsFileIsTheOnlyCandidate) {
  installed_.profiles["theirs.json"].state = ProfileState::kForeign;
  const Expected expected = For(Localhost("theirs.json"));
  EXPECT_THAT(Names(expected), ElementsAre("the file"));
  EXPECT_EQ(expected.candidates[0].key, base::Sha256(kDenyBpf));
  EXPECT_EQ(expected.candidates[0].text(), kDenyBpf);
}

TEST_F(ExpectationTest, WhereNothingIsKnownThereIsNoCandidate) {
  installed_.profiles["gone.json"].state = ProfileState::kForeign;
  EXPECT_THAT(For(Localhost("gone.json")).candidates, IsEmpty());
  EXPECT_THAT(For(Localhost("unheard-of.json")).candidates, IsEmpty());
}

TEST_F(ExpectationTest, TheDefaultDependsOnTheCapabilitiesAskedFor) {
  Workload plain = MakeContainer("app", "aaaa", RuntimeDefault());
  Workload admin = plain;
  admin.add_capabilities = {"SYS_ADMIN"};
  const Expected without = For(RuntimeDefault(), &plain);
  const Expected with = For(RuntimeDefault(), &admin);
  ASSERT_EQ(without.candidates.size(), 1U);  // the release is known
  ASSERT_EQ(with.candidates.size(), 1U);
  EXPECT_THAT(without.candidates[0].name, HasSubstr("containerd"));
  EXPECT_NE(without.candidates[0].key, with.candidates[0].key);
  EXPECT_NE(*without.candidates[0].make(), *with.candidates[0].make());
}

TEST_F(ExpectationTest, OfAnUnknownReleaseEveryKnownDefaultIsTriedNewestFirst) {
  runtime_.name = "containerd";
  const Expected expected = For(RuntimeDefault());
  EXPECT_EQ(expected.kind, Expected::Kind::kAny);
  ASSERT_GT(expected.candidates.size(), 1U);
  EXPECT_EQ(expected.candidates.front().name,
            seccomp::DisplayName(seccomp::AllContainerdDefaults().back()));
}

TEST_F(ExpectationTest, WhatABundleTellsStandsForTheDefault) {
  const Told told{.digest = base::Sha256("t"), .profile = *seccomp::ParseProfile(kDenyBpf).profile};
  texts_.told = [&told](const procfs::ContainerRef&) { return &told; };
  const Expected expected = For(RuntimeDefault());
  EXPECT_THAT(Names(expected), ElementsAre("its bundle"));
  EXPECT_EQ(*expected.candidates[0].make(), told.profile);
  EXPECT_FALSE(CandidateOf({.digest = {}, .profile = {}}).make().has_value());
}

TEST_F(ExpectationTest, AFilterThatPermitsWhatTheFloorRefusesIsBelowIt) {
  const auto below = Floor(kPath, {MakeLoaded(7, Loaded(kDenyBpf))});
  ASSERT_TRUE(below.has_value());
  EXPECT_EQ(below->result, FloorResult::kBelow);
  EXPECT_THAT(below->difference, HasSubstr("mount"));
  EXPECT_EQ(Floor(kPath, {MakeLoaded(7, Loaded(kDenyBpfAndMount))})->result, FloorResult::kAbove);
  EXPECT_EQ(Floor("none", {MakeLoaded(7, Loaded(kAllowAll))}), std::nullopt);
}

TEST_F(ExpectationTest, TheWorstProcessDecidesAndNoFilterIsTheWorst) {
  observation_.processes.push_back(MakeProcess(8, 0, std::chrono::seconds(9)));
  EXPECT_EQ(Floor(kPath, {MakeLoaded(7, Loaded(kDenyBpfAndMount))})->result, FloorResult::kBelow);
}

TEST_F(ExpectationTest, WhatCannotBeReadIsNotAboveTheFloor) {
  EXPECT_EQ(Floor(kPath, {})->result, FloorResult::kUnknown);  // filtered, its program not seen
  EXPECT_EQ(Floor(kPath, {MakeLoaded(7, nullptr)})->result, FloorResult::kUnknown);
  EXPECT_EQ(Floor("unheard-of.json", {MakeLoaded(7, Loaded(kDenyBpf))})->result,
            FloorResult::kUnknown);
}

TEST_F(ExpectationTest, BelowTheDefaultMeansBelowEveryDefaultThatItMayBe) {
  runtime_.name = "containerd";
  EXPECT_EQ(Floor("runtime-default", {MakeLoaded(7, Loaded(kAllowAll))})->result,
            FloorResult::kBelow);
  EXPECT_EQ(FloorResultName(FloorResult::kBelow), "below");
  EXPECT_EQ(FloorResultName(FloorResult::kAbove), "above");
  EXPECT_EQ(FloorResultName(FloorResult::kUnknown), "unknown");
}

}  // namespace
}  // namespace seccompd::audit
