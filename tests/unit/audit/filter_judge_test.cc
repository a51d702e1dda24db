// SPDX-License-Identifier: Apache-2.0
#include "common/audit/filter_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/audit/expectation.h"
#include "common/bpf/compile.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"

namespace seccompd::audit {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kDenyBpf = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kDenyBpfAndMount = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","mount"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kAllowAll = R"({"defaultAction":"SCMP_ACT_ALLOW"})";

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable();
  return table;
}

base::Result<bpf::Program> CompileHere(const seccomp::Profile& profile) {
  return bpf::Compile(profile, seccomp::NativeArch());
}

seccomp::Profile Parse(std::string_view text) { return *seccomp::ParseProfile(text).profile; }
bpf::Program Compiled(std::string_view text) { return *CompileHere(Parse(text)); }

SharedStack Stack(bpf::Stack stack) { return std::make_shared<const bpf::Stack>(std::move(stack)); }

Candidate MakeCandidate(std::string_view text, std::uint32_t revision) {
  return {.key = base::Sha256(text),
          .revision = revision,
          .name = "r" + std::to_string(revision),
          .make = [text]() -> base::Result<seccomp::Profile> { return Parse(text); }};
}

LoadedProcess Process(SharedStack stack) {
  return {.pid = 7,
          .threads = {{.tid = 7, .stack = std::move(stack), .unknown = Reason::kNone}},
          .inherited = nullptr};
}

// r2 is in force, r1 came before.
Expected TwoRevisions() {
  return {.kind = Expected::Kind::kRevisions,
          .candidates = {MakeCandidate(kDenyBpfAndMount, 2), MakeCandidate(kDenyBpf, 1)}};
}

class JudgeLoadedTest : public testing::Test {
 protected:
  FilterFinding Judge(const LoadedProcess& process, const Expected& expected) {
    return JudgeLoaded(process, expected, meanings_);
  }
  FilterFinding Judge(std::string_view loaded) {
    return Judge(Process(Stack({Compiled(loaded)})), TwoRevisions());
  }
  Meanings meanings_{{.compile = CompileHere, .table = &Table()}};
};

TEST_F(JudgeLoadedTest, ProgramOfTheRevisionInForceMatches) {
  const FilterFinding finding = Judge(kDenyBpfAndMount);
  EXPECT_EQ(finding.verdict, Verdict::kMatch);
  EXPECT_EQ(finding.loaded_revision, 2U);
  EXPECT_TRUE(finding.fingerprint.has_value());
  EXPECT_TRUE(finding.all_threads);
}

TEST_F(JudgeLoadedTest, ProgramOfAnEarlierRevisionIsStaleAndSaysWhatIsMissing) {
  const FilterFinding finding = Judge(kDenyBpf);
  EXPECT_EQ(finding.verdict, Verdict::kStale);
  EXPECT_EQ(finding.loaded_revision, 1U);
  EXPECT_EQ(finding.missing, Verdict::kWeaker);
  EXPECT_THAT(finding.witness, StartsWith("permits mount(*)"));
}

TEST_F(JudgeLoadedTest, ProgramOfNoRevisionIsComparedWithTheOneInForce) {
  const FilterFinding finding = Judge(kAllowAll);
  EXPECT_EQ(finding.verdict, Verdict::kWeaker);
  EXPECT_THAT(finding.witness, HasSubstr("ALLOW instead of ERRNO(1)"));
  EXPECT_EQ(finding.loaded_revision, std::nullopt);
}

TEST_F(JudgeLoadedTest, FiltersOfTheWorkloadOnTopLeaveAMatch) {
  const bpf::Stack stack = {Compiled(kDenyBpfAndMount), Compiled(kDenyBpf)};
  const FilterFinding finding = Judge(Process(Stack(stack)), TwoRevisions());
  EXPECT_EQ(finding.verdict, Verdict::kMatch);
  EXPECT_EQ(finding.own_filters, 1U);
}

TEST_F(JudgeLoadedTest, FiltersOfTheRuntimeItselfAreNotTheContainers) {
  const bpf::Program shim = Compiled(kAllowAll);
  LoadedProcess process = Process(Stack({shim, Compiled(kDenyBpfAndMount)}));
  process.inherited = Stack({shim});
  EXPECT_EQ(Judge(process, TwoRevisions()).verdict, Verdict::kMatch);
  process = Process(Stack({shim}));
  process.inherited = Stack({shim});
  const FilterFinding finding = Judge(process, TwoRevisions());
  EXPECT_EQ(finding.verdict, Verdict::kNotEnforced);
  EXPECT_EQ(finding.reason, Reason::kInherited);
}

