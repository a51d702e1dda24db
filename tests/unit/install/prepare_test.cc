// SPDX-License-Identifier: Apache-2.0
#include "common/install/prepare.h"

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

constexpr const char* kJson = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
  {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]})";
constexpr const char* kYaml = R"(# the same, with a comment
defaultAction: SCMP_ACT_ALLOW
syscalls:
- names: [mkdir, mkdirat]
  action: SCMP_ACT_ERRNO
  errnoRet: 1
)";

class PrepareTest : public ::testing::Test {
 protected:
  PrepareTest() {
    preparer_.table = &table_;
    preparer_.compile = [this](const seccomp::Profile& profile) {
      ++compiled_;
      return bpf::Compile(profile, preparer_.node.arch);
    };
  }
  static Claim Named(std::string path, std::string text) {
    Claim claim;
    claim.path = std::move(path);
    claim.text = std::move(text);
    return claim;
  }
  Desired All(std::vector<Claim> claims, Desired previous = {}) {
    ClaimSet set;
    set.claims = std::move(claims);
    return PrepareAll(std::move(set), std::move(previous), preparer_);
  }

  seccomp::SyscallTable table_ = seccomp::LoadLibseccompTable();
  Preparer preparer_;
  int compiled_ = 0;
};

TEST_F(PrepareTest, JsonAndYamlOfOneMeaningLandAsTheSameBytes) {
  const Prepared json = PrepareProfile({.text = kJson}, preparer_);
  const Prepared yaml = PrepareProfile({.text = kYaml}, preparer_);
  ASSERT_TRUE(json.valid());
  EXPECT_EQ(json.bytes, yaml.bytes);
  EXPECT_EQ(json.meaning, yaml.meaning);
  EXPECT_EQ(json.digest, base::Sha256(json.bytes));
  EXPECT_EQ(PrepareProfile({.text = json.bytes}, preparer_).bytes, json.bytes);
}

TEST_F(PrepareTest, TheMeaningIsOfTheFilterAndItsFlags) {
  const std::string other = R"({"defaultAction": "SCMP_ACT_ALLOW"})";
  EXPECT_NE(PrepareProfile({.text = other}, preparer_).meaning,
            PrepareProfile({.text = kJson}, preparer_).meaning);
  const std::string logged =
      R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]})";
  EXPECT_NE(PrepareProfile({.text = other}, preparer_).meaning,
            PrepareProfile({.text = logged}, preparer_).meaning);
}

TEST_F(PrepareTest, AnErrorMeansNoBytesAndNoCompile) {
  for (const char* text : {"{", "{}", R"({"defaultAction": "SCMP_ACT_NOPE"})", ""}) {
    const Prepared prepared = PrepareProfile({.text = text}, preparer_);
    EXPECT_FALSE(prepared.valid()) << text;
    EXPECT_TRUE(seccomp::HasErrors(prepared.diagnostics)) << text;
  }
  EXPECT_EQ(compiled_, 0);
}

TEST_F(PrepareTest, AMeaningThatThisBuildComputedBeforeIsNotComputedAgain) {
  const Prepared computed = PrepareProfile({.text = kJson}, preparer_);
  EXPECT_EQ(compiled_, 1);
  preparer_.known_meaning = [&](const base::Digest& bytes) {
    return bytes == computed.digest ? std::optional(computed.meaning) : std::nullopt;
  };
  EXPECT_EQ(PrepareProfile({.text = kJson}, preparer_), computed);
  EXPECT_EQ(PrepareProfile({.text = kYaml}, preparer_).meaning, computed.meaning);
  EXPECT_EQ(compiled_, 1);
  const Prepared other =
      PrepareProfile({.text = R"({"defaultAction": "SCMP_ACT_ALLOW"})"}, preparer_);
  EXPECT_TRUE(other.valid());
  EXPECT_EQ(compiled_, 2);
}

TEST_F(PrepareTest, WhatTheCompilerRefusesIsADiagnostic) {
  preparer_.compile = [](const seccomp::Profile&) -> base::Result<bpf::Program> {
    return base::Fail(base::ErrorCode::kInvalidArgument, "rule 3 is too much");
  };
  const Prepared prepared = PrepareProfile({.text = kJson}, preparer_);
  EXPECT_FALSE(prepared.valid());
  ASSERT_FALSE(prepared.diagnostics.empty());
  EXPECT_EQ(prepared.diagnostics.back().code, "E0301");
  EXPECT_EQ(prepared.diagnostics.back().message, "rule 3 is too much");
}

