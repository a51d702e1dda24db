// SPDX-License-Identifier: Apache-2.0
// What runc and crun really load, read from the kernel, means what we compile for them. With
// SECCOMPD_RECORD_FILTERS=DIR profiles and programs are also written there: tests/data/filters/
// runtimes was made in this way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/bpf/cause.h"
#include "common/bpf/compare.h"
#include "common/bpf/compile.h"
#include "common/filters/filter_reader.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/loader.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/subprocess.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd {
namespace {

using seccomp::ActionKind;
using seccomp::Arch;
using seccomp::CompareOp;
using seccomp::Profile;
using seccomp::SyscallRule;
using test_support::IsOk;
using test_support::Runtime;

Profile Containerd(const std::string& version) {
  std::ifstream file(bpf::testing::FilterPath("containerd-" + version + ".json"));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return seccomp::ParseProfile(text).profile.value_or(Profile());
}

// The default's list with another default action, so that busybox still starts.
Profile WithDefault(ActionKind kind, std::optional<std::uint32_t> errno_ret = {}) {
  Profile profile = Containerd("1.7.32");
  profile.default_action = kind;
  profile.default_errno_ret = errno_ret;
  return profile;
}

Profile WithArchitectures(std::vector<Arch> archs) {
  Profile profile = Containerd("1.7.32");
  profile.architectures = std::move(archs);
  return profile;
}

Profile Denying(std::vector<SyscallRule> rules) {
  return {.default_action = ActionKind::kAllow,
          .architectures = {Arch::kX86_64, Arch::kX86, Arch::kX32},
          .syscalls = std::move(rules)};
}

SyscallRule Deny(const char* name, std::vector<seccomp::ArgCondition> args = {},
                 std::uint32_t error = 1) {
  return {
      .names = {name}, .action = ActionKind::kErrno, .errno_ret = error, .args = std::move(args)};
}

struct Case {
  std::string name;
  Profile profile;
};

std::vector<Case> Cases() {
  Profile few_names = Containerd("1.7.32");  // a lower threshold: the newest names are left out
  for (SyscallRule& rule : few_names.syscalls) {
    std::erase_if(rule.names, [](const std::string& name) {
      return name.starts_with("landlock") || name.starts_with("process_") ||
             name.starts_with("futex_") || name.starts_with("epoll_pwait2") ||
             name.starts_with("memfd_secret") || name == "cachestat" || name == "fchmodat2" ||
             name == "map_shadow_stack" || name == "quotactl_fd" || name == "mount_setattr";
    });
  }
  std::erase_if(few_names.syscalls, [](const SyscallRule& rule) { return rule.names.empty(); });
  Profile unknown_names = Containerd("2.3.1");
  unknown_names.syscalls.front().names.emplace_back("a_call_of_tomorrow");
  return {
      {"containerd-1.7.13", Containerd("1.7.13")},
      {"containerd-2.3.1", Containerd("2.3.1")},
      {"log-all", {.default_action = ActionKind::kLog}},
      {"allow-all", {.default_action = ActionKind::kAllow}},
      {"native-only", WithArchitectures({})},
      {"no-x32", WithArchitectures({Arch::kX86_64, Arch::kX86})},
      {"foreign-arch", WithArchitectures({Arch::kX86_64, Arch::kAarch64, Arch::kArm})},
      {"enosys-default", WithDefault(ActionKind::kErrno, 38)},
      {"kill-default", WithDefault(ActionKind::kKillProcess)},
      {"trap-default", WithDefault(ActionKind::kTrap)},
      {"few-names", few_names},
      {"unknown-names", unknown_names},
      {"deny-by-argument",
       Denying({Deny("socket", {{.index = 0, .op = CompareOp::kEq, .value = 38}}, 97),
                Deny("ioctl", {{.index = 1, .op = CompareOp::kEq, .value = 0x5412}}),
                Deny("clone", {{.index = 0,
                                .op = CompareOp::kMaskedEq,
                                .value = 0x10000000,
                                .value_two = 0x10000000}}),
                Deny("lseek", {{.index = 1, .op = CompareOp::kGe, .value = 0x100000000},
                               {.index = 2, .op = CompareOp::kLt, .value = 2}}),
                Deny("personality", {{.index = 0, .op = CompareOp::kEq, .value = 1},
                                     {.index = 0, .op = CompareOp::kEq, .value = 2}}),
                Deny("keyctl")})},
  };
}

void Record(const std::string& name, const Profile& profile, const bpf::Program& program,
            const std::string& suffix) {
  const char* directory = std::getenv("SECCOMPD_RECORD_FILTERS");
  if (directory == nullptr) return;
  const std::string path = std::string(directory) + "/" + name;
  std::ofstream(path + ".json") << seccomp::RenderOci(profile);
  std::ofstream(path + "." + suffix + ".bpf", std::ios::binary)
      .write(reinterpret_cast<const char*>(program.data()),
             static_cast<std::streamsize>(program.size() * sizeof(bpf::Instruction)));
}

// Of the runc that is installed: "runc version 1.1.5+ds1" is its first line.
bpf::RuncStub InstalledRunc() {
  const auto result = test_support::RunCommand({.argv = {"runc", "--version"}});
  const std::string prefix = "runc version ";
  if (!result || !result->out.starts_with(prefix)) return {};
  return bpf::RuncStubOf(result->out.substr(prefix.size())).value_or(bpf::RuncStub());
}

class RuntimeFiltersTest : public ::testing::TestWithParam<Runtime> {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    auto reader = filters::FilterReader::Open();
    if (!reader && !test_support::InCi()) {
      GTEST_SKIP() << "filters cannot be read here: " << reader.error().message;
    }
    ASSERT_THAT(reader, IsOk());
    reader_.emplace(*std::move(reader));
    if (seccomp::NativeArch() != Arch::kX86_64) GTEST_SKIP() << "the profiles are for x86_64";
  }

