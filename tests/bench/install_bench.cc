// SPDX-License-Identifier: Apache-2.0
// A changed profile from its manifest's text to its file, beside the bare calls for the same bytes
// on the same disk: write, fsync, rename, fsync(dir). Target: at most 1.5 times (printed as
// `ratio`).
#include <benchmark/benchmark.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/bpf/compile.h"
#include "common/host/host_root.h"
#include "common/install/installer.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/bench/bare_replace.h"

namespace seccompd::install {
namespace {

using bench::BareReplace;
using bench::Check;
using bench::Quantile;
using bench::Seconds;

// Every call that this machine knows (5 KB once rendered); `version` changes one rule.
std::string AllNames(const seccomp::SyscallTable& table) {
  std::string names;
  for (const std::string_view name : table.Names(seccomp::NativeArch())) {
    if (name == "personality") continue;  // has its own rule below
    names += (names.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  return names;
}

class Bench {
 public:
  explicit Bench(int profiles) : profiles_(profiles) {
    const char* base = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): one thread
    path_ = std::string(base != nullptr ? base : "/tmp") + "/install_bench.XXXXXX";
    Check(::mkdtemp(path_.data()) != nullptr);
    for (const char* name : {"/root", "/bare"}) Check(::mkdir((path_ + name).c_str(), 0755) == 0);
    auto bare = host::OpenDirectory(path_ + "/bare");
    auto root = host::OpenDirectory(path_ + "/root");
    Check(bare.has_value() && root.has_value());
    bare_ = std::move(*bare);
    preparer_.table = &table_;
    preparer_.compile = [this](const seccomp::Profile& profile) {
      return bpf::Compile(profile, preparer_.node.arch);
    };
    auto opened = Installer::Open(fs_, std::move(*root), {});
    Check(opened.has_value());
    installer_ = std::move(*opened);
    Desire(0);
    Install();
  }
  ~Bench() { std::filesystem::remove_all(path_); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // Parses, diagnoses, renders and compiles the one profile that changed.
  void Desire(int version) {
    ClaimSet claims;
    for (int i = 0; i < profiles_; ++i) {
      Claim claim;
      claim.path = "web/p" + std::to_string(1'000 + i) + ".json";
      claim.text = Text(i == 0 ? version : 0);
      claims.claims.push_back(std::move(claim));
    }
    desired_ = PrepareAll(std::move(claims), std::move(desired_), preparer_);
    Check(desired_.files.front().prepared.valid());
  }
  void Install() {
    Glance glance;
    glance.all = false;
    const Report report = installer_->Reconcile(desired_, {}, Now(), glance);
    Check(report.Changed() && !report.retry && !report.error);
  }
  void Rehash() {
    const Report report = installer_->Reconcile(desired_, {}, Now());
    Check(!report.Changed() && !report.retry && !report.error);
  }
  void Bare() { BareReplace(bare_.get(), desired_.files.front().prepared.bytes); }

 private:
  [[nodiscard]] std::string Text(int version) const {
    return R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [)" + names_ +
           R"(], "action": "SCMP_ACT_ALLOW"}, {"names": ["personality"], "action": )"
           R"("SCMP_ACT_ERRNO", "errnoRet": )" +
           std::to_string(1 + version % 4'000) + "}]}";
  }
  static base::WallTime Now() {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }

  int profiles_;
  std::string path_;
  base::UniqueFd bare_;
  host::RealFs fs_;
  seccomp::SyscallTable table_ = seccomp::LoadLibseccompTable();
  std::string names_ = AllNames(table_);
  Preparer preparer_;
  Desired desired_;
  std::unique_ptr<Installer> installer_;
};

// prepare_us: parse, diagnose, render and compile; install_us: ledger and file; bare_us: the floor.
// ratio: install to floor by medians, best_ratio by first deciles, whole_ratio with prepare.
void InstallAgainstBare(benchmark::State& state) {
  Bench bench(static_cast<int>(state.range(0)));
  std::vector<double> prepare;
  std::vector<double> install;
  std::vector<double> bare;
  int version = 1;
  for (auto unused : state) {
    const auto start = std::chrono::steady_clock::now();
    bench.Desire(++version);
    const auto prepared = std::chrono::steady_clock::now();
    bench.Install();
    const auto installed = std::chrono::steady_clock::now();
    bench.Bare();
    const auto end = std::chrono::steady_clock::now();
    prepare.push_back(Seconds(prepared - start));
    install.push_back(Seconds(installed - prepared));
    bare.push_back(Seconds(end - installed));
    state.SetIterationTime(install.back());
  }
  const auto whole = Quantile(prepare, 0.5) + Quantile(install, 0.5);
  state.counters["prepare_us"] = Quantile(prepare, 0.5) * 1e6;
  state.counters["install_us"] = Quantile(install, 0.5) * 1e6;
  state.counters["bare_us"] = Quantile(bare, 0.5) * 1e6;
  state.counters["ratio"] = Quantile(install, 0.5) / Quantile(bare, 0.5);
  state.counters["best_ratio"] = Quantile(install, 0.1) / Quantile(bare, 0.1);
  state.counters["whole_ratio"] = whole / Quantile(bare, 0.5);
}
BENCHMARK(InstallAgainstBare)
    ->ArgName("profiles")
    ->Arg(1)
    ->Arg(50)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

// Every file read and hashed, nothing to do: the slow pass.
void FullRehash(benchmark::State& state) {
  Bench bench(static_cast<int>(state.range(0)));
  for (auto unused : state) bench.Rehash();
}
BENCHMARK(FullRehash)->Arg(1)->Arg(50)->Arg(500)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace seccompd::install

BENCHMARK_MAIN();
