// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/bpf/evaluate.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  return table;
}

TargetSettings Settings(std::istream* in = nullptr) {
  return {.node = {.arch = seccomp::Arch::kX86_64}, .table = &Table(), .in = in};
}

// A directory with a profile, a manifest and a program.
class ResolveTargetFiles : public ::testing::Test {
 protected:
  [[nodiscard]] std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(dir_.Join(name), std::ios::binary) << bytes;
    return dir_.Join(name);
  }

  test_support::TempDir dir_;
};

constexpr char kLogAll[] = "defaultAction: SCMP_ACT_LOG\n";
constexpr char kTwo[] =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  a.yaml: 'defaultAction: "
    "SCMP_ACT_LOG'\n  b.json: '{\"defaultAction\": \"SCMP_ACT_KILL\"}'\n";

TEST_F(ResolveTargetFiles, AProfileFileIsCompiled) {
  const std::string path = Write("log.yaml", kLogAll);
  const auto target = ResolveTarget(path, Settings());
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->name, path);
  EXPECT_EQ(target->text, kLogAll);
  ASSERT_TRUE(target->profile);
  EXPECT_EQ(target->profile->default_action, seccomp::ActionKind::kLog);
  EXPECT_EQ(target->stack.size(), 1U);
}

TEST_F(ResolveTargetFiles, StandardInputIsReadOnceOnly) {
  std::istringstream in(kLogAll);
  const auto target = ResolveTarget("-", Settings(&in));
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->name, "<stdin>");
  EXPECT_THAT(ResolveTarget("-", Settings()),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("once only")));
}

TEST_F(ResolveTargetFiles, AManifestWithSeveralProfilesNeedsAKey) {
  const std::string path = Write("m.yaml", kTwo);
  EXPECT_THAT(ResolveTarget(path, Settings()),
              IsError(ErrorCode::kInvalidArgument,
                      AllOf(HasSubstr("say which as " + path + "#KEY"),
                            HasSubstr("\n  a.yaml (web/a.json)\n  b.json (web/b.json)"))));
  for (const char* key : {"#b.json", "#web/b.json"}) {
    const auto target = ResolveTarget(path + key, Settings());
    ASSERT_THAT(target, IsOk()) << key;
    EXPECT_EQ(target->name, "web/b.json");
    EXPECT_EQ(target->profile->default_action, seccomp::ActionKind::kKillThread);
  }
  EXPECT_THAT(ResolveTarget(path + "#c.json", Settings()),
              IsError(ErrorCode::kNotFound, HasSubstr("no key c.json; there are\n  a.yaml")));
}

// Its few rules are no profile alone: what is meant is what the installer makes of them.
TEST_F(ResolveTargetFiles, AProfileWithABaseIsWhatWouldBeInstalled) {
  const std::string path = Write(
      "m.yaml",
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  annotations: {seccompd.io/base: "
      "runtime-default}\ndata:\n  a.yaml: |\n    syscalls:\n    - names: [mkdir]\n      action: "
      "SCMP_ACT_ERRNO\n      errnoRet: 42\n");
  TargetSettings settings = Settings();
  settings.container_runtime = "containerd-1.7";
  const auto target = ResolveTarget(path, settings);
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->name, "web/a.json");
  EXPECT_THAT(target->notes, ElementsAre("as installed, over its base runtime-default"));
  ASSERT_EQ(target->stack.size(), 1U);
  const auto decide = [&](std::uint32_t nr) {
    return bpf::EvaluateStack(target->stack, {.nr = nr, .arch = bpf::kAuditArchX86_64});
  };
  EXPECT_EQ(decide(83), bpf::kRetErrno | 42U);  // mkdir
  EXPECT_EQ(decide(84), bpf::kRetAllow);        // rmdir, of the base
  EXPECT_EQ(decide(246), bpf::kRetErrno | 1U);  // kexec_load, of the base
  EXPECT_THAT(ResolveTarget(path, Settings()),
              IsError(ErrorCode::kInvalidArgument,
                      AllOf(HasSubstr("seccompd.io/base"), HasSubstr("--runtime"))));
}

TEST_F(ResolveTargetFiles, AFileNameMayHoldAHash) {
  EXPECT_THAT(ResolveTarget(Write("a#b.yaml", kLogAll), Settings()), IsOk());
  EXPECT_THAT(ResolveTarget(Write("c#d.yaml", kTwo) + "#a.yaml", Settings()), IsOk());
}

