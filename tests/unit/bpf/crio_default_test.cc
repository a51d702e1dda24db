// SPDX-License-Identifier: Apache-2.0
// CRI-O's default profiles as data, against the profile of containers/common that Debian packages
// (buildah needs it), and against what is known of the editions that Debian does not have.
#include "common/seccomp/crio_default.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "common/bpf/check.h"
#include "common/bpf/compile.h"
#include "common/bpf/decide.h"
#include "common/bpf/evaluate.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/known_default.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/support/container_host.h"

namespace seccompd::bpf {
namespace {

using seccomp::Arch;
using seccomp::CrioDefault;
using Names = std::vector<std::string>;

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  return table;
}

seccomp::Profile Default(CrioDefault version, Arch arch, const Names& capabilities) {
  const std::vector<std::string_view> held(capabilities.begin(), capabilities.end());
  return CrioDefaultProfile(version, arch, held);
}
Names Usual() { return {seccomp::CrioCapabilities().begin(), seccomp::CrioCapabilities().end()}; }
Names With(Names more) {
  Names set = Usual();
  set.insert(set.end(), more.begin(), more.end());
  return set;
}
Names All() { return {seccomp::AllCapabilities().begin(), seccomp::AllCapabilities().end()}; }

// The file of containers/common 0.50.1 with CRI-O's rule of that time: unshare(2) is taken out of
// the list, and allowed again with CAP_SYS_ADMIN.
std::optional<std::string> PackagedProfile() {
  std::ifstream file("/usr/share/containers/seccomp.json");
  if (!file) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string unshare = "\"unshare\",";
  const std::size_t at = text.find(unshare);
  const std::size_t end = text.rfind(']');
  if (at == std::string::npos || text.find(unshare, at + 1) != std::string::npos) return "";
  text.insert(end,
              R"(,{"names": ["unshare"], "action": "SCMP_ACT_ALLOW",
                  "includes": {"caps": ["CAP_SYS_ADMIN"]}})");
  text.erase(at, unshare.size());
  // setns(2) is refused at the end after it was allowed at the start, which decides. Our diagnosis
  // refuses two actions for one call.
  const std::size_t setns = text.rfind("\"setns\"");
  const std::size_t comma = text.rfind(',', setns);
  text.erase(comma, setns + 7 - comma);
  return text;
}

TEST(CrioDefault, EqualsThePackagedProfileForEveryCapabilityAndArchitecture) {
  const auto text = PackagedProfile();
  if (!text && test_support::InCi()) FAIL() << "golang-github-containers-common is not installed";
  if (!text) GTEST_SKIP() << "golang-github-containers-common is not installed";
  ASSERT_FALSE(text->empty()) << "the package holds another edition";
  std::vector<Names> sets = {{}, Usual(), All(), With({"CAP_SYS_ADMIN"})};
  for (const std::string_view one : seccomp::AllCapabilities()) sets.push_back({std::string(one)});
  for (const Arch arch : {Arch::kX86_64, Arch::kAarch64}) {
    for (const Names& set : sets) {
      const seccomp::NodeFacts node{.arch = arch, .capabilities = set};
      const auto packaged = seccomp::CheckProfile(*text, Table(), node);
      ASSERT_TRUE(packaged.profile);
      const auto theirs = Compile(*packaged.profile, arch);
      const auto ours = Compile(Default(CrioDefault::k1_26, arch, set), arch);
      ASSERT_TRUE(theirs && ours);
      Workspace workspace;
      const auto expected = workspace.Decide(*theirs);
      const auto found = workspace.Decide(*ours);
      ASSERT_TRUE(expected && found);
      EXPECT_EQ(*expected, *found) << DisplayName(arch) << " " << testing::PrintToString(set);
    }
  }
}

// CRI-O itself refuses to start unless unshare stands at this place of the sorted list of allowed
// calls (seccomp.go, validateSyscallIndex): the lists have the right lengths.
TEST(CrioDefault, TheListsAreAsLongAsCrioSays) {
  const std::pair<CrioDefault, std::ptrdiff_t> places[] = {
      {CrioDefault::k1_26, 363}, {CrioDefault::k1_32, 358}, {CrioDefault::k1_36, 363}};
  for (const auto& [version, place] : places) {
    const seccomp::Profile profile = Default(version, Arch::kX86_64, Usual());
    Names allowed = profile.syscalls[1].names;
    for (const char* name : {"clone", "clone3", "unshare"}) {
      if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
        allowed.emplace_back(name);
      }
    }
    std::sort(allowed.begin(), allowed.end());
    EXPECT_EQ(std::adjacent_find(allowed.begin(), allowed.end()), allowed.end());
    const auto unshare = std::find(allowed.begin(), allowed.end(), "unshare");
    EXPECT_EQ(unshare - allowed.begin(), place) << DisplayName(version);
  }
}

