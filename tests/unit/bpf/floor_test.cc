// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/floor.h"

#include <gtest/gtest.h>

#include "common/bpf/evaluate.h"
#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "tests/support/matchers.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd::bpf {
namespace {

using test_support::IsOk;
using testing::RecordedFilter;

constexpr std::uint32_t kArchs[] = {kAuditArchX86_64, kAuditArchI386};

Program Always(std::uint32_t value) { return {{.code = kRetK, .k = value}}; }

// `value` on one arch, KILL elsewhere.
Program OnlyOn(std::uint32_t arch, std::uint32_t value) {
  return {{.code = kLdAbs, .k = 4},
          {.code = kJeqK, .jt = 0, .jf = 1, .k = arch},
          {.code = kRetK, .k = value},
          {.code = kRetK, .k = kRetKillThread}};
}

std::optional<BelowFloor> Compared(const Program& filter, const Program& floor) {
  Workspace workspace;
  const auto a = workspace.Decide(filter);
  const auto b = workspace.Decide(floor);
  EXPECT_TRUE(a && b);
  const auto result =
      CompareWithFloor(workspace, a.value_or(Diagram{}), b.value_or(Diagram{}), kArchs);
  EXPECT_THAT(result, IsOk());
  return result.value_or(std::nullopt);
}

TEST(CompareWithFloor, AnEqualOrStricterFilterIsNotBelow) {
  const Program floor = RecordedFilter("containerd-1.7.13");
  EXPECT_EQ(Compared(floor, floor), std::nullopt);
  EXPECT_EQ(Compared(RecordedFilter("containerd-1.7.32"), floor), std::nullopt);
  EXPECT_EQ(Compared(Always(kRetKillProcess), floor), std::nullopt);
}

TEST(CompareWithFloor, AllowAllIsBelowWithATrueWitness) {
  const Program floor = RecordedFilter("containerd-1.7.13");
  const auto below = Compared(Always(kRetAllow), floor);
  ASSERT_TRUE(below);
  EXPECT_EQ(below->filter, kRetAllow);
  EXPECT_EQ(below->floor, Normalize(Evaluate(floor, below->witness)));
  EXPECT_EQ(PermissionOf(below->floor), Permission::kRefused);
}

TEST(CompareWithFloor, AWeakerSocketRuleIsFound) {
  const auto below =
      Compared(RecordedFilter("containerd-1.7.13"), RecordedFilter("containerd-1.7.32"));
  ASSERT_TRUE(below);
  EXPECT_EQ(below->witness.args[0] & 0xffffffff, 38U);  // AF_ALG
}

TEST(CompareWithFloor, AnotherRefusalIsNoMatter) {
  EXPECT_EQ(Compared(Always(kRetErrno | 38), Always(kRetErrno | 1)), std::nullopt);
  EXPECT_EQ(Compared(Always(kRetErrno | 1), Always(kRetKillProcess)), std::nullopt);
}

TEST(CompareWithFloor, SupervisorsAndTracersAreLessThanAllow) {
  EXPECT_EQ(Compared(Always(kRetUserNotif), Always(kRetAllow)), std::nullopt);
  EXPECT_TRUE(Compared(Always(kRetUserNotif), Always(kRetErrno | 1)));
  EXPECT_TRUE(Compared(Always(kRetTrace | 1), Always(kRetUserNotif)));
  EXPECT_TRUE(Compared(Always(kRetAllow), Always(kRetTrace | 1)));
  EXPECT_EQ(Compared(Always(kRetLog), Always(kRetAllow)), std::nullopt);
}

TEST(CompareWithFloor, ArchitecturesThatCannotBeEnteredDoNotCount) {
  constexpr std::uint32_t kAarch64 = 0xc00000b7;
  EXPECT_EQ(Compared(OnlyOn(kAarch64, kRetAllow), Always(kRetErrno | 1)), std::nullopt);
  EXPECT_TRUE(Compared(OnlyOn(kAuditArchI386, kRetAllow), Always(kRetErrno | 1)));
}

}  // namespace
}  // namespace seccompd::bpf