TEST_F(JudgeLoadedTest, WorstThreadDecides) {
  LoadedProcess process = Process(Stack({Compiled(kDenyBpfAndMount)}));
  process.threads.push_back(
      {.tid = 9, .stack = Stack({Compiled(kAllowAll)}), .unknown = Reason::kNone});
  process.threads.push_back({.tid = 8, .stack = nullptr, .unknown = Reason::kFilterTorn});
  FilterFinding finding = Judge(process, TwoRevisions());
  EXPECT_EQ(finding.verdict, Verdict::kWeaker);
  EXPECT_EQ(finding.tid, 9);
  process.threads.erase(process.threads.begin() + 1);
  finding = Judge(process, TwoRevisions());
  EXPECT_EQ(finding.verdict, Verdict::kUnknown);
  EXPECT_EQ(finding.reason, Reason::kFilterTorn);
}

TEST_F(JudgeLoadedTest, WithoutTheProfilesTextNothingMatches) {
  const FilterFinding finding =
      Judge(Process(Stack({Compiled(kDenyBpf)})), Expected{.candidates = {}});
  EXPECT_EQ(finding.verdict, Verdict::kUnknown);
  EXPECT_EQ(finding.reason, Reason::kNoProfileText);
  Expected expected;
  expected.candidates.push_back({.key = base::Sha256("x"),
                                 .revision = 1,
                                 .name = "r1",
                                 .make = []() -> base::Result<seccomp::Profile> {
                                   return base::Fail(base::ErrorCode::kNotFound, "not kept");
                                 }});
  const FilterFinding missing = Judge(Process(Stack({Compiled(kDenyBpf)})), expected);
  EXPECT_EQ(missing.reason, Reason::kNoProfileText);
  EXPECT_EQ(missing.witness, "not kept");
}

TEST_F(JudgeLoadedTest, AnyKnownDefaultIsAMatchThatNamesItAndNoneIsUnknown) {
  Expected any = TwoRevisions();
  any.kind = Expected::Kind::kAny;
  FilterFinding finding = Judge(Process(Stack({Compiled(kDenyBpf)})), any);
  EXPECT_EQ(finding.verdict, Verdict::kMatch);
  EXPECT_EQ(finding.same_as, "r1");
  finding = Judge(Process(Stack({Compiled(kAllowAll)})), any);
  EXPECT_EQ(finding.verdict, Verdict::kUnknown);
  EXPECT_EQ(finding.reason, Reason::kRuntimeVersion);
}

