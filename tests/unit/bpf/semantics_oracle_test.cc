// SPDX-License-Identifier: Apache-2.0
// Two oracles that share no code: what libseccomp makes of a random profile, and what the profile's
// rules say it makes (seccomp/semantics).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "common/bpf/compile.h"
#include "common/bpf/evaluate.h"
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

std::uint64_t Value(Random& random) {
  const std::uint64_t low = random.OneIn(2) ? random.Below(8) : BoundaryWord(random);
  return random.OneIn(4) ? low | std::uint64_t{1} << 32 : low;
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

TEST(Compile, DecidesWhatTheProfileMeans) {
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  Random random(20261126);
  std::size_t compiled = 0;
  std::size_t compared = 0;
  constexpr std::size_t kProfiles = 300;
  constexpr std::size_t kInputs = 1'500;
  for (std::size_t i = 0; i < kProfiles * testing::TestFactor(); ++i) {
    const Profile profile = RandomProfile(random);
    const auto program = Compile(profile, kNative);
    if (!program) continue;  // conflicting rules: refused, as by the runtimes
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
  EXPECT_GT(compiled, kProfiles / 2);
  EXPECT_GT(compared, compiled * kInputs / 2);
}

}  // namespace
}  // namespace seccompd::bpf