  [[nodiscard]] bpf::Runtime runtime() const {
    return GetParam() == Runtime::kRunc ? bpf::Runtime::kRunc : bpf::Runtime::kCrun;
  }

  // The one filter of a container that runs under the profile.
  std::optional<bpf::Program> Load(test_support::ContainerHost& host, const Profile& profile) {
    const auto container = host.Run({.seccomp = seccomp::RenderOci(profile)});
    EXPECT_THAT(container, IsOk());
    if (!container) return std::nullopt;
    std::vector<filters::Task> tasks;
    EXPECT_THAT(reader_->Scan(tasks), IsOk());
    const filters::Task* task = filters::JudgedThread(tasks, (*container)->pid());
    if (task == nullptr) return std::nullopt;
    const filters::DumpRequest request{.id = task->id, .filter = task->filter};
    std::optional<bpf::Stack> stack;
    EXPECT_THAT(reader_->DumpStacks({&request, 1},
                                    [&](filters::Dump dump) {
                                      if (dump.stack) stack = std::move(*dump.stack);
                                    }),
                IsOk());
    if (!stack || stack->size() != 1) return std::nullopt;
    return std::move(stack->front());
  }

  std::optional<filters::FilterReader> reader_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, RuntimeFiltersTest,
                         ::testing::Values(Runtime::kCrun, Runtime::kRunc),
                         [](const auto& test) { return test_support::RuntimeName(test.param); });

TEST_P(RuntimeFiltersTest, LoadedFiltersMeanWhatWeCompile) {
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  test_support::ContainerHost host(GetParam());
  for (const Case& c : Cases()) {
    ASSERT_FALSE(seccomp::RenderOci(c.profile).empty());
    const auto loaded = Load(host, c.profile);
    ASSERT_TRUE(loaded) << c.name;
    Record(c.name, c.profile, *loaded, test_support::RuntimeName(GetParam()));
    const auto ours = bpf::CompileFor(runtime(), c.profile, Arch::kX86_64, table, InstalledRunc());
    ASSERT_THAT(ours, IsOk()) << c.name;
    bpf::Workspace workspace;
    const auto is = workspace.Decide(*loaded);
    const auto want = workspace.Decide(*ours);
    ASSERT_TRUE(is && want) << c.name;
    EXPECT_EQ(*is, *want) << c.name << " " << loaded->size() << " instructions";
  }
}

