// SPDX-License-Identifier: Apache-2.0
// One scrape of a node with N containers, six of a hundred in violation: every metric that there
// is, 5 checks, 50 profiles in use, an API server.
#include <benchmark/benchmark.h>
#include <fcntl.h>

#include "common/base/unique_fd.h"
#include "common/metrics/metrics.h"
#include "common/net/gzip.h"

namespace seccompd::metrics {
namespace {

void AddCluster(MetricsSnapshot* snapshot) {
  auto& cluster = snapshot->cluster.emplace();
  cluster.events = true;
  cluster.propagation_seconds = PropagationHistogram();
  for (const char* resource : {"configmaps", "pods"}) {
    cluster.watches[resource].last_activity = base::WallTime(std::chrono::milliseconds(1));
  }
  for (const char* verb : {"get", "list", "watch", "create", "patch"}) {
    for (const char* code : {"200", "429", "500"}) {
      cluster.api.CountRequest(verb, "GET", "10.0.0.1:443", code, std::chrono::milliseconds(3));
    }
  }
}

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
  for (int i = 0; i < 5; ++i) {
    audit.checks["check-" + std::to_string(i)][CheckResult::kBlocked] = containers;
  }
  for (int i = 0; i < 50; ++i) {
    auto& verdicts = audit.profile_containers["web/profile-" + std::to_string(i) + ".json"];
    verdicts[Verdict::kMatch] = containers / 50;
    verdicts[Verdict::kStale] = 1;
  }
  AddCluster(&snapshot);
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