TEST_F(ResolveTargetFiles, ARefusedProfileSaysWhereAndWhy) {
  const std::string path = Write("bad.yaml", "defaultAction: SCMP_ACT_LGO\n");
  EXPECT_THAT(ResolveTarget(path, Settings()),
              IsError(ErrorCode::kInvalidArgument, HasSubstr(path + ":1:16: error E0105")));
}

TEST_F(ResolveTargetFiles, ARawProgramMustBeOneTheKernelLoads) {
  const std::string allow("\x06\0\0\0\0\0\xff\x7f", 8);
  const auto target = ResolveTarget("bpf:" + Write("a.bpf", allow), Settings());
  ASSERT_THAT(target, IsOk());
  EXPECT_FALSE(target->profile);
  EXPECT_THAT(target->stack,
              ElementsAre(ElementsAre(bpf::Instruction{.code = bpf::kRetK, .k = bpf::kRetAllow})));
  for (const std::string& bytes : {std::string(), allow.substr(0, 7), std::string(8, '\0')}) {
    EXPECT_THAT(ResolveTarget("bpf:" + Write("b.bpf", bytes), Settings()),
                IsError(ErrorCode::kInvalidArgument, HasSubstr("b.bpf")));
  }
  std::string many;
  for (int i = 0; i < 4'097; ++i) many += allow;
  EXPECT_THAT(ResolveTarget("bpf:" + Write("c.bpf", many), Settings()),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("1 to 4096 instructions")));
}

TEST(ResolveTarget, RuntimeDefaultTakesAVersion) {
  for (const char* text : {"runtime-default:1.7.13", "runtime-default:containerd-1.7"}) {
    const auto target = ResolveTarget(text, Settings());
    ASSERT_THAT(target, IsOk()) << text;
    EXPECT_EQ(target->name, text);
    EXPECT_THAT(target->notes, ElementsAre(HasSubstr("as in containerd 1.7.")));
  }
  const auto newest = ResolveTarget("runtime-default", Settings());
  ASSERT_THAT(newest, IsOk());
  EXPECT_THAT(newest->notes, ElementsAre(HasSubstr("the newest known default")));
  EXPECT_THAT(ResolveTarget("runtime-default:1.5.9", Settings()),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("known are containerd 1.6.28")));
}

TEST(ResolveTarget, CriosDefaultIsOneToo) {
  const auto named = ResolveTarget("runtime-default:crio-1.33", Settings());
  ASSERT_THAT(named, IsOk());
  EXPECT_THAT(named->notes, ElementsAre("as in CRI-O 1.32-1.34"));
  const auto newest = ResolveTarget("runtime-default:crio", Settings());
  ASSERT_THAT(newest, IsOk());
  EXPECT_THAT(newest->notes, ElementsAre(HasSubstr("newest known default, of CRI-O 1.36+")));
  EXPECT_THAT(ResolveTarget("runtime-default:crio-1.30", Settings()),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("CRI-O 1.26-1.27")));
  // --runtime says whose default a bare one is.
  TargetSettings settings = Settings();
  settings.container_runtime = "cri-o://1.33.0";
  const auto bare = ResolveTarget("runtime-default", settings);
  ASSERT_THAT(bare, IsOk());
  EXPECT_EQ(bare->stack, named->stack);
}

TEST(ResolveTarget, CapabilitiesChangeTheRuntimeDefault) {
  TargetSettings settings = Settings();
  settings.node.capabilities = {{"CAP_SYS_ADMIN"}};
  const auto admin = ResolveTarget("runtime-default", settings);
  const auto usual = ResolveTarget("runtime-default", Settings());
  ASSERT_THAT(admin, IsOk());
  ASSERT_THAT(usual, IsOk());
  EXPECT_NE(admin->stack, usual->stack);
}

TEST(ResolveTarget, OtherFormsAreAskedBeforeGivingUp) {
  TargetSettings settings = Settings();
  settings.forms.push_back([](std::string_view text) -> std::optional<base::Result<Target>> {
    if (text != "self") return std::nullopt;
    return Target{.name = "self"};
  });
  const auto target = ResolveTarget("self", settings);
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->name, "self");
  EXPECT_THAT(ResolveTarget("/no/such\nfile", settings),
              IsError(ErrorCode::kNotFound, HasSubstr("/no/such\\x0afile: no such file")));
  EXPECT_THAT(ResolveTarget("", settings), IsError(ErrorCode::kInvalidArgument, "an empty TARGET"));
}

}  // namespace
}  // namespace seccompd::agent
