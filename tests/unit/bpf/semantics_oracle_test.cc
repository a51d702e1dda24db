// SPDX-License-Identifier: Apache-2.0
// Two oracles that share no code: what libseccomp makes of a random profile, and what the profile's
// rules say it makes (seccomp/semantics).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "common/bpf/compile.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/render.h"
#include "common/seccomp/semantics.h"
#include "tests/unit/bpf/program_generator.h"

namespace seccompd::bpf {
namespace {

using seccomp::Action;
using seccomp::ActionKind;
using seccomp::Arch;
using seccomp::ArgCondition;
using seccomp::CompareOp;
using seccomp::Profile;
using testing::BoundaryWord;
using testing::Random;
using testing::RandomInput;

constexpr Arch kNative = Arch::kX86_64;
constexpr const char* kNames[] = {"read",  "socket", "shmget",     "semop",   "socketpair",
                                  "clone", "ioctl",  "socketcall", "openat2", "a_call_of_tomorrow"};
constexpr ActionKind kKinds[] = {ActionKind::kAllow, ActionKind::kErrno, ActionKind::kErrno,
                                 ActionKind::kLog,   ActionKind::kTrap,  ActionKind::kKillProcess};

template <class T, std::size_t kSize>
T OneOf(Random& random, const T (&values)[kSize]) {
  return values[random.Below(kSize)];
}

// One high word only: see LibseccompForgetsWhichWordItHasLoaded.
std::uint64_t Value(Random& random) {
  return random.OneIn(2) ? random.Below(8) : BoundaryWord(random);
}

seccomp::SyscallRule RandomRule(Random& random) {
  seccomp::SyscallRule rule{.names = {OneOf(random, kNames)}, .action = OneOf(random, kKinds)};
  if (rule.action == ActionKind::kErrno) rule.errno_ret = random.Below(3);
  const std::uint32_t args = random.OneIn(4) ? 0 : 1 + random.Below(2);
  for (std::uint32_t i = 0; i < args; ++i) {
    constexpr CompareOp kOps[] = {CompareOp::kNe,      CompareOp::kLt, CompareOp::kLe,
                                  CompareOp::kEq,      CompareOp::kGe, CompareOp::kGt,
                                  CompareOp::kMaskedEq};
    rule.args.push_back({.index = random.Below(3),
                         .op = OneOf(random, kOps),
                         .value = Value(random),
                         .value_two = Value(random)});
  }
  return rule;
}

Profile RandomProfile(Random& random) {
  Profile profile{.default_action = OneOf(random, kKinds)};
  if (profile.default_action == ActionKind::kErrno) profile.default_errno_ret = random.Below(3);
  for (const Arch arch : {Arch::kX86_64, Arch::kX86, Arch::kX32}) {
    if (random.OneIn(2)) profile.architectures.push_back(arch);
  }
  const std::uint32_t rules = 1 + random.Below(5);
  for (std::uint32_t i = 0; i < rules; ++i) profile.syscalls.push_back(RandomRule(random));
  return profile;
}

// libseccomp 2.5.4 is no oracle where conditions on several arguments share a call with other
// conditions: its tree then decides inputs that no rule names.
bool MixesConditions(const Profile& profile) {
  for (const seccomp::SyscallRule& rule : profile.syscalls) {
    const auto same =
        std::count_if(profile.syscalls.begin(), profile.syscalls.end(),
                      [&](const seccomp::SyscallRule& other) { return other.names == rule.names; });
    if (rule.args.size() > 1 && same > 1) return true;
  }
  return false;
}

// Of a call that the profile names, on one of its architectures, or anything near the program.
SeccompData Input(Random& random, const Program& program, const Profile& profile,
                  const seccomp::SyscallTable& table) {
  SeccompData data = RandomInput(random, program);
  if (random.OneIn(4)) return data;
  constexpr Arch kArchs[] = {Arch::kX86_64, Arch::kX86, Arch::kX32};
  const Arch arch = OneOf(random, kArchs);
  const auto& rule =
      profile.syscalls[random.Below(static_cast<std::uint32_t>(profile.syscalls.size()))];
  const auto number = table.Number(arch, rule.names.front());
  data.arch = seccomp::AuditArch(arch);
  if (number && *number >= 0) data.nr = static_cast<std::uint32_t>(*number);
  for (const ArgCondition& arg : rule.args) {
    const std::uint64_t near = arg.value + random.Below(3) - 1;
    data.args[arg.index] = random.OneIn(3) ? near | std::uint64_t{random.Below(2)} << 32 : near;
  }
  return data;
}

// libseccomp 2.5.4 sometimes leaves out the load of the number in the section of one architecture
// and compares the architecture with numbers: such a filter decides by accident, and no rule of the
// profile tells how. True if the first comparison of that section is one of those.
bool ComparesArchWithNumbers(const Program& program, std::uint32_t arch) {
  for (std::size_t at = 0; at < program.size();) {
    const Instruction& one = program[at];
    const bool of_arch =
        one.k == seccomp::AuditArch(Arch::kX86_64) || one.k == seccomp::AuditArch(Arch::kX86);
    if (one.code == kJa) {
      at += 1 + one.k;
    } else if (one.code == kJeqK && of_arch) {
      at += 1 + (one.k == arch ? one.jt : one.jf);
    } else if (one.code == kLdAbs && one.k == 4) {
      ++at;
    } else {
      return one.code != kLdAbs && one.code != kRetK;
    }
  }
  return false;
}

bool IsBroken(const Program& program) {
  return ComparesArchWithNumbers(program, seccomp::AuditArch(Arch::kX86_64)) ||
         ComparesArchWithNumbers(program, seccomp::AuditArch(Arch::kX86));
}

TEST(Compile, DecidesWhatTheProfileMeans) {
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  Random random(20261126);
  std::size_t compiled = 0;
  std::size_t compared = 0;
  std::size_t broken = 0;
  constexpr std::size_t kProfiles = 300;
  constexpr std::size_t kInputs = 1'500;
  for (std::size_t i = 0; i < kProfiles * testing::TestFactor(); ++i) {
    const Profile profile = RandomProfile(random);
    if (MixesConditions(profile)) continue;
    const auto program = Compile(profile, kNative);
    if (!program) continue;  // conflicting rules: refused, as by the runtimes
    if (IsBroken(*program)) {
      ++broken;
      continue;
    }
    ++compiled;
    for (std::size_t j = 0; j < kInputs; ++j) {
      const SeccompData data = Input(random, *program, profile, table);
      seccomp::Call call{.audit_arch = data.arch, .nr = data.nr};
      std::copy(std::begin(data.args), std::end(data.args), call.args.begin());
      const seccomp::Meaning meaning = MeaningOf(profile, table, kNative, call);
      const Action is = seccomp::FromReturnValue(Evaluate(*program, data));
      const bool meant =
          std::find(meaning.loaded.begin(), meaning.loaded.end(), is) != meaning.loaded.end();
      ASSERT_TRUE(meant) << "filter " << DisplayName(is) << ", profile "
                         << DisplayName(meaning.loaded.front()) << " of " << meaning.loaded.size()
                         << ": arch " << std::hex << data.arch << " nr " << data.nr << " args "
                         << data.args[0] << " " << data.args[1] << " " << data.args[2] << "\n"
                         << RenderOci(profile);
      compared += meaning.loaded.size() == 1 ? 1U : 0U;
    }
  }
  EXPECT_LT(broken, compiled / 4);
  EXPECT_GT(compiled, kProfiles / 4);
  EXPECT_GT(compared, compiled * kInputs / 2);
}

// semop(2) is let through on no architecture, and
// openat2(2) is not logged on i386.
TEST(Compile, LibseccompForgetsToLoadTheNumber) {
  if (LibseccompVersion() != "2.5.4") GTEST_SKIP() << "seen in libseccomp 2.5.4";
  const Profile profile{
      .default_action = ActionKind::kTrap,
      .architectures = {Arch::kX86, Arch::kX32},
      .syscalls = {{.names = {"openat2"},
                    .action = ActionKind::kLog,
                    .args = {{.index = 0, .op = CompareOp::kLe, .value = 3304378041},
                             {.index = 0, .op = CompareOp::kLe, .value = 472}}},
                   {.names = {"semop"},
                    .action = ActionKind::kAllow,
                    .args = {{.index = 1, .op = CompareOp::kEq, .value = 3221225534}}}}};
  const auto program = Compile(profile, kNative);
  ASSERT_TRUE(program.has_value());
  EXPECT_TRUE(IsBroken(*program));
  EXPECT_EQ(Evaluate(*program, {.nr = 437, .arch = 0x40000003, .args = {1}}), kRetTrap);
}

// Behind a comparison of the low word 2.5.4 jumps to one of the high word without loading it: only
// an exact reading of the filter shows what such a profile does.
TEST(Compile, LibseccompForgetsWhichWordItHasLoaded) {
  if (LibseccompVersion() != "2.5.4") GTEST_SKIP() << "seen in libseccomp 2.5.4";
  const auto when = [](CompareOp op, std::uint64_t value) {
    return seccomp::SyscallRule{.names = {"lseek"},
                                .action = ActionKind::kErrno,
                                .args = {{.index = 1, .op = op, .value = value}}};
  };
  const Profile profile{
      .default_action = ActionKind::kAllow,
      .syscalls = {when(CompareOp::kGt, 0x100000000), when(CompareOp::kLe, 0xffffff)}};
  const auto program = Compile(profile, kNative);
  ASSERT_TRUE(program.has_value());
  const SeccompData data = {.nr = 8, .arch = 0xc000003e, .args = {0, 0x1000000}};
  EXPECT_EQ(Evaluate(*program, data), kRetErrno | 1);  // neither condition holds
  const seccomp::Meaning meaning =
      MeaningOf(profile, seccomp::LoadLibseccompTable(), kNative,
                {.audit_arch = data.arch, .nr = data.nr, .args = {0, data.args[1]}});
  EXPECT_EQ(meaning.plain.kind, ActionKind::kAllow);
}

}  // namespace
}  // namespace seccompd::bpf
