// SPDX-License-Identifier: Apache-2.0
// Rules for socket(2) over CRI-O's defaults, which themselves look at its family and protocol.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/bpf/compile.h"
#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/crio_default.h"
#include "common/seccomp/extend.h"
#include "common/seccomp/runtime_default.h"
#include "common/seccomp/syscall_facts.h"
#include "tests/unit/bpf/extended.h"

namespace seccompd::bpf {
namespace {

using seccomp::Arch;
using seccomp::CrioDefault;
using seccomp::Profile;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Names = std::vector<std::string_view>;

constexpr std::uint32_t kAuditArchAarch64 = 0xc00000b7;
constexpr std::uint32_t kAuditArchArm = 0x40000028;
constexpr std::uint32_t kPerm = kRetErrno | 1;
constexpr std::uint32_t kInval = kRetErrno | 22;  // CRI-O's answer to an audit socket
constexpr std::uint32_t kOwn = kRetErrno | 97;

Names With(Names more) {
  more.insert(more.end(), seccomp::CrioCapabilities().begin(), seccomp::CrioCapabilities().end());
  return more;
}

Profile Default(CrioDefault version, const Names& capabilities = With({}),
                Arch arch = Arch::kX86_64) {
  return CrioDefaultProfile(version, arch, capabilities);
}

std::string Rule(const std::string& action, const std::string& args, int error = 0,
                 const std::string& name = "socket") {
  const std::string errno_ret = error == 0 ? "" : "\"errnoRet\": " + std::to_string(error) + ",";
  return R"({"names": [")" + name + R"("], "action": "SCMP_ACT_)" + action + "\"," + errno_ret +
         "\"args\": [" + args + "]}";
}
std::string Refuse(const std::string& args) { return Rule("ERRNO", args, 97); }
std::string Is(int index, std::uint64_t value) {
  return R"({"index": )" + std::to_string(index) + R"(, "op": "SCMP_CMP_EQ", "value": )" +
         std::to_string(value) + "}";
}
std::string Bits(int index, std::uint64_t mask, std::uint64_t value) {
  return R"({"index": )" + std::to_string(index) + R"(, "op": "SCMP_CMP_MASKED_EQ", "value": )" +
         std::to_string(mask) + R"(, "valueTwo": )" + std::to_string(value) + "}";
}

// socket(2) in each of the ways that reach the filter with their arguments.
std::vector<std::uint32_t> Answers(const Extended& e, std::uint64_t domain, std::uint64_t type,
                                   std::uint64_t protocol) {
  std::vector<std::uint32_t> out;
  const auto ask = [&](std::uint32_t arch, std::uint32_t nr, std::uint64_t high) {
    out.push_back(Decision(e, arch, nr, high | domain, high | type, high | protocol));
  };
  if (e.arch == Arch::kX86_64) {
    ask(kAuditArchX86_64, 41, 0);
    ask(kAuditArchX86_64, 41, kDirty);
    ask(kAuditArchX86_64, seccomp::kX32Bit | 41, 0);
    ask(kAuditArchI386, 359, 0);
  } else {
    ask(kAuditArchAarch64, 198, 0);
    ask(kAuditArchAarch64, 198, kDirty);
    ask(kAuditArchArm, 281, 0);
  }
  return out;
}

struct Probe {
  std::uint64_t domain = 0;
  std::uint64_t type = 0;
  std::uint64_t protocol = 0;
  std::uint32_t answer = 0;
};

void ExpectAnswers(const Extended& e, const std::vector<Probe>& probes, const std::string& where) {
  ASSERT_TRUE(e.proof) << where << ": " << e.proof.error().message << " "
                       << testing::PrintToString(e.messages) << testing::PrintToString(e.codes);
  EXPECT_LE(e.program.size(), std::size_t{kMaxInstructions}) << where;
  for (const Probe& p : probes) {
    EXPECT_THAT(Answers(e, p.domain, p.type, p.protocol), ::testing::Each(p.answer))
        << where << ": socket(" << p.domain << ", " << p.type << ", " << p.protocol << ")";
  }
}

// Every edition, with and without the capabilities that change its rules, on both architectures.
template <typename Check>
void ForEachDefault(const Check& check) {
  const Names all(seccomp::AllCapabilities().begin(), seccomp::AllCapabilities().end());
  for (const CrioDefault version : seccomp::AllCrioDefaults()) {
    for (const Names& held : {With({}), With({"CAP_AUDIT_WRITE"}), all}) {
      const auto has_audit = std::find(held.begin(), held.end(), "CAP_AUDIT_WRITE") != held.end();
      for (const Arch arch : {Arch::kX86_64, Arch::kAarch64}) {
        std::string where(DisplayName(version));
        where.append(" ").append(DisplayName(arch)).append(" ") += std::to_string(held.size());
        check(
            Default(version, held, arch), arch,
            std::vector<Probe>{
                {.domain = 2, .type = 1, .protocol = 6, .answer = kRetAllow},
                {.domain = 1, .type = 1, .protocol = 0, .answer = kRetAllow},
                {.domain = 39, .type = 5, .protocol = 0, .answer = kRetAllow},
                {.domain = 16, .type = 3, .protocol = 0, .answer = kRetAllow},
                {.domain = 2, .type = 3, .protocol = 9, .answer = kRetAllow},
                {.domain = 16, .type = 3, .protocol = 9, .answer = has_audit ? kRetAllow : kInval},
                {.domain = 40,
                 .type = 1,
                 .protocol = 0,
                 .answer = version == CrioDefault::k1_36 ? kPerm : kRetAllow}},
            where);
      }
    }
  }
}

// What the base answers, but for the calls that the rule is about.
std::vector<Probe> Over(std::vector<Probe> base, const std::vector<Probe>& own) {
  for (const Probe& p : own) {
    std::erase_if(base, [&](const Probe& old) {
      return old.domain == p.domain && old.type == p.type && old.protocol == p.protocol;
    });
    base.push_back(p);
  }
  return base;
}

TEST(CrioExtension, OneFamilyIsRefusedOverEveryDefault) {
  ForEachDefault([](const Profile& base, Arch arch, const std::vector<Probe>& before,
                    const std::string& where) {
    ExpectAnswers(Apply(Refuse(Is(0, 38)), base, arch),
                  Over(before, {{38, 5, 0, kOwn}, {38, 5, 9, kOwn}, {38, 0x80005, 0, kOwn}}),
                  where);
  });
}

TEST(CrioExtension, SeveralFamiliesAreRefusedOverEveryDefault) {
  const std::string any = Refuse(Is(0, 38) + "," + Is(0, 40) + "," + Is(0, 16));  // any of them
  const std::string apart = Refuse(Is(0, 38)) + "," + Refuse(Is(0, 40)) + "," + Refuse(Is(0, 16));
  ForEachDefault([&](const Profile& base, Arch arch, const std::vector<Probe>& before,
                     const std::string& where) {
    const std::vector<Probe> after =
        Over(before, {{38, 5, 0, kOwn}, {40, 1, 0, kOwn}, {16, 3, 9, kOwn}, {16, 3, 0, kOwn}});
    ExpectAnswers(Apply(any, base, arch), after, where);
    ExpectAnswers(Apply(apart, base, arch), after, where);
  });
}

TEST(CrioExtension, AFamilyWithATypeIsRefusedOverEveryDefault) {
  // SOCK_CLOEXEC and SOCK_NONBLOCK are bits of the type above the lowest four.
  const std::string packet = Refuse(Is(0, 17) + "," + Bits(1, 15, 3));
  const std::string netlink = Refuse(Is(0, 16) + "," + Bits(1, 15, 3));
  ForEachDefault([&](const Profile& base, Arch arch, const std::vector<Probe>& before,
                     const std::string& where) {
    ExpectAnswers(Apply(packet, base, arch),
                  Over(before, {{17, 3, 0, kOwn}, {17, 0x80803, 9, kOwn}, {17, 2, 0, kRetAllow}}),
                  where);
    ExpectAnswers(
        Apply(netlink, base, arch),
        Over(before,
             {{16, 3, 0, kOwn}, {16, 0x80803, 9, kOwn}, {16, 3, 9, kOwn}, {16, 2, 0, kRetAllow}}),
        where);
  });
}

TEST(CrioExtension, OtherActionsAreTakenToo) {
  ForEachDefault([](const Profile& base, Arch arch, const std::vector<Probe>& before,
                    const std::string& where) {
    ExpectAnswers(Apply(Rule("KILL_PROCESS", Is(0, 38)), base, arch),
                  Over(before, {{38, 5, 0, kRetKillProcess}}), where);
    ExpectAnswers(Apply(Rule("LOG", Is(0, 38)), base, arch), Over(before, {{38, 5, 0, kRetLog}}),
                  where);
    ExpectAnswers(Apply(Rule("ALLOW", Is(0, 40)), base, arch),
                  Over(before, {{40, 1, 0, kRetAllow}}), where);
    ExpectAnswers(
        Apply(Rule("ERRNO", Bits(1, 15, 3)), base, arch),
        Over(before,
             {{2, 3, 9, kPerm}, {16, 3, 0, kPerm}, {16, 3, 9, kPerm}, {17, 0x80003, 0, kPerm}}),
        where);
  });
}

// 20 families, and all but two, are still one small filter.
TEST(CrioExtension, LongListsOfFamiliesFit) {
  std::string many;
  std::vector<Probe> refused;
  for (std::uint64_t family = 19; family < 39; ++family) {
    many += (many.empty() ? "" : ",") + Is(0, family);
    refused.push_back({family, 1, 0, kOwn});
  }
  const Profile base = Default(CrioDefault::k1_36);
  const Extended e = Apply(Refuse(many), base);
  ExpectAnswers(e, refused, "20 families");
  EXPECT_LT(e.program.size(), 1'600U);
}

// CRI-O 1.36 refuses AF_VSOCK by one rule and allows all but AF_NETLINK by another. libseccomp has
// chosen the first: that is what the base decides, and without asking it is not guessed.
TEST(CrioExtension, WhereRulesOfTheBaseOverlapItsFilterIsAsked) {
  const Profile base = Default(CrioDefault::k1_36);
  const Extended e = Apply(Refuse(Is(0, 38)), base);
  ExpectAnswers(e, {{40, 1, 0, kPerm}, {38, 1, 0, kOwn}}, "asked");
  const auto unasked = seccomp::Extend(base, e.extension);
  EXPECT_FALSE(unasked.profile);
  ASSERT_EQ(unasked.diagnostics.size(), 1U);
  EXPECT_THAT(unasked.diagnostics[0].message, HasSubstr("the base has overlapping rules"));
  // A false answer is not believed: the proof holds the result against the filter.
  const auto misled = seccomp::Extend(base, e.extension, [](auto, const auto&) {
    return std::optional(seccomp::Action{.kind = seccomp::ActionKind::kAllow});
  });
  ASSERT_TRUE(misled.profile);
  Extended wrong = e;
  wrong.rewritten = *misled.profile;
  const auto program = Compile(wrong.rewritten, Arch::kX86_64);
  ASSERT_TRUE(program);
  wrong.program = *program;
  Workspace workspace;
  EXPECT_FALSE(ProveExtension(workspace, CaseOf(wrong)));
}

// "All 32 bits of the type" and "all 32 bits of the protocol" are 32 * 32 conditions, and no fewer:
// of the calls that differ from the refused one in one bit each, no two share a condition.
TEST(CrioExtension, TwoWholeArgumentsBesideEachOtherAreTooManyAndTheDiagnosticSaysWhatToDo) {
  const Extended e = Apply(Refuse(Is(0, 16) + "," + Is(1, 3)), Default(CrioDefault::k1_32));
  EXPECT_THAT(e.codes, Contains("E0207 /syscalls/0/names/0"));
  EXPECT_THAT(e.messages, Contains(HasSubstr("compare fewer bits (SCMP_CMP_MASKED_EQ)")));
  // Where the audit protocol is not restricted, the same rule fits.
  EXPECT_TRUE(Apply(Refuse(Is(0, 16) + "," + Is(1, 3)),
                    Default(CrioDefault::k1_32, With({"CAP_AUDIT_WRITE"})))
                  .proof);
}

// socketcall(2) hides its arguments. CRI-O's default is ENOSYS, and a rule that says the same is
// void there.
TEST(CrioExtension, SocketcallIsClosedByAnotherErrorThanTheDefaults) {
  const auto socketcall = [](int error) {
    return Refuse(Is(0, 38)) + "," + Rule("ERRNO", "", error, "socketcall");
  };
  for (const CrioDefault version : seccomp::AllCrioDefaults()) {
    const Profile base = Default(version);
    const Extended open = Apply(Refuse(Is(0, 38)), base);
    ASSERT_EQ(open.open.size(), 1U);
    EXPECT_THAT(open.open[0].message, HasSubstr("deny socketcall here too, with an error that is "
                                                "not the default's (errnoRet: 13 (EACCES))"));
    const Extended same = Apply(socketcall(38), base);
    EXPECT_THAT(same.codes, Contains("E0207 /syscalls/1/names/0"));
    EXPECT_THAT(same.messages, Contains(HasSubstr("for example errnoRet: 13 (EACCES)")));
    for (const int error : {1, 13, 97}) {
      const Extended closed = Apply(socketcall(error), base);
      ASSERT_TRUE(closed.proof) << error << testing::PrintToString(closed.codes);
      EXPECT_THAT(closed.open, IsEmpty());
      EXPECT_EQ(Decision(closed, kAuditArchI386, 102, 1),
                kRetErrno | static_cast<std::uint32_t>(error));
    }
  }
}

// The rule for socketcall stands before those for socket, else libseccomp refuses two actions.
TEST(Extension, SocketcallIsDeniedWithAnyErrorOverContainerdToo) {
  const Profile base = ContainerdDefaultProfile(seccomp::ContainerdDefault::k2_2_4, ExtendedNode(),
                                                seccomp::DefaultCapabilities());
  for (const int error : {13, 38, 97}) {
    const Extended e =
        Apply(Refuse(Is(0, 38)) + "," + Rule("ERRNO", "", error, "socketcall"), base);
    ASSERT_TRUE(e.proof) << error << testing::PrintToString(e.codes);
    EXPECT_EQ(Decision(e, kAuditArchI386, 102, 1), kRetErrno | static_cast<std::uint32_t>(error));
  }
}

}  // namespace
}  // namespace seccompd::bpf
