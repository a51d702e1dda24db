// SPDX-License-Identifier: Apache-2.0
// One scrape of a node with N containers, six of a hundred in violation.
#include <benchmark/benchmark.h>
#include <fcntl.h>

#include "common/base/unique_fd.h"
#include "common/metrics/metrics.h"
#include "common/net/gzip.h"

namespace seccompd::metrics {
namespace {

MetricsSnapshot BusyNode(std::size_t containers) {
  MetricsSnapshot snapshot;
  snapshot.build = {.version = "1.0.0", .revision = "abc", .compiler = "g++", .arch = "x86_64"};
  snapshot.profiles[ProfileState::kInstalled] = 50;
  for (int i = 0; i < 30; ++i) {
    snapshot.invalid_profiles.push_back(
        {.source = "web/api", .profile = "api/p" + std::to_string(i), .reason = "E0104"});
  }
  auto& audit = snapshot.audit.emplace();
  auto& counts = audit.containers[Evidence::kStatus];
  for (std::size_t i = 0; i < containers; ++i) {
    const auto expected = static_cast<Expected>(i % Per<Expected>::kSize);
    const auto verdict = static_cast<Verdict>(i % Per<Verdict>::kSize);
    ++counts[expected][verdict];
  }
  for (std::size_t i = 0; i < containers * 6 / 100; ++i) {
    audit.violations.push_back(
        {.namespace_name = "namespace-" + std::to_string(i % 10),
         .pod = "deployment-7d9c5b6f4-" + std::to_string(i),
         .container = "app",
         .uid = "0f6b1c9e-4c3f-4c55-9c0b-3b8d7a5f" + std::to_string(1000 + i),
         .expected = Expected::kLocalhost,
         .verdict = Verdict::kNotEnforced});
  }
  return snapshot;
}

void BM_Render(benchmark::State& state) {
  const MetricsSnapshot snapshot = BusyNode(static_cast<std::size_t>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string text = RenderMetrics(snapshot);
    bytes = text.size();
    benchmark::DoNotOptimize(text.data());
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Render)->Arg(100)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

void BM_Gzip(benchmark::State& state) {
  const std::string text = RenderMetrics(BusyNode(1'000));
  std::size_t bytes = 0;
  for (auto _ : state) {
    const auto packed = net::GzipCompress(text);
    bytes = packed ? packed->size() : 0;
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Gzip)->Unit(benchmark::kMicrosecond);

void BM_ReadProcess(benchmark::State& state) {
  const base::UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const ProcessUnits units = SystemUnits();
  for (auto _ : state) {
    benchmark::DoNotOptimize(ParseProcessStats(ReadProcessTexts(proc.get()), units));
  }
}
BENCHMARK(BM_ReadProcess)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace seccompd::metrics

BENCHMARK_MAIN();
