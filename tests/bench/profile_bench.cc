// SPDX-License-Identifier: Apache-2.0
// What a profile costs on its way to the disk: a list of 400 names with a few conditions, as large
// generated profiles are.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "common/bpf/compile.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"

namespace seccompd {
namespace {

using seccomp::ActionKind;
using seccomp::Arch;
using seccomp::CompareOp;
using seccomp::Profile;
using seccomp::SyscallTable;

const seccomp::NodeFacts kNode{.arch = Arch::kX86_64};

const SyscallTable& Table() {
  static const SyscallTable table = seccomp::LoadLibseccompTable(true);
  return table;
}

Profile FourHundredNames() {
  Profile profile{.default_action = ActionKind::kErrno,
                  .architectures = {Arch::kX86_64, Arch::kX86, Arch::kX32}};
  seccomp::SyscallRule allow{.action = ActionKind::kAllow};
  for (const Arch arch : {Arch::kX86_64, Arch::kX86}) {
    for (const std::string_view name : Table().Names(arch)) {
      if (allow.names.size() == 396 || name == "clone" || name == "personality") continue;
      const bool known = arch == Arch::kX86 && Table().Number(Arch::kX86_64, name);
      if (!known) allow.names.emplace_back(name);
    }
  }
  profile.syscalls.push_back(std::move(allow));
  for (const std::uint64_t value : {0x0U, 0x8U, 0x20000U}) {
    profile.syscalls.push_back({.names = {"personality"},
                                .action = ActionKind::kAllow,
                                .args = {{.index = 0, .op = CompareOp::kEq, .value = value}}});
  }
  profile.syscalls.push_back(
      {.names = {"clone"},
       .action = ActionKind::kAllow,
       .args = {{.index = 0, .op = CompareOp::kMaskedEq, .value = 0x7e020000}}});
  return profile;
}

std::string YamlOf(const Profile& profile) {
  std::string text =
      "defaultAction: SCMP_ACT_ERRNO\nsyscalls:\n- action: SCMP_ACT_ALLOW\n  names:\n";
  for (const std::string& name : profile.syscalls[0].names) text += "  - " + name + "\n";
  return text;
}

void BM_ParseJson(benchmark::State& state) {
  const std::string text = RenderOci(FourHundredNames());
  for (auto _ : state) benchmark::DoNotOptimize(seccomp::ParseProfile(text));
}
BENCHMARK(BM_ParseJson)->Unit(benchmark::kMicrosecond);

void BM_ParseYaml(benchmark::State& state) {
  const std::string text = YamlOf(FourHundredNames());
  for (auto _ : state) benchmark::DoNotOptimize(seccomp::ParseProfile(text));
}
BENCHMARK(BM_ParseYaml)->Unit(benchmark::kMicrosecond);

void BM_Diagnose(benchmark::State& state) {
  const Profile profile = FourHundredNames();
  for (auto _ : state) benchmark::DoNotOptimize(Diagnose(profile, Table(), kNode));
}
BENCHMARK(BM_Diagnose)->Unit(benchmark::kMicrosecond);

void BM_Render(benchmark::State& state) {
  const Profile profile = FourHundredNames();
  for (auto _ : state) benchmark::DoNotOptimize(RenderOci(profile));
}
BENCHMARK(BM_Render)->Unit(benchmark::kMicrosecond);

// Budget: 5 ms in a release build.
void BM_ParseDiagnoseRender(benchmark::State& state) {
  const std::string text = RenderOci(FourHundredNames());
  for (auto _ : state) {
    const auto parsed = seccomp::CheckProfile(text, Table(), kNode);
    if (!parsed.profile) std::abort();
    benchmark::DoNotOptimize(RenderOci(*parsed.profile));
  }
}
BENCHMARK(BM_ParseDiagnoseRender)->Unit(benchmark::kMicrosecond);

void BM_CheckCompiles(benchmark::State& state) {
  const Profile profile = FourHundredNames();
  for (auto _ : state) benchmark::DoNotOptimize(bpf::CheckCompiles(profile, kNode.arch));
}
BENCHMARK(BM_CheckCompiles)->Unit(benchmark::kMicrosecond);

void BM_Compile(benchmark::State& state) {
  const Profile profile = FourHundredNames();
  for (auto _ : state) benchmark::DoNotOptimize(bpf::Compile(profile, kNode.arch));
}
BENCHMARK(BM_Compile)->Unit(benchmark::kMicrosecond);

void BM_LoadLibseccompTable(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(seccomp::LoadLibseccompTable(true));
}
BENCHMARK(BM_LoadLibseccompTable)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace seccompd

BENCHMARK_MAIN();