constexpr const char* kConditional = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
  {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]})";

TEST_F(PrepareTest, ConditionalRulesAreResolvedForTheAnnotatedCapabilities) {
  const Prepared usual = PrepareProfile({.text = kConditional}, preparer_);
  EXPECT_THAT(usual.bytes, ::testing::Not(HasSubstr("mount")));
  const Prepared admin =
      PrepareProfile({.text = kConditional, .capabilities = "SYS_ADMIN"}, preparer_);
  EXPECT_THAT(admin.bytes, HasSubstr(R"("names": ["mount"])"));
  const Prepared bad = PrepareProfile({.text = kConditional, .capabilities = "ADMIN"}, preparer_);
  EXPECT_FALSE(bad.valid());
  EXPECT_EQ(bad.diagnostics.back().code, "E0406");
}

constexpr const char* kNoAlg = R"({"syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO",
  "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]}]})";

Claim Extending(std::string path, std::string base, std::string text = kNoAlg) {
  Claim claim;
  claim.path = std::move(path);
  claim.text = std::move(text);
  claim.base = std::move(base);
  return claim;
}

TEST_F(PrepareTest, AProfileExtendsTheRuntimesDefault) {
  const Desired given = All({Extending("a", "runtime-default:containerd-1.7")});
  ASSERT_TRUE(given.files[0].prepared.valid()) << given.files[0].note;
  EXPECT_THAT(given.files[0].prepared.bytes, HasSubstr("SCMP_CMP_MASKED_EQ"));
  EXPECT_THAT(given.files[0].prepared.bytes, HasSubstr("epoll_pwait2"));
  const Desired unknown = All({Extending("a", "runtime-default")});
  EXPECT_THAT(unknown.files[0].note, HasSubstr("E0205: seccompd.io/base: the node's runtime is"));
  preparer_.runtime = "containerd://1.7.34";
  const Desired asked = All({Extending("a", "runtime-default")});
  EXPECT_EQ(asked.files[0].prepared.bytes, given.files[0].prepared.bytes);
  EXPECT_THAT(All({Extending("a", "runtime-default:0.9")}).files[0].note, HasSubstr("not a known"));
  // A release between two known ones is not taken for either.
  EXPECT_THAT(All({Extending("a", "runtime-default:crio-1.30")}).files[0].note,
              HasSubstr("known are containerd 1.6.28"));
  const std::string no_keys =
      R"({"syscalls": [{"names": ["keyctl"], "action": "SCMP_ACT_ERRNO"}]})";
  const Desired crio = All({Extending("a", "runtime-default:crio-1.33", no_keys)});
  ASSERT_TRUE(crio.files[0].prepared.valid()) << crio.files[0].note;
  preparer_.runtime = "cri-o://1.34.2";
  EXPECT_EQ(All({Extending("a", "runtime-default", no_keys)}).files[0].prepared.bytes,
            crio.files[0].prepared.bytes);
}

Claim OfTenant(std::string path, std::string text) {
  Claim claim;
  claim.path = std::move(path);
  claim.text = std::move(text);
  claim.owner = "shop/web";
  claim.tenant = true;
  return claim;
}

TEST_F(PrepareTest, ATenantsProfileMayNotGoBelowTheFloor) {
  preparer_.floor = "runtime-default:containerd-2.2";
  const Desired desired = All({OfTenant("ns/shop/web/a.json", kJson), Named("web/b.json", kJson)});
  const Prepared& refused = desired.files[0].prepared;
  EXPECT_FALSE(refused.valid());
  ASSERT_THAT(refused.diagnostics, ::testing::Not(IsEmpty()));
  EXPECT_EQ(refused.diagnostics.back().code, "E0408");
  EXPECT_THAT(refused.diagnostics.back().message,
              HasSubstr("(ALLOW), which policy.floor, runtime-default:containerd-2.2 (containerd "
                        "2.2.4+, 2.3.1+), does not (ERRNO(1)): refuse it too"));
  EXPECT_TRUE(desired.files[1].prepared.valid());  // a trusted one may
  // Nor where its meaning is known from the ledger, so that nothing would have to be compiled.
  preparer_.known_meaning = [](const base::Digest& digest) { return std::optional(digest); };
  EXPECT_FALSE(All({OfTenant("ns/shop/web/a.json", kJson)}).files[0].prepared.valid());
}

