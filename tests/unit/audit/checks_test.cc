// SPDX-License-Identifier: Apache-2.0
#include "common/audit/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bpf/compile.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"

namespace seccompd::audit {
namespace {

using bpf::CheckResult;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable();
  return table;
}

base::Result<bpf::Program> CompileHere(const seccomp::Profile& profile) {
  return bpf::Compile(profile, seccomp::NativeArch());
}

SharedStack StackOf(std::string_view profile) {
  const auto program = CompileHere(*seccomp::ParseProfile(profile).profile);
  return std::make_shared<const bpf::Stack>(bpf::Stack{*program});
}

kube::ConfigMap Map(std::string name, std::vector<std::pair<std::string, std::string>> data,
                    bool labelled = true) {
  kube::ConfigMap map;
  map.meta.namespace_name = "seccompd";
  map.meta.name = std::move(name);
  if (labelled) map.meta.labels[std::string(kChecksLabel)] = "true";
  map.data = std::move(data);
  return map;
}

CheckSet Make(const std::vector<kube::ConfigMap>& maps) {
  return MakeChecks(maps, seccomp::NativeArch());
}

std::vector<std::string> NamesOf(const CheckSet& set) {
  std::vector<std::string> names;
  for (const Check& check : set.checks) names.push_back(check.name);
  return names;
}

TEST(MakeChecks, TakesLabelledConfigMapsBesideTheBuiltInOne) {
  const CheckSet set = Make({Map("today", {{"af-alg", "# CVE\nsocket(AF_ALG)\n"}}),
                             Map("other", {{"mounts", "mount"}}, /*labelled=*/false)});
  EXPECT_THAT(NamesOf(set), ElementsAre("critical", "af-alg"));
  EXPECT_EQ(set.checks[1].origin, "ConfigMap seccompd/today");
  EXPECT_THAT(set.problems, testing::IsEmpty());
}

TEST(MakeChecks, OneBadCallSpoilsItsCheckAndSaysSo) {
  const CheckSet set = Make({Map("m", {{"a", "mount\nno_such_call_at_all("},
                                       {"B", "mount"},
                                       {"critical", "mount"},
                                       {"c", "  \n# nothing\n"},
                                       {"d", "bpf"}})});
  EXPECT_THAT(NamesOf(set), ElementsAre("critical", "d"));
  EXPECT_EQ(set.problems.size(), 4U);
  EXPECT_THAT(set.problems, Contains(HasSubstr("check 'c': it names no call")));
}

TEST(MakeChecks, PageIsNoCallAndAnythingButTrueOrFalseIsAProblem) {
  const CheckSet set = MakeChecks(
      std::vector<kube::ConfigMap>{Map("today", {{"alarm", "page: true  # tonight\nmount\n"},
                                                 {"calm", "mount\npage:false\n"},
                                                 {"empty", "page: true\n"},
                                                 {"wrong", "page: yes\nmount\n"}})},
      seccomp::NativeArch());
  std::map<std::string, bool> pages;
  for (const Check& check : set.checks) pages[check.name] = check.page;
  EXPECT_EQ(pages, (std::map<std::string, bool>{
                       {std::string(kCriticalCheck), false}, {"alarm", true}, {"calm", false}}));
  EXPECT_THAT(set.problems, Contains(HasSubstr("'yes'")));
  EXPECT_THAT(set.problems, Contains(HasSubstr("names no call")));
}

TEST(MakeChecks, PageChangesTheSetsDigest) {
  const auto with = [](const char* text) {
    return MakeChecks(std::vector<kube::ConfigMap>{Map("today", {{"a", text}})},
                      seccomp::NativeArch())
        .digest;
  };
  EXPECT_NE(with("mount\n"), with("mount\npage: true\n"));
}

TEST(MakeChecks, ANameIsTakenByTheFirstConfigMap) {
  const CheckSet set = Make({Map("b", {{"x", "mount"}}), Map("a", {{"x", "bpf"}})});
  ASSERT_EQ(set.checks.size(), 2U);
  EXPECT_EQ(set.checks[1].origin, "ConfigMap seccompd/a");
  EXPECT_THAT(set.problems,
              ElementsAre(HasSubstr("ConfigMap seccompd/a has a check of this name")));
}

TEST(MakeChecks, AFloodIsBounded) {
  std::vector<std::pair<std::string, std::string>> data;
  for (int i = 0; i < 100; ++i) data.emplace_back("c" + std::to_string(i), "mount");
  const CheckSet set = Make({Map("m", data)});
  EXPECT_EQ(set.checks.size(), kMaxChecks + 1);
  EXPECT_EQ(set.problems.size(), 100 - kMaxChecks);
}

class CheckBookTest : public testing::Test {
 protected:
  void SetUp() override {
    book_.Use(
        Make({Map("m", {{"alg", "socket(AF_ALG)"}, {"bpf", "bpf"}, {"both", "bpf\nmount"}})}));
  }
  // critical, alg, both, bpf.
  std::vector<CheckResult> Results(const SharedStack& stack) {
    std::vector<CheckResult> results;
    for (const CheckFinding& finding : book_.Of(stack)) results.push_back(finding.result);
    results.erase(results.begin());
    return results;
  }
  CheckBook book_{{.compile = CompileHere, .table = &Table()}};
};

TEST_F(CheckBookTest, WithoutAFilterEverythingIsPermitted) {
  EXPECT_THAT(Results(nullptr), ElementsAre(CheckResult::kPermitted, CheckResult::kPermitted,
                                            CheckResult::kPermitted));
}

TEST_F(CheckBookTest, ACheckIsBlockedOnlyIfAllOfItsCallsAre) {
  const SharedStack stack = StackOf(R"({"defaultAction":"SCMP_ACT_ALLOW",
    "architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],
    "syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]})");
  EXPECT_THAT(Results(stack),
              ElementsAre(CheckResult::kPermitted, CheckResult::kPermitted, CheckResult::kBlocked));
  EXPECT_THAT(book_.Of(stack)[2].open, ElementsAre("mount"));
}

TEST_F(CheckBookTest, AWayAroundIsBypassableAndNamed) {
  const SharedStack stack = StackOf(R"({"defaultAction":"SCMP_ACT_ALLOW",
    "architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],
    "syscalls":[{"names":["socket"],"action":"SCMP_ACT_ERRNO",
      "args":[{"index":0,"op":"SCMP_CMP_MASKED_EQ","value":4294967295,"valueTwo":38}]}]})");
  EXPECT_EQ(Results(stack)[0], CheckResult::kBypassable);
  EXPECT_THAT(book_.Of(stack)[1].open, ElementsAre("socket(domain == AF_ALG) (by io_uring)"));
}