std::string Answer(CrioDefault version, const Names& capabilities, std::string_view name,
                   std::uint64_t a0 = 0, std::uint64_t a2 = 0) {
  const auto program = Compile(Default(version, Arch::kX86_64, capabilities), Arch::kX86_64);
  EXPECT_TRUE(program);
  SeccompData call{.nr = static_cast<std::uint32_t>(*Table().Number(Arch::kX86_64, name)),
                   .arch = seccomp::AuditArch(Arch::kX86_64)};
  call.args[0] = a0;
  call.args[2] = a2;
  return DisplayName(seccomp::FromReturnValue(Evaluate(*program, call)));
}

TEST(CrioDefault, WhatMakesNamespacesNeedsACapability) {
  constexpr std::uint64_t kNewUser = 0x10000000;
  const Names admin = With({"CAP_SYS_ADMIN"});
  for (const CrioDefault version : {CrioDefault::k1_32, CrioDefault::k1_36}) {
    EXPECT_EQ(Answer(version, Usual(), "clone", 0x11), "ALLOW");
    EXPECT_EQ(Answer(version, Usual(), "clone", kNewUser), "ERRNO(1)");
    EXPECT_EQ(Answer(version, Usual(), "clone3"), "ERRNO(38)");
    EXPECT_EQ(Answer(version, admin, "clone", kNewUser), "ALLOW");
    EXPECT_EQ(Answer(version, admin, "clone3"), "ALLOW");
  }
  EXPECT_EQ(Answer(CrioDefault::k1_26, Usual(), "clone", kNewUser), "ALLOW");
  EXPECT_EQ(Answer(CrioDefault::k1_26, Usual(), "clone3"), "ALLOW");
  for (const CrioDefault version : seccomp::AllCrioDefaults()) {
    EXPECT_EQ(Answer(version, Usual(), "unshare"), "ERRNO(38)") << DisplayName(version);
    EXPECT_EQ(Answer(version, admin, "unshare"), "ALLOW") << DisplayName(version);
    EXPECT_EQ(Answer(version, Usual(), "mount"), "ALLOW") << DisplayName(version);
    EXPECT_EQ(Answer(version, Usual(), "init_module"), "ERRNO(1)") << DisplayName(version);
    EXPECT_EQ(Answer(version, Usual(), "io_uring_setup"), "ERRNO(38)") << DisplayName(version);
  }
}

TEST(CrioDefault, SocketsFollowTheEditionAndTheAuditCapability) {
  const Names audit = With({"CAP_AUDIT_WRITE"});
  for (const CrioDefault version : seccomp::AllCrioDefaults()) {
    EXPECT_EQ(Answer(version, Usual(), "socket", 16, 9), "ERRNO(22)") << DisplayName(version);
    EXPECT_EQ(Answer(version, audit, "socket", 16, 9), "ALLOW") << DisplayName(version);
    EXPECT_EQ(Answer(version, Usual(), "socket", 2, 6), "ALLOW") << DisplayName(version);
  }
  EXPECT_EQ(Answer(CrioDefault::k1_32, audit, "socket", 40), "ALLOW");
  EXPECT_EQ(Answer(CrioDefault::k1_36, audit, "socket", 40), "ERRNO(1)");
}

TEST(KnownDefault, NamesBothRuntimesAndNeverGuesses) {
  using seccomp::KnownDefaultOf;
  EXPECT_EQ(KnownDefaultOf("crio-1.26"), seccomp::KnownDefault(CrioDefault::k1_26));
  EXPECT_EQ(KnownDefaultOf("cri-o://1.33.4"), seccomp::KnownDefault(CrioDefault::k1_32));
  EXPECT_EQ(KnownDefaultOf("cri-o-v1.37.0"), seccomp::KnownDefault(CrioDefault::k1_36));
  EXPECT_EQ(KnownDefaultOf("containerd://1.7.13"),
            seccomp::KnownDefault(seccomp::ContainerdDefault::k1_7_13));
  for (const char* text : {"", "crio", "cri-o", "crio-", "crio-1", "crio-1.", "crio-1.30",
                           "cri-o://1.35.1", "crio-2.0", "crio1.32", "crio-1.32x", "docker-25"}) {
    EXPECT_EQ(KnownDefaultOf(text), std::nullopt) << text;
  }
  EXPECT_EQ(seccomp::DefaultsOfRuntime("cri-o://1.30.0").size(), 3U);
  EXPECT_EQ(seccomp::DefaultsOfRuntime("containerd://0.9").size(), 8U);
  EXPECT_EQ(seccomp::DefaultsOfRuntime("").size(), 11U);
  EXPECT_EQ(seccomp::DefaultsOfRuntime("crio-1.36.2").size(), 1U);
}

// CRI-O grants fewer capabilities than containerd: its default refuses chroot to whom nothing was
// added.
TEST(KnownDefault, CapabilitiesAreThoseOfTheRuntime) {
  const seccomp::NodeFacts plain{.arch = Arch::kX86_64};
  const seccomp::Profile profile = ProfileOf(seccomp::KnownDefault(CrioDefault::k1_36), plain);
  const auto refuses = std::any_of(
      profile.syscalls.begin(), profile.syscalls.end(), [](const seccomp::SyscallRule& rule) {
        return rule.action == seccomp::ActionKind::kErrno && rule.names.front() == "chroot";
      });
  EXPECT_TRUE(refuses);
}

}  // namespace
}  // namespace seccompd::bpf
