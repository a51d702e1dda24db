// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/render.h"

#include <gtest/gtest.h>

#include <random>

#include "common/seccomp/parse.h"

namespace seccompd::seccomp {
namespace {

TEST(RenderOci, HasAFixedFormWithOneRuleALine) {
  const Profile profile{
      .default_action = ActionKind::kErrno,
      .default_errno_ret = 38,
      .architectures = {Arch::kX86_64, Arch::kX86},
      .flags = std::vector{FilterFlag::kLog, FilterFlag::kSpecAllow},
      .listener_path = "/run/a\"b",
      .listener_metadata = "x\n",
      .syscalls = {{.names = {"read", "write"}, .action = ActionKind::kAllow},
                   {.names = {"clone"},
                    .action = ActionKind::kErrno,
                    .errno_ret = 1,
                    .args = {{.index = 0, .op = CompareOp::kMaskedEq, .value = 2114060288},
                             {.index = 1, .op = CompareOp::kLt, .value = 18446744073709551615U}}}}};
  EXPECT_EQ(RenderOci(profile), R"({
  "defaultAction": "SCMP_ACT_ERRNO",
  "defaultErrnoRet": 38,
  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
  "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
  "listenerPath": "/run/a\"b",
  "listenerMetadata": "x\n",
  "syscalls": [
    {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}, {"index": 1, "value": 18446744073709551615, "op": "SCMP_CMP_LT"}]}
  ]
}
)");
}

TEST(RenderOci, LeavesOutWhatIsNotThere) {
  EXPECT_EQ(RenderOci({.default_action = ActionKind::kLog}),
            "{\n  \"defaultAction\": \"SCMP_ACT_LOG\"\n}\n");
}

// Anything a user can write comes back as it was: random profiles, a fixed seed.
TEST(RenderOci, IsAFixedPointOfParseProfile) {
  std::mt19937_64 random(7);
  const auto below = [&random](std::uint64_t n) {
    return static_cast<std::uint32_t>(random() % n);
  };
  const auto wide = [&] { return random() >> below(64); };
  for (int round = 0; round < 500; ++round) {
    Profile profile;
    profile.default_action = static_cast<ActionKind>(below(8));
    if (profile.default_action == ActionKind::kNotify) profile.default_action = ActionKind::kTrap;
    if (HasData(profile.default_action) && below(2) != 0) profile.default_errno_ret = below(4096);
    for (std::uint32_t i = below(4); i > 0; --i) {
      profile.architectures.push_back(static_cast<Arch>(below(kArchCount)));
    }
    if (below(2) != 0) profile.flags.emplace(below(3), static_cast<FilterFlag>(below(4)));
    profile.listener_path = below(2) != 0 ? "/run/\xc3\xa4 \x01\"\\" : "/";
    for (std::uint32_t i = below(6); i > 0; --i) {
      SyscallRule rule{.names = {"a\xe2\x80\xa8"
                                 "b",
                                 std::string(1 + below(5), 'x')},
                       .action = static_cast<ActionKind>(below(8))};
      if (HasData(rule.action) && below(2) != 0) rule.errno_ret = below(4096);
      for (std::uint32_t a = below(4); a > 0; --a) {
        rule.args.push_back({.index = below(6),
                             .op = static_cast<CompareOp>(below(7)),
                             .value = wide(),
                             .value_two = wide()});
      }
      profile.syscalls.push_back(std::move(rule));
    }
    const std::string text = RenderOci(profile);
    const auto parsed = ParseProfile(text);
    ASSERT_TRUE(parsed.profile) << text << parsed.diagnostics.front().message;
    EXPECT_EQ(*parsed.profile, profile) << text;
    EXPECT_EQ(RenderOci(*parsed.profile), text);
  }
}

}  // namespace
}  // namespace seccompd::seccomp