// Who closes the one that is named first must not believe to be done.
TEST_F(CheckBookTest, EveryWayAroundIsNamed) {
  const SharedStack hidden = StackOf(R"({"defaultAction":"SCMP_ACT_ERRNO",
    "architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],
    "syscalls":[{"names":["socketcall","io_uring_setup"],"action":"SCMP_ACT_ALLOW"}]})");
  EXPECT_THAT(book_.Of(hidden)[1].open,
              ElementsAre("socket(domain == AF_ALG) (on i386 by socketcall, by io_uring)"));
  const SharedStack dirty = StackOf(R"({"defaultAction":"SCMP_ACT_ALLOW",
    "syscalls":[{"names":["socket"],"action":"SCMP_ACT_ERRNO",
      "args":[{"index":0,"op":"SCMP_CMP_EQ","value":38}]},
      {"names":["io_uring_setup"],"action":"SCMP_ACT_ERRNO"}]})");
  EXPECT_THAT(book_.Of(dirty)[1].open,
              ElementsAre("socket(domain == AF_ALG) (on x86_64 with high bits set)"));
}

// Without it the agent would keep every filter that was ever loaded.
TEST_F(CheckBookTest, AStackThatNoPassAsksForIsLetGo) {
  const SharedStack stack = StackOf(R"({"defaultAction":"SCMP_ACT_KILL"})");
  book_.Of(stack);
  EXPECT_EQ(stack.use_count(), 2);
  book_.EndPass();
  EXPECT_EQ(stack.use_count(), 2);  // asked for in the pass that ended
  book_.EndPass();
  EXPECT_EQ(stack.use_count(), 1);
}

