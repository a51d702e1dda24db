// SPDX-License-Identifier: Apache-2.0
// What the agent pays for compiling profiles in a confined child of its zygote instead of itself,
// for a short profile and for containerd's default; both in the same run. Root.
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <thread>

#include "agent/confinement/compile_zygote.h"
#include "common/bpf/compile.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/runtime_default.h"

namespace seccompd::agent {
namespace {

constexpr char kShort[] = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","keyctl","mount"],"action":"SCMP_ACT_ERRNO"}]})";

seccomp::Profile ProfileOf(const benchmark::State& state) {
  if (state.range(0) == 0) return *seccomp::ParseProfile(kShort).profile;
  return seccomp::ContainerdDefaultProfile(seccomp::ContainerdDefault::k2_2_4, seccomp::NodeFacts{},
                                           seccomp::DefaultCapabilities());
}

void InProcess(benchmark::State& state) {
  const seccomp::Profile profile = ProfileOf(state);
  for (auto _ : state) {
    const auto program = bpf::Compile(profile, seccomp::NativeArch());
    if (!program) return state.SkipWithError(program.error().message.c_str());
    benchmark::DoNotOptimize(program->size());
  }
}

void ThroughZygote(benchmark::State& state) {
  const seccomp::Profile profile = ProfileOf(state);
  const auto zygote = CompileZygote::Start(ConfinementMode::kOn);
  if (!zygote) return state.SkipWithError(zygote.error().message.c_str());
  for (auto _ : state) {
    const auto program = (*zygote)->Compile(profile, seccomp::NativeArch());
    if (!program) return state.SkipWithError(program.error().message.c_str());
    benchmark::DoNotOptimize(program->size());
  }
}

// As profiles come: the zygote has had time to make its next worker.
void ThroughRestedZygote(benchmark::State& state) {
  const seccomp::Profile profile = ProfileOf(state);
  const auto zygote = CompileZygote::Start(ConfinementMode::kOn);
  if (!zygote) return state.SkipWithError(zygote.error().message.c_str());
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    const auto start = std::chrono::steady_clock::now();
    const auto program = (*zygote)->Compile(profile, seccomp::NativeArch());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (!program) return state.SkipWithError(program.error().message.c_str());
    state.SetIterationTime(took.count());
  }
}

// 0: three calls; 1: containerd's default, some 360 names on three architectures.
BENCHMARK(InProcess)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(ThroughZygote)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(ThroughRestedZygote)
    ->Arg(0)
    ->Iterations(300)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(ThroughRestedZygote)
    ->Arg(1)
    ->Iterations(50)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace seccompd::agent

BENCHMARK_MAIN();
