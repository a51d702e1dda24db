// SPDX-License-Identifier: Apache-2.0
// A whole warm audit pass at evidence `filter` over 2,000 processes in 200 containers, from the
// scan to the report, against reading the same processes' /proc/<pid>/status in the same run. Needs
// root.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "agent/audit_pass.h"
#include "agent/filter_source.h"
#include "common/bpf/compile.h"
#include "common/host/host_root.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"

namespace seccompd::agent {
namespace {

constexpr int kContainers = 200;
constexpr int kProcessesEach = 10;
constexpr int kProfiles = 30;

std::string ProfileText(int i) {
  return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["bpf","keyctl","mount"],)"
         R"("action":"SCMP_ACT_ERRNO","errnoRet":)" +
         std::to_string(i + 1) + "}]}";
}

std::string Path(int profile) { return "web/p" + std::to_string(profile) + ".json"; }

std::string Padded(int value, std::size_t width) {
  std::string text = std::to_string(value);
  return std::string(width - text.size(), '0') + text;
}
std::string Uid(int i) { return "00000000-0000-4000-8000-" + Padded(i, 12); }
std::string Id(int i) { return Padded(i, 64); }

// The hierarchy in which a walk finds containers first.
std::string Hierarchy() {
  const bool v2 = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  return v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
}

void Load(const bpf::Program& program) {
  std::vector<sock_filter> raw;
  for (const bpf::Instruction& i : program) raw.push_back({i.code, i.jt, i.jf, i.k});
  const sock_fprog loaded{.len = static_cast<unsigned short>(raw.size()), .filter = raw.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(1);
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) != 0) ::_exit(1);
}

// Ten processes in each of 200 container cgroups, thirty different filters.
class Herd {
 public:
  Herd() {
    parent_ = Hierarchy() + "/seccompd-bench";
    ::mkdir(parent_.c_str(), 0755);
    ::mkdir((parent_ + "/kubepods").c_str(), 0755);
    std::vector<bpf::Program> programs;
    for (int i = 0; i < kProfiles; ++i) {
      programs.push_back(
          *bpf::Compile(*seccomp::ParseProfile(ProfileText(i)).profile, seccomp::NativeArch()));
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    for (int i = 0; i < kContainers; ++i) {
      const std::string pod = parent_ + "/kubepods/pod" + Uid(i);
      const std::string container = pod + "/" + Id(i);
      ::mkdir(pod.c_str(), 0755);
      ::mkdir(container.c_str(), 0755);
      directories_.push_back(container);
      directories_.push_back(pod);
      const pid_t init = ::fork();
      if (init == 0)
        Container(container, programs[static_cast<std::size_t>(i % kProfiles)], ends[1]);
      inits_.push_back(init);
    }
    for (int i = 0; i < kContainers * kProcessesEach; ++i) {
      pid_t pid = 0;
      if (::read(ends[0], &pid, sizeof(pid)) != sizeof(pid)) std::abort();
      paths_.push_back("/proc/" + std::to_string(pid) + "/status");
    }
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Herd(const Herd&) = delete;
  Herd& operator=(const Herd&) = delete;
  ~Herd() {
    for (const std::string& directory : directories_) {
      std::ifstream list(directory + "/cgroup.procs");
      for (pid_t pid = 0; list >> pid;) ::kill(pid, SIGKILL);
    }
    for (const pid_t pid : inits_) ::waitpid(pid, nullptr, 0);
    for (int attempt = 0; attempt < 200; ++attempt) {
      for (const std::string& directory : directories_) ::rmdir(directory.c_str());
      ::rmdir((parent_ + "/kubepods").c_str());
      if (::rmdir(parent_.c_str()) == 0 || errno == ENOENT) return;
      ::usleep(20'000);
    }
  }

  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

 private:
  [[noreturn]] static void Container(const std::string& cgroup, const bpf::Program& program,
                                     int to) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::ofstream(cgroup + "/cgroup.procs") << ::getpid() << std::flush;
    Load(program);
    for (int i = 0; i < kProcessesEach; ++i) {
      const pid_t pid = i == 0 ? 0 : ::fork();
      if (i != 0 && pid != 0) continue;
      const pid_t self = ::getpid();
      if (::write(to, &self, sizeof(self)) != sizeof(self)) ::_exit(1);
      if (i == 0) continue;
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
    for (;;) ::pause();
  }

  std::string parent_;
  std::vector<std::string> directories_;
  std::vector<pid_t> inits_;
  std::vector<std::string> paths_;
};

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
    pod.meta.uid = Uid(i);
    pod.owner = "Deployment/demo";
    pod.containers.resize(1);
    pod.containers[0].name = "app";
    pod.containers[0].container_id = Id(i);
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
  const Herd herd;
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