TEST_F(CheckBookTest, AStackThatEveryPassAsksForIsDecidedOnce) {
  const SharedStack stack = StackOf(R"({"defaultAction":"SCMP_ACT_KILL"})");
  const auto* const first = &book_.Of(stack);
  for (int pass = 0; pass < 3; ++pass) {
    book_.EndPass();
    EXPECT_EQ(&book_.Of(stack), first);
  }
  book_.Of(nullptr);
  EXPECT_EQ(&book_.Of(stack), first);
  EXPECT_EQ(stack.use_count(), 2);
}

// A freed stack's address is soon another one's.
TEST_F(CheckBookTest, AnAddressIsNotGivenAwayWhileItsAnswerIsKept) {
  SharedStack stack = StackOf(R"({"defaultAction":"SCMP_ACT_KILL"})");
  const std::weak_ptr<const bpf::Stack> watched = stack;
  book_.Of(stack);
  stack.reset();
  EXPECT_FALSE(watched.expired());
  book_.EndPass();
  book_.EndPass();
  EXPECT_TRUE(watched.expired());
}

TEST_F(CheckBookTest, OtherChecksForgetTheAnswersAndTheSameOnesDoNot) {
  const SharedStack stack = StackOf(R"({"defaultAction":"SCMP_ACT_KILL"})");
  const auto* const first = &book_.Of(stack);
  const CheckSet same = book_.checks();
  book_.Use(same);
  EXPECT_EQ(&book_.Of(stack), first);
  book_.Use(Make({Map("m", {{"alg", "socket(AF_ALG)"}})}));
  EXPECT_EQ(stack.use_count(), 1);
  EXPECT_EQ(book_.Of(stack).size(), 2U);  // critical, alg
}

TEST(AddCheck, ChangesTheSetsDigest) {
  CheckSet set = Make({});
  const base::Digest before = set.digest;
  AddCheck(*ParseCheck("mount", "mount", std::string(kAskedOnce), seccomp::NativeArch()), &set);
  EXPECT_NE(set.digest, before);
  EXPECT_THAT(NamesOf(set), ElementsAre("critical", "mount"));
}

TEST(CheckContainer, TheWorstProcessDecidesAndTheUnreadIsUnknown) {
  CheckBook book({.compile = CompileHere, .table = &Table()});
  book.Use(Make({Map("m", {{"bpf", "bpf"}})}));
  const SharedStack deny = StackOf(R"({"defaultAction":"SCMP_ACT_KILL"})");
  Observation observation;
  const auto add = [&](pid_t pid, int mode) {
    ObservedProcess observed;
    observed.process.pid = pid;
    observed.process.seccomp.mode = mode;
    observation.processes.push_back(observed);
  };
  const auto result = [&](const std::vector<LoadedProcess>& loaded) {
    const auto findings = CheckContainer(observation, loaded, book);
    return findings.empty() ? std::string("-") : std::string(bpf::Name(findings[1].result));
  };
  EXPECT_EQ(result({}), "-");
  add(5, 2);
  const LoadedProcess five{
      .pid = 5, .threads = {{.tid = 5, .stack = deny, .unknown = Reason::kNone}}, .inherited = {}};
  EXPECT_EQ(result({five}), "blocked");
  EXPECT_EQ(result({}), "unknown");
  add(6, 0);
  EXPECT_EQ(result({five}), "permitted");
}

}  // namespace
}  // namespace seccompd::audit
