// SPDX-License-Identifier: Apache-2.0
#include "common/install/weakening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/bpf/compile.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::install {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Profile(const std::string& rule) {
  return R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
    {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"})" +
         (rule.empty() ? "" : ", " + rule) + "]}";
}
const std::string kSocket = R"({"names": ["socket"], "action": "SCMP_ACT_ALLOW",
  "args": [{"index": 0, "value": 4294967295, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]})";

class WeakeningTest : public ::testing::Test {
 protected:
  WeakeningTest() {
    preparer_.table = &table_;
    preparer_.compile = [](const seccomp::Profile& profile) {
      return bpf::Compile(profile, seccomp::NativeArch());
    };
  }

  // `text` is wanted at "a", `in_force` is there.
  std::vector<Weakening> Weigh(const std::string& text, const std::string& in_force,
                               WeakeningPolicy policy) {
    const Prepared old = PrepareProfile({.text = in_force}, preparer_);
    LedgerState ledger;
    Revision in_place;
    in_place.number = 4;
    in_place.digest = old.digest;
    in_place.meaning = old.meaning;
    ledger.paths["a"].revisions.push_back(in_place);
    ClaimSet claims;
    claims.claims.resize(1);
    claims.claims[0].path = "a";
    claims.claims[0].text = text;
    desired_ = PrepareAll(std::move(claims), {}, preparer_);
    return WeighUpdates(
        desired_, ledger, [&](const Revision&) -> base::Result<std::string> { return old.bytes; },
        preparer_, policy);
  }

  seccomp::SyscallTable table_ = seccomp::LoadLibseccompTable();
  Preparer preparer_;
  Desired desired_;
};

TEST_F(WeakeningTest, WhatPermitsMoreIsNamedWithItsCondition) {
  const auto found = Weigh(Profile(kSocket), Profile(""), WeakeningPolicy::kWarn);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].path, "a");
  EXPECT_EQ(found[0].revision, 4U);
  EXPECT_EQ(found[0].text, "permits x86_64 socket where low32(arg0) == 2");
  EXPECT_FALSE(found[0].refused);
  EXPECT_TRUE(desired_.files[0].prepared.valid());
  EXPECT_THAT(desired_.files[0].note, HasSubstr("W0402: the update permits x86_64 socket"));
}

TEST_F(WeakeningTest, RejectKeepsTheLastGoodOne) {
  const auto found = Weigh(Profile(kSocket), Profile(""), WeakeningPolicy::kReject);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].refused);
  EXPECT_FALSE(desired_.files[0].prepared.valid());
  EXPECT_THAT(desired_.files[0].note, HasSubstr("E0407"));
  EXPECT_THAT(desired_.files[0].note, HasSubstr("unlike r4"));
  // Seen again, it is compared again, not taken for a good one.
  ClaimSet again;
  again.claims = {desired_.files[0].claim};
  EXPECT_TRUE(PrepareAll(std::move(again), desired_, preparer_).files[0].prepared.valid());
}

TEST_F(WeakeningTest, AllowSaysNothing) {
  EXPECT_THAT(Weigh(Profile(kSocket), Profile(""), WeakeningPolicy::kAllow), IsEmpty());
  EXPECT_TRUE(desired_.files[0].prepared.valid());
}

TEST_F(WeakeningTest, StricterEqualAndOtherwiseRefusedIsNoWeakening) {
  for (const std::string& text :
       {Profile(""), Profile(R"({"names": ["bpf"], "action": "SCMP_ACT_KILL"})"),
        std::string(R"({"defaultAction": "SCMP_ACT_KILL"})")}) {
    EXPECT_THAT(Weigh(text, Profile(""), WeakeningPolicy::kReject), IsEmpty()) << text;
    EXPECT_TRUE(desired_.files[0].prepared.valid());
  }
  EXPECT_THAT(Weigh(Profile(""), Profile(kSocket), WeakeningPolicy::kReject), IsEmpty());
}

TEST_F(WeakeningTest, ARevisionThatCannotBeReadCountsAsWeakening) {
  LedgerState ledger;
  Revision first;
  first.number = 1;
  ledger.paths["a"].revisions.push_back(first);
  ClaimSet claims;
  claims.claims.resize(1);
  claims.claims[0].path = "a";
  claims.claims[0].text = Profile("");
  Desired desired = PrepareAll(std::move(claims), {}, preparer_);
  const auto found = WeighUpdates(
      desired, ledger,
      [](const Revision&) -> base::Result<std::string> {
        return base::Fail(base::ErrorCode::kNotFound, "no such body");
      },
      preparer_, WeakeningPolicy::kReject);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].text, "cannot be compared: no such body");
}

TEST_F(WeakeningTest, PolicyNamesAreClosed) {
  EXPECT_EQ(WeakeningPolicyFrom("allow"), WeakeningPolicy::kAllow);
  EXPECT_EQ(WeakeningPolicyFrom("warn"), WeakeningPolicy::kWarn);
  EXPECT_EQ(WeakeningPolicyFrom("reject"), WeakeningPolicy::kReject);
  EXPECT_EQ(WeakeningPolicyFrom("Reject"), std::nullopt);
}

}  // namespace
}  // namespace seccompd::install
