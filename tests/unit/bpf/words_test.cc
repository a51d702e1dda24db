// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/words.h"

#include <gtest/gtest.h>

#include "common/bpf/return_value.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd::bpf {
namespace {

using seccomp::Arch;

ArgTest About(ArgRelation relation, std::uint64_t first, std::uint64_t second,
              ArgPart part = ArgPart::kWhole) {
  return {.index = 0, .part = part, .relation = relation, .first = first, .second = second};
}

TEST(InWords, NamesFlags) {
  const CallName clone = {.syscall = "clone"};
  const std::uint64_t ns = 0x20000;
  const std::uint64_t two = 0x20000 | 0x10000000;
  const std::pair<ArgTest, const char*> cases[] = {
      {About(ArgRelation::kMasked, 0, two), "flags has none of CLONE_NEW{NS,USER}"},
      {About(ArgRelation::kNotMasked, 0, two), "flags has any of CLONE_NEW{NS,USER}"},
      {About(ArgRelation::kMasked, two, two), "flags has all of CLONE_NEW{NS,USER}"},
      {About(ArgRelation::kNotMasked, two, two), "flags lacks some of CLONE_NEW{NS,USER}"},
      {About(ArgRelation::kMasked, ns, ns), "flags has CLONE_NEWNS"},
      {About(ArgRelation::kMasked, 0, ns), "flags lacks CLONE_NEWNS"},
      {About(ArgRelation::kNotMasked, 0, ns, ArgPart::kLow32), "flags has CLONE_NEWNS"},
      {About(ArgRelation::kMasked, ns, two), "(flags & 0x10020000) == 0x20000"},
      {About(ArgRelation::kMasked, 0, ns, ArgPart::kHigh32), "(high32(flags) & 0x20000) == 0"},
  };
  for (const auto& [test, words] : cases) EXPECT_EQ(InWords(test, clone), words);
}

TEST(InWords, NamesValuesAndTellsWhichHalfIsCompared) {
  const CallName socket = {.syscall = "socket"};
  const std::pair<ArgTest, const char*> cases[] = {
      {About(ArgRelation::kInRange, 38, 38), "domain == AF_ALG"},
      {About(ArgRelation::kNotInRange, 38, 38), "domain != AF_ALG"},
      {About(ArgRelation::kInRange, 38, 38, ArgPart::kLow32), "low32(domain) == AF_ALG"},
      {About(ArgRelation::kMasked, 38, 0xffffffff, ArgPart::kLow32), "low32(domain) == AF_ALG"},
      {About(ArgRelation::kInRange, 0, 0, ArgPart::kHigh32), "high32(domain) == 0"},
      {About(ArgRelation::kInRange, 0, 37), "domain <= 37"},
      {About(ArgRelation::kInRange, 99, 99), "domain == 99"},
  };
  for (const auto& [test, words] : cases) EXPECT_EQ(InWords(test, socket), words);
  EXPECT_EQ(InWords(About(ArgRelation::kInRange, 1, 1), CallName{.syscall = "nosuch"}),
            "arg0 == 1");
}

TEST(InWords, TellsTheDefaultProfile) {
  Workspace workspace;
  const auto diagram = workspace.Decide(testing::RecordedFilter("containerd-1.7.32"));
  ASSERT_TRUE(diagram.has_value());
  const auto told = [&](const char* name, std::uint32_t nr) {
    const auto outcomes = ExplainSyscall(workspace, *diagram, kAuditArchX86_64, nr);
    return outcomes ? InWords(*outcomes, CallName{.syscall = name}) : outcomes.error().message;
  };
  EXPECT_EQ(told("read", 0), "ALLOW");
  EXPECT_EQ(told("mount", 165), "ERRNO(1)");
  EXPECT_EQ(told("clone3", 435), "ERRNO(38)");
  EXPECT_EQ(told("clone", 56),
            "ALLOW unless flags has any of CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}: ERRNO(1)");
  EXPECT_EQ(told("socket", 41), "ALLOW unless domain == AF_ALG or domain == AF_VSOCK: ERRNO(1)");
  EXPECT_EQ(told("personality", 135),
            "ALLOW unless (persona & 0xfffffffffffdfff7) != 0 and persona != 0xffffffff: "
            "ERRNO(1)");
}

TEST(InWords, SeveralOutcomesAreAllTold) {
  const Condition one = {.any_of = {{About(ArgRelation::kInRange, 1, 1)}}};
  const Condition two = {
      .any_of = {{About(ArgRelation::kInRange, 2, 2)},
                 {About(ArgRelation::kInRange, 3, 3), {.index = 1, .first = 4, .second = 4}}}};
  const Outcome outcomes[] = {{.value = kRetAllow, .condition = one},
                              {.value = kRetErrno | 1, .condition = two},
                              {.value = kRetKillProcess, .otherwise = true, .condition = {}}};
  EXPECT_EQ(InWords(outcomes, CallName{.syscall = ""}),
            "ALLOW if arg0 == 1, ERRNO(1) if arg0 == 2 or (arg0 == 3 and arg1 == 4), else "
            "KILL_PROCESS");
  const Condition cut = {.any_of = {{About(ArgRelation::kInRange, 1, 1)}}, .complete = false};
  EXPECT_EQ(InWords(cut, CallName{}), "arg0 == 1 or more");
  EXPECT_EQ(InWords(Condition{}, CallName{}), "never");
}

}  // namespace
}  // namespace seccompd::bpf
