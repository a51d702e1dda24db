// SPDX-License-Identifier: Apache-2.0
// A whole warm audit pass at evidence `filter` over 2,000 processes in 200 containers, from the
// scan to the report, against reading the same processes' /proc/<pid>/status in the same run. Needs
// root.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "agent/audit/audit_pass.h"
#include "agent/audit/filter_source.h"
#include "common/bpf/compile.h"
#include "common/host/host_root.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"
#include "tests/bench/herd.h"

namespace seccompd::agent {
namespace {

using bench::Herd;

constexpr int kContainers = 200;
constexpr int kProcessesEach = 10;
constexpr int kProfiles = 30;

std::string ProfileText(int i) {
  return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["bpf","keyctl","mount"],)"
         R"("action":"SCMP_ACT_ERRNO","errnoRet":)" +
         std::to_string(i + 1) + "}]}";
}

std::string Path(int profile) { return "web/p" + std::to_string(profile) + ".json"; }

// The hierarchy in which a walk finds containers first.
std::string Hierarchy() {
  const bool v2 = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  return v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
}

std::vector<bpf::Program> Programs() {
  std::vector<bpf::Program> programs;
  for (int i = 0; i < kProfiles; ++i) {
    programs.push_back(
        *bpf::Compile(*seccomp::ParseProfile(ProfileText(i)).profile, seccomp::NativeArch()));
  }
  return programs;
}

// CPU of this process in seconds.
double Cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::size_t ReadStatus(const Herd& herd) {
  std::array<char, 4096> bytes{};
  std::size_t sum = 0;
  for (const std::string& path : herd.paths()) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t size = ::read(fd, bytes.data(), bytes.size());
    ::close(fd);
    sum += size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  return sum;
}

std::vector<kube::Pod> Pods() {
  std::vector<kube::Pod> pods(kContainers);
  for (int i = 0; i < kContainers; ++i) {
    kube::Pod& pod = pods[static_cast<std::size_t>(i)];
    pod.meta.namespace_name = "demo";
    pod.meta.name = "pod-" + std::to_string(i);
    pod.meta.uid = Herd::PodUid(i);
    pod.owner = "Deployment/demo";
    pod.containers.resize(1);
    pod.containers[0].name = "app";
    pod.containers[0].container_id = Herd::ContainerId(i);
    pod.containers[0].state = kube::ContainerState::kRunning;
    pod.containers[0].seccomp = {kube::SeccompProfileRef::Type::kLocalhost, Path(i % kProfiles)};
  }
  return pods;
}

audit::InstalledView View() {
  audit::InstalledView view;
  view.available = true;
  for (int i = 0; i < kProfiles; ++i) {
    const base::Digest digest = base::Sha256(ProfileText(i));
    view.profiles[Path(i)].revisions = {
        {.number = 1, .digest = digest, .meaning = digest, .installed_at = {}}};
  }
  return view;
}

// Everything a pass needs, as the daemon holds it.
struct Auditor {
  host::HostRoot roots;
  std::unique_ptr<FilterSource> source;
  seccomp::SyscallTable table = seccomp::LoadLibseccompTable();
  audit::Meanings meanings{MakeMeaningTools(table)};
  audit::CheckBook checks{meanings.tools()};
  audit::ProfileTexts texts;
  audit::Policy policy;
  AuditSettings settings;
  std::vector<kube::Pod> pods = Pods();
  audit::InstalledView installed = View();
};

std::string Open(Auditor& auditor) {
  auto roots = host::OpenHostRoot({.proc = "/proc", .cgroup = "/sys/fs/cgroup", .seccomp = ""});
  if (!roots) return roots.error().message;
  auditor.roots = *std::move(roots);
  auto source = FilterSource::Open(auditor.roots.cgroup.get());
  if (!source) return source.error().message;
  auditor.source = *std::move(source);
  auditor.settings.node_default = audit::NodeDefault::kUnconfined;
  auditor.checks.Use(audit::MakeChecks({}, seccomp::NativeArch()));
  auditor.texts.revision = [](const std::string& path, std::uint32_t) {
    return base::Result<std::string>(ProfileText(std::atoi(path.c_str() + sizeof("web/p") - 1)));
  };
  return "";
}

// How many containers match.
std::size_t Pass(Auditor& auditor, bool tree_changed) {
  const auto scan = auditor.source->Scan(tree_changed);
  if (!scan) return 0;
  const Examination examination{.by_filter = true,
                                .loaded = scan->loaded,
                                .texts = auditor.texts,
                                .meanings = auditor.meanings,
                                .checks = auditor.checks,
                                .policy = auditor.policy};
  const audit::Report report = JudgePass(auditor.settings, {.scan = scan->scan,
                                                            .pods = auditor.pods,
                                                            .installed = auditor.installed,
                                                            .pods_known = true,
                                                            .pods_complete = true,
                                                            .notes = {},
                                                            .start = {},
                                                            .end = {},
                                                            .examination = &examination});
  return report.counts.Of(audit::Verdict::kMatch);
}

void WarmPassAgainstStatus(benchmark::State& state) {
  Auditor auditor;
  if (const std::string why = Open(auditor); !why.empty()) return state.SkipWithError(why.c_str());
  const std::vector<bpf::Program> programs = Programs();
  const Herd herd({.parent = Hierarchy() + "/seccompd-bench",
                   .containers = kContainers,
                   .pods = kContainers,
                   .processes_each = kProcessesEach,
                   .programs = programs});
  const bool walk = state.range(0) == 1;
  const std::size_t cold = Pass(auditor, true);
  if (cold != kContainers) return state.SkipWithError("not every container matches");
  constexpr int kPasses = 10;  // the clock of getrusage(2) is coarse for one
  double pass = 1e9;
  double status = 1e9;
  for (auto _ : state) {
    const double start = Cpu();
    for (int i = 0; i < kPasses; ++i) {
      if (Pass(auditor, walk) < kContainers) state.SkipWithError("a container does not match");
    }
    const double middle = Cpu();
    benchmark::DoNotOptimize(ReadStatus(herd));
    const double end = Cpu();
    pass = std::min(pass, (middle - start) / kPasses);
    status = std::min(status, end - middle);
  }
  state.counters["pass_us"] = pass * 1e6;
  state.counters["status_us"] = status * 1e6;
  state.counters["ratio"] = status / pass;
  state.counters["compared"] = static_cast<double>(auditor.meanings.compared());
}
// 0: nothing changed since the last pass; 1: the cgroup tree is walked again.
BENCHMARK(WarmPassAgainstStatus)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace seccompd::agent

BENCHMARK_MAIN();
