// SPDX-License-Identifier: Apache-2.0
// 1,000 changed ConfigMaps, each from the bytes of its watch event to its file, beside the bare
// calls for the same bytes on the same disk: write, fsync, rename, fsync(dir). Compiled in another
// process, as the agent does it. Target: at most 1.5 times (printed as `ratio` of medians and
// `best_ratio` of first deciles).
#include <benchmark/benchmark.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "agent/confinement/compile_zygote.h"
#include "agent/source/config_map_set.h"
#include "common/base/strings.h"
#include "common/host/host_root.h"
#include "common/install/installer.h"
#include "common/kube/json_framer.h"
#include "common/kube/watch_event.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/bench/bare_replace.h"

namespace seccompd::agent {
namespace {

using bench::Check;
using bench::Quantile;
using bench::Seconds;
using Clock = std::chrono::steady_clock;

constexpr int kUpdates = 1'000;

// What a node follows: `profiles` ConfigMaps of one profile with `names` syscalls.
class Node {
 public:
  Node(int profiles, std::size_t names) {
    const char* base = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): one thread
    path_ = std::string(base != nullptr ? base : "/tmp") + "/event_bench.XXXXXX";
    Check(::mkdtemp(path_.data()) != nullptr);
    for (const char* name : {"/root", "/bare"}) Check(::mkdir((path_ + name).c_str(), 0755) == 0);
    auto bare = host::OpenDirectory(path_ + "/bare");
    auto root = host::OpenDirectory(path_ + "/root");
    Check(bare.has_value() && root.has_value());
    bare_ = std::move(*bare);
    for (const std::string_view name : table_.Names(seccomp::NativeArch())) {
      if (name == "personality") continue;  // has its own rule below
      if (names-- == 0) break;
      names_ += (names_.empty() ? "\"" : ", \"") + std::string(name) + "\"";
    }
    preparer_.table = &table_;
    auto zygote = CompileZygote::Start(ConfinementMode::kOff);
    Check(zygote.has_value());
    zygote_ = std::move(*zygote);
    preparer_.compile = [this](const seccomp::Profile& profile) {
      return zygote_->Compile(profile, preparer_.node.arch);
    };
    auto opened = install::Installer::Open(fs_, std::move(*root), {});
    Check(opened.has_value());
    installer_ = std::move(*opened);
    for (int i = 0; i < profiles; ++i) Check(Take(Event(i, 0)));
    Install();
  }
  ~Node() { std::filesystem::remove_all(path_); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] std::string Event(int profile, int version) const {
    const std::string text =
        R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [)" + names_ +
        R"(], "action": "SCMP_ACT_ALLOW"}, {"names": ["personality"], "action": )"
        R"("SCMP_ACT_ERRNO", "errnoRet": )" +
        std::to_string(1 + version % 4'000) + "}]}";
    return R"({"type":"MODIFIED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{)"
           R"("name":"p)" +
           std::to_string(1'000 + profile) +
           R"(","namespace":"web","uid":"u","resourceVersion":"7","labels":{)"
           R"("seccompd.io/profiles":"true"}},"data":{"a.json":")" +
           base::EscapeJson(text) + "\"}}}\n";
  }

  // The bytes of one event become what is held.
  bool Take(const std::string& bytes) {
    auto texts = framer_.Feed(bytes);
    Check(texts && texts->size() == 1);
    const auto item = kube::ParseWatchEvent(texts->front());
    Check(item.has_value());
    return set_.Upsert(std::get<kube::WatchEvent>(*item).object);
  }
  void Prepare() {
    desired_ =
        install::PrepareAll(install::ResolveClaims(maps_, {}, {}), std::move(desired_), preparer_);
  }
  void Install() {
    if (desired_.files.empty()) Prepare();
    install::Glance glance;
    glance.all = false;
    const auto now =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const install::Report report = installer_->Reconcile(desired_, {}, now, glance);
    Check(report.Changed() && !report.retry && !report.error);
  }
  void Bare() { bench::BareReplace(bare_.get(), desired_.files.front().prepared.bytes); }

 private:
  std::string path_;
  base::UniqueFd bare_;
  host::RealFs fs_;
  seccomp::SyscallTable table_ = seccomp::LoadLibseccompTable();
  std::string names_;
  std::unique_ptr<CompileZygote> zygote_;
  install::Preparer preparer_;
  kube::JsonFramer framer_;
  std::vector<kube::ConfigMap> maps_;
  ConfigMapSet set_{"web", false, &maps_};
  install::Desired desired_;
  std::unique_ptr<install::Installer> installer_;
};

void EventToFile(benchmark::State& state) {
  Node node(static_cast<int>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  std::vector<double> whole;
  std::vector<double> prepare;
  std::vector<double> bare;
  int version = 0;
  for (auto unused : state) {
    const std::string event = node.Event(0, ++version);
    const auto start = Clock::now();
    Check(node.Take(event));
    node.Prepare();
    const auto prepared = Clock::now();
    node.Install();
    const auto installed = Clock::now();
    node.Bare();
    prepare.push_back(Seconds(prepared - start));
    whole.push_back(Seconds(installed - start));
    bare.push_back(Seconds(Clock::now() - installed));
    state.SetIterationTime(whole.back());
  }
  state.counters["prepare_us"] = Quantile(prepare, 0.5) * 1e6;
  state.counters["median_us"] = Quantile(whole, 0.5) * 1e6;
  state.counters["p99_us"] = Quantile(whole, 0.99) * 1e6;
  state.counters["bare_us"] = Quantile(bare, 0.5) * 1e6;
  state.counters["bare_p99_us"] = Quantile(bare, 0.99) * 1e6;
  state.counters["ratio"] = Quantile(whole, 0.5) / Quantile(bare, 0.5);
  state.counters["best_ratio"] = Quantile(whole, 0.1) / Quantile(bare, 0.1);
}
BENCHMARK(EventToFile)
    ->ArgNames({"profiles", "names"})
    ->Args({1, 40})
    ->Args({100, 40})
    ->Args({100, 400})
    ->Iterations(kUpdates)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace seccompd::agent

BENCHMARK_MAIN();