TEST_F(JudgeLoadedTest, HostileProgramIsUndecidedNeverAMatch) {
  Meanings small(
      {.compile = CompileHere, .table = &Table(), .limits = {.nodes = 400'000, .operations = 20}});
  const FilterFinding finding =
      JudgeLoaded(Process(Stack({Compiled(kDenyBpfAndMount)})), TwoRevisions(), small);
  EXPECT_EQ(finding.verdict, Verdict::kUnknown);
  EXPECT_NE(finding.reason, Reason::kNone);
}

TEST_F(JudgeLoadedTest, EachPairIsComparedOnceWhileItIsAskedFor) {
  const SharedStack stack = Stack({Compiled(kAllowAll)});
  for (int pass = 0; pass < 3; ++pass) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(Judge(Process(stack), TwoRevisions()).verdict, Verdict::kWeaker);
    }
    meanings_.EndPass();
  }
  EXPECT_EQ(meanings_.compared(), 2U);  // with r2 and with r1
  EXPECT_EQ(meanings_.profiles(), 2U);
  meanings_.EndPass();  // nobody asked
  EXPECT_EQ(meanings_.profiles() + meanings_.stacks() + meanings_.pairs(), 0U);
}

// What runc does: calls above the highest one that the profile names get ENOSYS, not its default.
TEST_F(JudgeLoadedTest, RuncsEnosysAboveTheLastCallIsNoDifferenceBelowItIsOne) {
  constexpr std::string_view kList = R"({"defaultAction":"SCMP_ACT_ERRNO",
    "syscalls":[{"names":["read","statx"],"action":"SCMP_ACT_ALLOW"}]})";
  const Expected expected{.candidates = {MakeCandidate(kList, 1)}};
  const auto last = static_cast<std::uint32_t>(*Table().Number(seccomp::NativeArch(), "statx"));
  const auto with_stub = [&](std::uint32_t first) {
    bpf::Program program = Compiled(kList);
    const std::uint32_t arch = seccomp::AuditArch(seccomp::NativeArch());
    const bpf::Program stub = {{.code = 0x20, .jt = 0, .jf = 0, .k = 4},
                               {.code = 0x15, .jt = 0, .jf = 4, .k = arch},
                               {.code = 0x20, .jt = 0, .jf = 0, .k = 0},
                               {.code = 0x45, .jt = 2, .jf = 0, .k = seccomp::kX32Bit},
                               {.code = 0x35, .jt = 0, .jf = 1, .k = first},
                               {.code = 0x06, .jt = 0, .jf = 0, .k = bpf::kRetErrno | 38}};
    program.insert(program.begin(), stub.begin(), stub.end());
    return program;
  };
  const FilterFinding match = Judge(Process(Stack({with_stub(last + 1)})), expected);
  EXPECT_EQ(match.verdict, Verdict::kMatch);
  EXPECT_TRUE(match.runc_enosys);
  EXPECT_EQ(Judge(Process(Stack({with_stub(last - 1)})), expected).verdict, Verdict::kDiffers);
}

