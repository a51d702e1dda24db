// SPDX-License-Identifier: Apache-2.0
// Budgets (release): containerd's default built twice and compared 2.5 ms; a fingerprint hit 5 us;
// a hostile program answers or gives up in 50 ms and 64 MiB.
#include <benchmark/benchmark.h>

#include "common/bpf/compare.h"
#include "common/bpf/decide.h"
#include "common/bpf/explain.h"
#include "common/bpf/fingerprint_cache.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd::bpf {
namespace {

using testing::RecordedFilter;
using testing::StubSection;
using testing::WithEnosysStub;

constexpr StubSection kSections[] = {
    {.arch = kAuditArchX86_64, .last_nr = 456, .last_x32_nr = 0x40000000 + 547},
    {.arch = kAuditArchI386, .last_nr = 456, .last_x32_nr = {}}};

void CompareTwo(benchmark::State& state, const Program& a, const Program& b) {
  Workspace workspace;
  std::size_t nodes = 0;
  for (auto _ : state) {
    workspace.Reset();
    const auto first = workspace.Decide(a);
    const auto second = workspace.Decide(b);
    if (!first || !second) {
      state.SkipWithError("undecided");
      return;
    }
    auto comparison = Compare(workspace, *first, *second);
    benchmark::DoNotOptimize(comparison);
    nodes = workspace.Store().size();
  }
  state.counters["nodes"] = static_cast<double>(nodes);
}

void BM_CompareContainerdDefaultWithItself(benchmark::State& state) {
  const Program filter = RecordedFilter("containerd-1.7.32");
  CompareTwo(state, filter, filter);
}
BENCHMARK(BM_CompareContainerdDefaultWithItself)->Unit(benchmark::kMicrosecond);

void BM_CompareWithStub(benchmark::State& state) {
  const Program filter = RecordedFilter("containerd-1.7.32");
  CompareTwo(state, filter, WithEnosysStub(filter, kSections));
}
BENCHMARK(BM_CompareWithStub)->Unit(benchmark::kMicrosecond);

void BM_CompareWithOptimized(benchmark::State& state) {
  CompareTwo(state, RecordedFilter("containerd-1.7.32"),
             RecordedFilter("containerd-1.7.32-optimized"));
}
BENCHMARK(BM_CompareWithOptimized)->Unit(benchmark::kMicrosecond);

void BM_CompareVersions(benchmark::State& state) {
  CompareTwo(state, RecordedFilter("containerd-1.7.13"), RecordedFilter("containerd-2.3.1"));
}
BENCHMARK(BM_CompareVersions)->Unit(benchmark::kMicrosecond);

void BM_DecideStackOfTwo(benchmark::State& state) {
  const Stack stack = {RecordedFilter("containerd-1.7.32"), RecordedFilter("containerd-2.3.1")};
  Workspace workspace;
  for (auto _ : state) {
    workspace.Reset();
    auto diagram = workspace.Decide(stack);
    benchmark::DoNotOptimize(diagram);
  }
}
BENCHMARK(BM_DecideStackOfTwo)->Unit(benchmark::kMicrosecond);

void BM_Fingerprint(benchmark::State& state) {
  Workspace workspace;
  const auto diagram = workspace.Decide(RecordedFilter("containerd-1.7.32"));
  for (auto _ : state) {
    auto digest = workspace.Fingerprint(diagram.value_or(Diagram{}));
    benchmark::DoNotOptimize(digest);
  }
}
BENCHMARK(BM_Fingerprint)->Unit(benchmark::kMicrosecond);

void BM_FingerprintHit(benchmark::State& state) {
  const Stack stack = {RecordedFilter("containerd-1.7.32")};
  FingerprintCache cache(64, 1);
  cache.Insert(stack, base::Digest{});
  for (auto _ : state) {
    const auto* hit = cache.Find(stack);
    benchmark::DoNotOptimize(hit);
  }
}
BENCHMARK(BM_FingerprintHit)->Unit(benchmark::kMicrosecond);

void BM_Explain(benchmark::State& state) {
  Workspace workspace;
  const auto diagram = workspace.Decide(RecordedFilter("containerd-1.7.32"));
  for (auto _ : state) {
    auto ranges = Explain(workspace, diagram.value_or(Diagram{}), kAuditArchX86_64);
    benchmark::DoNotOptimize(ranges);
  }
}
BENCHMARK(BM_Explain)->Unit(benchmark::kMicrosecond);

// Programs made to cost: how long until an answer or "undecided", and how much memory.
void Hostile(benchmark::State& state, const Program& program) {
  Workspace workspace;
  bool decided = false;
  for (auto _ : state) {
    workspace.Reset();
    decided = workspace.Decide(program).has_value();
  }
  state.counters["decided"] = decided ? 1 : 0;
  state.counters["nodes"] = static_cast<double>(workspace.Store().size());
  state.counters["MiB"] = static_cast<double>(workspace.Footprint()) / (1 << 20);
}

// A different value on every path: sums of argument words under data-dependent additions.
Program AdditionChain() {
  Program program = {{.code = kLdAbs, .k = 16}};
  while (program.size() + 4 < kMaxInstructions) {
    const auto i = static_cast<std::uint32_t>(program.size());
    program.push_back({.code = kJsetK, .jt = 0, .jf = 1, .k = 1U << (i % 32)});
    program.push_back({.code = kAddK, .k = i * 2654435761U});
    program.push_back({.code = kXorK, .k = i * 40503U});
  }
  program.push_back({.code = kRetA});
  return program;
}

// Products of inputs, the worst functions for any diagram.
Program Products() {
  Program program = {{.code = kLdAbs, .k = 16}};
  while (program.size() + 4 < kMaxInstructions) {
    program.push_back({.code = kTax});
    program.push_back(
        {.code = kLdAbs, .k = 16 + 4 * static_cast<std::uint32_t>(program.size() % 12)});
    program.push_back({.code = kMulX});
  }
  program.push_back({.code = kRetA});
  return program;
}

// Comparisons of all words with random constants, jumps everywhere.
Program Comparisons() {
  Program program;
  std::uint32_t k = 1;
  while (program.size() + 5 < kMaxInstructions) {
    k = k * 1664525U + 1013904223U;
    program.push_back({.code = kLdAbs, .k = 4 * (k >> 28)});
    program.push_back({.code = (k & 1) != 0 ? kJgtK : kJeqK,
                       .jt = static_cast<std::uint8_t>((k >> 8) % 2),
                       .jf = static_cast<std::uint8_t>((k >> 9) % 3 / 2),
                       .k = k});
  }
  program.push_back({.code = kRetK, .k = kRetErrno});
  program.push_back({.code = kRetK, .k = kRetAllow});
  program.push_back({.code = kRetK, .k = kRetLog});
  return program;
}

// One bit of every word in each comparison: masks that no order of variables likes.
Program Masks() {
  Program program;
  std::uint32_t k = 7;
  while (program.size() + 4 < kMaxInstructions) {
    k = k * 1664525U + 1013904223U;
    program.push_back({.code = kLdAbs, .k = 4 * (k >> 28)});
    program.push_back({.code = kJsetK, .jt = 1, .jf = 0, .k = k | 1});
    program.push_back({.code = kRetK, .k = kRetErrno | (k >> 20)});
  }
  program.push_back({.code = kRetK, .k = kRetAllow});
  return program;
}

// Every path remembers other bits: 2^n different states.
Program States() {
  Program program = {{.code = kLdImm, .k = 0}, {.code = kSt, .k = 0}};
  while (program.size() + 8 < kMaxInstructions) {
    const auto i = static_cast<std::uint32_t>(program.size() / 6);
    program.push_back({.code = kLdAbs, .k = 16 + 4 * (i % 12)});
    program.push_back({.code = kJsetK, .jt = 0, .jf = 3, .k = 1U << (i % 32)});
    program.push_back({.code = kLdMem, .k = 0});
    program.push_back({.code = kAddK, .k = i * 2654435761U});
    program.push_back({.code = kSt, .k = 0});
  }
  program.push_back({.code = kLdMem, .k = 0});
  program.push_back({.code = kRetA});
  return program;
}

void BM_HostileAdditionChain(benchmark::State& state) { Hostile(state, AdditionChain()); }
BENCHMARK(BM_HostileAdditionChain)->Unit(benchmark::kMillisecond);
void BM_HostileProducts(benchmark::State& state) { Hostile(state, Products()); }
BENCHMARK(BM_HostileProducts)->Unit(benchmark::kMillisecond);
void BM_HostileComparisons(benchmark::State& state) { Hostile(state, Comparisons()); }
BENCHMARK(BM_HostileComparisons)->Unit(benchmark::kMillisecond);
void BM_HostileMasks(benchmark::State& state) { Hostile(state, Masks()); }
BENCHMARK(BM_HostileMasks)->Unit(benchmark::kMillisecond);
void BM_HostileStates(benchmark::State& state) { Hostile(state, States()); }
BENCHMARK(BM_HostileStates)->Unit(benchmark::kMillisecond);
void BM_HostileReturnOfArgument(benchmark::State& state) {
  Hostile(state, {{.code = kLdAbs, .k = 16}, {.code = kRetA}});
}
BENCHMARK(BM_HostileReturnOfArgument)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace seccompd::bpf

BENCHMARK_MAIN();