constexpr const char* kNothing = R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures":
  ["SCMP_ARCH_X86_64"], "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})";

TEST_F(PrepareTest, AFloorMayBeAProfileAndOneThatCannotBeHadRefusesEveryTenant) {
  preparer_.floor = "web//floor.json";
  const Desired desired =
      All({OfTenant("ns/shop/web/a.json", kNothing), OfTenant("ns/shop/web/b.json", kJson),
           Named("web/floor.json", kNothing)});
  EXPECT_TRUE(desired.files[0].prepared.valid()) << desired.files[0].note;
  EXPECT_THAT(desired.files[1].note, HasSubstr("E0408: permits"));
  preparer_.floor = "web/gone.json";
  EXPECT_THAT(All({OfTenant("ns/shop/web/a.json", kNothing)}).files[0].note,
              HasSubstr("E0408: policy.floor, web/gone.json, cannot be had: no profile"));
  preparer_.floor = "runtime-default";  // of a node whose runtime is not known yet
  EXPECT_THAT(All({OfTenant("ns/shop/web/a.json", kNothing)}).files[0].note,
              HasSubstr("the node's runtime is not known"));
}

TEST_F(PrepareTest, AFloorThatChangesIsComparedAnew) {
  preparer_.floor = "runtime-default:containerd-2.2";
  const std::vector<Claim> claims = {OfTenant("ns/shop/web/a.json", kJson)};
  Desired first = All(claims);
  EXPECT_FALSE(first.files[0].prepared.valid());
  preparer_.floor = "none";
  Desired second = All(claims, std::move(first));
  EXPECT_TRUE(second.files[0].prepared.valid()) << second.files[0].note;
  preparer_.floor = "runtime-default:containerd-1.7";
  EXPECT_FALSE(All(claims, std::move(second)).files[0].prepared.valid());
}