// The file of another tool, in Docker's format, as containerd would have read it.
TEST_F(JudgeLoadedTest, ADifferenceIsExplainedWhereACauseFits) {
  static constexpr std::string_view kDocker = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
    {"names":["bpf"],"action":"SCMP_ACT_ERRNO"},
    {"names":["mount"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_CHOWN"]}}]})";
  Expected expected{.candidates = {MakeCandidate(kDenyBpf, 1)}};
  const LoadedProcess process = Process(Stack({Compiled(kDenyBpfAndMount)}));
  FilterFinding finding = Judge(process, expected);
  EXPECT_EQ(finding.verdict, Verdict::kStricter);
  EXPECT_TRUE(finding.causes.empty());  // nothing is guessed
  meanings_ = Meanings({.compile = CompileHere, .table = &Table()});
  expected.candidates[0].text = [] { return std::string(kDocker); };
  finding = Judge(process, expected);
  ASSERT_EQ(finding.causes.size(), 1U);
  EXPECT_EQ(finding.causes[0].cause, bpf::Cause::kDockerFields);
  EXPECT_EQ(finding.causes[0].detail, "excludes");
  EXPECT_EQ(Judge(process, expected), finding);
  EXPECT_EQ(meanings_.compared(), 1U);
}

TEST_F(JudgeLoadedTest, AMatchHasNoCauses) {
  EXPECT_TRUE(Judge(kDenyBpfAndMount).causes.empty());
  EXPECT_TRUE(Judge(kDenyBpf).causes.empty());  // stale: it was asked for
}

TEST_F(JudgeLoadedTest, ThreadsWithTheSameFilterAreCounted) {
  LoadedProcess process = Process(Stack({Compiled(kAllowAll)}));
  process.threads[0].threads = 3;
  process.threads.push_back({.tid = 9,
                             .stack = Stack({Compiled(kAllowAll), Compiled(kDenyBpf)}),
                             .unknown = Reason::kNone,
                             .threads = 2});  // one more of its own
  process.threads.push_back({.tid = 10,
                             .stack = Stack({Compiled(kDenyBpfAndMount)}),
                             .unknown = Reason::kNone,
                             .threads = 4});
  EXPECT_EQ(Judge(process, TwoRevisions()).same_threads, 5U);
}

TEST_F(JudgeLoadedTest, ThreadsWithAnotherFilterAreCountedByItWhoeverDecides) {
  const auto threads = [](std::string_view text, pid_t tid, std::uint32_t count) {
    return LoadedThread{
        .tid = tid, .stack = Stack({Compiled(text)}), .unknown = Reason::kNone, .threads = count};
  };
  LoadedProcess process = Process(Stack({Compiled(kDenyBpf)}));  // stale
  process.threads.push_back(threads(kAllowAll, 8, 3));           // weaker: decides
  process.threads.push_back(threads(kDenyBpf, 9, 2));
  const FilterFinding finding = Judge(process, TwoRevisions());
  EXPECT_EQ(finding.tid, 8);
  EXPECT_EQ(finding.same_threads, 3U);
  const FilterFinding stale = Judge(kDenyBpf);
  ASSERT_EQ(finding.other_threads.size(), 1U);
  EXPECT_EQ(finding.other_threads[0].fingerprint, stale.fingerprint);
  EXPECT_EQ(finding.other_threads[0].threads, 3U);
}

TEST_F(JudgeLoadedTest, FiltersAreThoseOfTheThreadThatDecides) {
  const bpf::Program shim = Compiled(kAllowAll);
  LoadedProcess process = Process(Stack({shim, Compiled(kDenyBpfAndMount)}));
  process.inherited = Stack({shim});
  process.threads.push_back({.tid = 8,
                             .stack = Stack({shim, Compiled(kDenyBpf), Compiled(kDenyBpf)}),
                             .unknown = Reason::kNone});
  const FilterFinding finding = Judge(process, TwoRevisions());
  EXPECT_EQ(finding.tid, 8);
  EXPECT_EQ(finding.filters, 3);
  EXPECT_EQ(finding.own_filters, 1U);
}

TEST(JudgeSubject, ToldOtherwiseIsACauseAndAPluginIsNamedWhereThereCanBeOne) {
  const Told told{.digest = base::Sha256("t"), .profile = Parse(kAllowAll)};
  ProfileTexts texts;
  texts.told = [&told](const procfs::ContainerRef&) { return &told; };
  texts.file = [](const std::string&) { return base::Result<std::string>(std::string(kDenyBpf)); };
  InstalledView installed;
  installed.available = true;
  installed.profiles["web/a.json"] = {
      .state = ProfileState::kForeign, .on_disk = true, .revisions = {}};
  Observation observation;
  observation.processes.emplace_back();
  observation.processes[0].process.pid = 7;
  Subject subject;
  subject.observation = &observation;
  subject.asked = {AskedKind::kLocalhost, AskedLevel::kContainer, "web/a.json", false};
  const std::vector<LoadedProcess> loaded = {Process(Stack({Compiled(kAllowAll)}))};
  const auto causes = [&](std::string_view runtime) {
    Meanings meanings({.compile = CompileHere, .table = &Table()});
    RuntimeFacts facts;
    facts.name = runtime;
    Expectations expectations(texts, facts, installed);
    return JudgeSubject(subject, loaded, expectations, meanings).findings.at(0).causes;
  };
  using Found = std::vector<bpf::CauseFound>;
  EXPECT_EQ(causes("containerd://1.7.13"), (Found{{bpf::Cause::kToldOtherwise, ""}}));
  EXPECT_EQ(causes(""), (Found{{bpf::Cause::kToldOtherwise, ""}}));
  const Found plugin = {{bpf::Cause::kToldOtherwise, "an NRI plugin may have done so"}};
  EXPECT_EQ(causes("containerd://2.2.0"), plugin);
  EXPECT_EQ(causes("containerd-2.10"), plugin);
  EXPECT_EQ(causes("containerd://2.1.5"), (Found{{bpf::Cause::kToldOtherwise, ""}}));
}

TEST(CapabilitiesOf, FollowsThePodSpecAsContainerdDoes) {
  using Names = std::vector<std::string>;
  const auto has = [](const Names& set, std::string_view name) {
    return std::find(set.begin(), set.end(), name) != set.end();
  };
  EXPECT_EQ(CapabilitiesOf({}, {}).size(), seccomp::DefaultCapabilities().size());
  const Names all = {"ALL"};
  EXPECT_TRUE(CapabilitiesOf({}, all).empty());
  EXPECT_TRUE(has(CapabilitiesOf(all, {}), "CAP_SYS_ADMIN"));
  const Names admin = {"sys_admin"};
  EXPECT_EQ(CapabilitiesOf(admin, all), Names{"CAP_SYS_ADMIN"});
  const Names chroot = {"CAP_SYS_CHROOT"};
  EXPECT_FALSE(has(CapabilitiesOf({}, chroot), "CAP_SYS_CHROOT"));
}

}  // namespace
}  // namespace seccompd::audit