// GHSA-4q85-33p6-j5g6 on real containers: libseccomp before 2.6.1 lets the order of two upper
// bounds decide, so one set of rules loads two filters. `diff` and the audit can say why, and
// `validate
// --target` warns of it.
TEST_P(RuntimeFiltersTest, TheMergeFaultOfLibseccompIsLoadedAndExplained) {
  const auto below = [](std::uint64_t value, std::uint32_t error) {
    return Deny("lseek", {{.index = 1, .op = CompareOp::kLt, .value = value}}, error);
  };
  const Profile asked = Denying({below(0x100000003, 2), below(0x100000005, 1)});
  const Profile reordered = Denying({below(0x100000005, 1), below(0x100000003, 2)});
  test_support::ContainerHost host(GetParam());
  const auto first = Load(host, asked);
  const auto second = Load(host, reordered);
  ASSERT_TRUE(first && second);
  bpf::Workspace workspace;
  const auto want = workspace.Decide(*first);
  const auto is = workspace.Decide(*second);
  ASSERT_TRUE(want && is);
  const std::string version = bpf::LibseccompVersion();
  seccomp::LoaderFacts loader;
  ASSERT_TRUE(seccomp::AddLoader("libseccomp-" + version, &loader));
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  const auto warned = seccomp::DiagnoseLoader(asked, table, {}, loader);
  if (*loader.libseccomp >= seccomp::Release{2, 6, 1}) {
    EXPECT_EQ(*want, *is);
    EXPECT_TRUE(warned.empty());
    return;
  }
  ASSERT_NE(*want, *is) << "libseccomp " << version << " is not known to be mended";
  const auto comparison = bpf::Compare(workspace, *want, *is);
  ASSERT_TRUE(comparison);
  const auto compile = [](const Profile& profile) { return bpf::Compile(profile, Arch::kX86_64); };
  const auto causes = bpf::FindCauses(workspace, *is, *comparison,
                                      {.asked = asked, .table = table, .compile = compile});
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_EQ(causes.front().cause, bpf::Cause::kLibseccompMerge);
  EXPECT_EQ(causes.front().detail, "lseek");
  ASSERT_EQ(warned.size(), 1U);
  EXPECT_EQ(warned.front().code, "W0302");
}

// crun makes no stub.
class RuncStubTest : public RuntimeFiltersTest {};
INSTANTIATE_TEST_SUITE_P(Runtimes, RuncStubTest, ::testing::Values(Runtime::kRunc),
                         [](const auto& test) { return test_support::RuntimeName(test.param); });

TEST_P(RuncStubTest, EveryOrderMeansTheSame) {
  test_support::ContainerHost host(GetParam());
  const Profile profile = Containerd("1.7.13");
  std::set<std::vector<std::uint64_t>> orders;
  std::set<std::string> meanings;
  constexpr int kMostStarts = 12;
  for (int i = 0; i < kMostStarts && orders.size() < 3; ++i) {
    const auto loaded = Load(host, profile);
    ASSERT_TRUE(loaded);
    std::vector<std::uint64_t> bytes;
    for (const bpf::Instruction& one : *loaded) {
      bytes.push_back(std::uint64_t{one.code} << 48 | std::uint64_t{one.jt} << 40 |
                      std::uint64_t{one.jf} << 32 | one.k);
    }
    if (orders.insert(bytes).second) {
      Record("containerd-1.7.13", profile, *loaded, "runc-" + std::to_string(orders.size()));
    }
    bpf::Workspace workspace;
    const auto diagram = workspace.Decide(*loaded);
    ASSERT_TRUE(diagram);
    meanings.insert(workspace.Fingerprint(*diagram).Hex());
  }
  EXPECT_EQ(meanings.size(), 1U);
  RecordProperty("orders", static_cast<int>(orders.size()));
}

}  // namespace
}  // namespace seccompd