// 2^32 + 5 is cut to 5 by a 32-bit filter: it allows more than it reads.
constexpr const char* kCut = R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures":
  ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [{"names": ["ioctl"],
  "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 4294967301, "op": "SCMP_CMP_EQ"}]}]})";

TEST_F(PrepareTest, AFilterThatIsNotWhatItsTextSaysIsAWarningInTheNote) {
  if (preparer_.node.arch != seccomp::Arch::kX86_64) GTEST_SKIP() << "an x86 matter";
  const seccomp::SyscallTable all = seccomp::LoadLibseccompTable(true);
  preparer_.table = &all;
  const Desired desired = All({Named("a", kCut), Extending("b", "a", kNoAlg), Named("c", kJson)});
  EXPECT_TRUE(desired.files[0].prepared.valid());
  EXPECT_THAT(desired.files[0].note, HasSubstr("W0216 /syscalls: ioctl with arguments 0x0, 0x5"));
  EXPECT_THAT(desired.files[1].note, HasSubstr("W0216"));  // what it extends is part of it
  EXPECT_EQ(desired.files[2].note, "");
}

TEST_F(PrepareTest, ABaseOfABaseIsExtendedFirst) {
  const std::string none = R"({"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_LOG"}]})";
  const Desired desired =
      All({Extending("a", "b"), Extending("b", "c", none), Named("c", kConditional)});
  ASSERT_TRUE(desired.files[0].prepared.valid()) << desired.files[0].note;
  EXPECT_THAT(desired.files[0].prepared.bytes, HasSubstr(R"("names": ["mkdir"])"));
  EXPECT_EQ(desired.files[0].prepared.base, desired.files[1].prepared.digest);
}

TEST_F(PrepareTest, AChangedBaseIsExtendedAnewAndAnEqualOneIsNot) {
  Desired first = All({Extending("a", "b"), Named("b", kJson)});
  ASSERT_TRUE(first.files[0].prepared.valid()) << first.files[0].note;
  const base::Digest before = first.files[0].prepared.meaning;
  const int compiled = compiled_;
  Desired second = All({Extending("a", "b"), Named("b", kYaml)}, std::move(first));
  EXPECT_EQ(compiled_, compiled + 1);  // b's text changed, not its meaning
  EXPECT_EQ(second.files[0].prepared.meaning, before);
  const Desired third = All(
      {Extending("a", "b"), Named("b", R"({"defaultAction": "SCMP_ACT_LOG"})")}, std::move(second));
  EXPECT_NE(third.files[0].prepared.meaning, before);
}

TEST_F(PrepareTest, ABaseThatIsNoneIsAnErrorThatNamesIt) {
  EXPECT_THAT(All({Extending("a", "b")}).files[0].note, HasSubstr("no profile 'b' is installed"));
  EXPECT_THAT(All({Extending("a", "b"), Named("b", "{")}).files[0].note,
              HasSubstr("'b' is refused: E01"));
  const Desired circle = All({Extending("a", "b"), Extending("b", "c"), Extending("c", "a")});
  for (const DesiredFile& file : circle.files) {
    EXPECT_FALSE(file.prepared.valid());
    EXPECT_THAT(file.note, HasSubstr("E0205"));
  }
  std::vector<Claim> chain;
  for (char c = 'a'; c < 'k'; ++c) {
    chain.push_back(Extending(std::string(1, c), std::string(1, static_cast<char>(c + 1))));
  }
  chain.push_back(Named("k", kConditional));
  EXPECT_THAT(All(chain).files[0].note, HasSubstr("more than 8 bases"));
  Claim tenant = Named("b", kJson);
  tenant.tenant = true;
  EXPECT_THAT(All({Extending("a", "b"), tenant}).files[0].note, HasSubstr("tenant namespace"));
}

TEST_F(PrepareTest, TheMeaningIsWhatTheFilterDecidesNotHowItIsBuilt) {
  const Prepared plain = PrepareProfile({.text = kJson}, preparer_);
  const auto compile = preparer_.compile;
  preparer_.compile = [compile](const seccomp::Profile& profile) {
    auto program = compile(profile);
    if (program) program->insert(program->begin(), {.code = 0x05, .jt = 0, .jf = 0, .k = 0});
    return program;
  };
  const Prepared other = PrepareProfile({.text = kJson}, preparer_);
  EXPECT_EQ(other.meaning, plain.meaning);
}

TEST_F(PrepareTest, OnlyAChangedTextIsCompiledAgain) {
  Desired first = All({Named("a", kJson), Named("b", kJson), Named("c", "{")});
  EXPECT_EQ(compiled_, 2);
  EXPECT_THAT(first.files[2].note, HasSubstr("E01"));
  const Desired copy = first;
  const Desired second =
      All({Named("a", kJson), Named("b", kYaml), Named("c", "{")}, std::move(first));
  EXPECT_EQ(compiled_, 3);
  EXPECT_EQ(second.files[0], copy.files[0]);
  EXPECT_EQ(second.files[1].prepared.bytes, copy.files[1].prepared.bytes);
  EXPECT_EQ(second.files[2].note, copy.files[2].note);
}

TEST_F(PrepareTest, AClaimWithAnErrorIsNotPrepared) {
  Claim claim = Named("a", "");
  claim.error = "two keys claim this path";
  const Desired desired = All({claim});
  ASSERT_THAT(desired.files, SizeIs(1));
  EXPECT_FALSE(desired.files[0].prepared.valid());
  EXPECT_EQ(desired.files[0].note, "two keys claim this path");
  EXPECT_EQ(desired.Find("a"), &desired.files[0]);
  EXPECT_EQ(desired.Find("b"), nullptr);
}

TEST_F(PrepareTest, ATenantsListenerIsRefusedWithItsCode) {
  const std::string text = R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x.sock",
    "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]})";
  Claim claim = Named("ns/team/web/a.json", text);
  claim.tenant = true;
  const Desired tenant = All({claim});
  EXPECT_FALSE(tenant.files[0].prepared.valid());
  EXPECT_THAT(tenant.files[0].note, HasSubstr("E0405 /listenerPath"));
  claim.tenant = false;  // the same text, now from a trusted namespace
  EXPECT_TRUE(All({claim}, tenant).files[0].prepared.valid());
}

}  // namespace
}  // namespace seccompd::install
