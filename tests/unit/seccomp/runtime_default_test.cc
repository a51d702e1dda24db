// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/runtime_default.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace seccompd::seccomp {
namespace {

NodeFacts Amd64() { return {.arch = Arch::kX86_64, .kernel_major = 6, .kernel_minor = 1}; }

// Does an unconditional ALLOW rule name the call?
bool Allows(const Profile& profile, std::string_view name) {
  return std::any_of(
      profile.syscalls.begin(), profile.syscalls.end(), [&](const SyscallRule& rule) {
        return rule.action == ActionKind::kAllow && rule.args.empty() &&
               std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end();
      });
}
const SyscallRule* RuleFor(const Profile& profile, std::string_view name) {
  for (const SyscallRule& rule : profile.syscalls) {
    if (rule.names.front() == name) return &rule;
  }
  return nullptr;
}

TEST(ContainerdDefaultOf, KnowsReleasesMinorsAndDistributionSuffixes) {
  EXPECT_EQ(ContainerdDefaultOf("1.6.28"), ContainerdDefault::k1_6_28);
  EXPECT_EQ(ContainerdDefaultOf("1.7.12"), ContainerdDefault::k1_7_3);
  EXPECT_EQ(ContainerdDefaultOf("containerd://1.7.24"), ContainerdDefault::k1_7_13);
  EXPECT_EQ(ContainerdDefaultOf("containerd-1.7"), ContainerdDefault::k1_7_32);
  EXPECT_EQ(ContainerdDefaultOf("v2.0.5"), ContainerdDefault::k2_0_0);
  EXPECT_EQ(ContainerdDefaultOf("2.1.4"), ContainerdDefault::k2_0_0);
  EXPECT_EQ(ContainerdDefaultOf("2.2.4~ds1"), ContainerdDefault::k2_2_4);
  EXPECT_EQ(ContainerdDefaultOf("2.3.0"), ContainerdDefault::k2_2_0);
  EXPECT_EQ(ContainerdDefaultOf("2.3"), ContainerdDefault::k2_2_4);
}

TEST(ContainerdDefaultOf, NeverGuesses) {
  for (const char* version : {"1.6.20", "1.5.9", "1.7.35", "3.0.0", "", "1", "1.7.x", "1.7-rc1",
                              "cri-o://1.30.0", "2.0.12"}) {
    EXPECT_EQ(ContainerdDefaultOf(version), std::nullopt) << version;
  }
}

TEST(ContainerdDefaultProfile, BaseListsHaveThePublishedSizes) {
  const std::pair<ContainerdDefault, std::size_t> sizes[] = {
      {ContainerdDefault::k1_6_28, 356}, {ContainerdDefault::k1_7_3, 349},
      {ContainerdDefault::k1_7_13, 355}, {ContainerdDefault::k1_7_32, 355},
      {ContainerdDefault::k2_0_0, 352},  {ContainerdDefault::k2_0_9, 352},
      {ContainerdDefault::k2_2_0, 363},  {ContainerdDefault::k2_2_4, 363}};
  for (const auto& [version, size] : sizes) {
    const Profile profile = ContainerdDefaultProfile(version, Amd64(), DefaultCapabilities());
    const auto& names = profile.syscalls.front().names;
    EXPECT_EQ(names.size(), size) << DisplayName(version);
    EXPECT_EQ(std::set(names.begin(), names.end()).size(), size) << "a name stands twice";
  }
}

TEST(ContainerdDefaultProfile, CapabilitiesOpenTheirCalls) {
  const auto version = ContainerdDefault::k1_7_32;
  const Profile plain = ContainerdDefaultProfile(version, Amd64(), DefaultCapabilities());
  EXPECT_FALSE(Allows(plain, "bpf"));
  EXPECT_TRUE(Allows(plain, "chroot"));
  EXPECT_FALSE(Allows(plain, "mount"));
  ASSERT_NE(RuleFor(plain, "clone"), nullptr);
  EXPECT_EQ(RuleFor(plain, "clone")->args.front().value, 0x7E020000U);
  EXPECT_EQ(RuleFor(plain, "clone3")->errno_ret, 38U);

  const std::string_view admin[] = {"CAP_SYS_ADMIN"};
  const Profile privileged = ContainerdDefaultProfile(version, Amd64(), admin);
  EXPECT_TRUE(Allows(privileged, "mount"));
  EXPECT_EQ(RuleFor(privileged, "clone3"), nullptr);
  EXPECT_FALSE(Allows(privileged, "chroot"));

  const std::string_view bpf[] = {"CAP_BPF"};
  EXPECT_TRUE(Allows(ContainerdDefaultProfile(version, Amd64(), bpf), "bpf"));
}

TEST(ContainerdDefaultProfile, SocketRulesFollowTheVersion) {
  const auto socket_rules = [](ContainerdDefault version) {
    const Profile profile = ContainerdDefaultProfile(version, Amd64(), DefaultCapabilities());
    return std::count_if(profile.syscalls.begin(), profile.syscalls.end(),
                         [](const SyscallRule& rule) { return rule.names.front() == "socket"; });
  };
  EXPECT_EQ(socket_rules(ContainerdDefault::k1_6_28), 0);
  EXPECT_EQ(socket_rules(ContainerdDefault::k1_7_13), 1);
  EXPECT_EQ(socket_rules(ContainerdDefault::k1_7_32), 3);
  EXPECT_EQ(socket_rules(ContainerdDefault::k2_2_4), 3);
}

TEST(ContainerdDefaultProfile, IoUringEndsWithVersionTwo) {
  for (const ContainerdDefault version : AllContainerdDefaults()) {
    const Profile profile = ContainerdDefaultProfile(version, Amd64(), DefaultCapabilities());
    EXPECT_EQ(Allows(profile, "io_uring_setup"), version < ContainerdDefault::k2_0_0)
        << DisplayName(version);
  }
}

TEST(ContainerdDefaultProfile, OldKernelsGetNoPtrace) {
  const NodeFacts old{.arch = Arch::kX86_64, .kernel_major = 4, .kernel_minor = 7};
  const auto version = ContainerdDefault::k2_2_4;
  EXPECT_FALSE(Allows(ContainerdDefaultProfile(version, old, DefaultCapabilities()), "ptrace"));
  EXPECT_TRUE(Allows(ContainerdDefaultProfile(version, Amd64(), DefaultCapabilities()), "ptrace"));
}

TEST(ContainerdDefaultProfile, ArchitecturesFollowTheNode) {
  const auto version = ContainerdDefault::k2_2_4;
  NodeFacts arm = Amd64();
  arm.arch = Arch::kAarch64;
  const Profile profile = ContainerdDefaultProfile(version, arm, DefaultCapabilities());
  EXPECT_EQ(profile.architectures, (std::vector<Arch>{Arch::kArm, Arch::kAarch64}));
  EXPECT_TRUE(Allows(profile, "set_tls"));
  EXPECT_FALSE(Allows(profile, "arch_prctl"));
}

}  // namespace
}  // namespace seccompd::seccomp
