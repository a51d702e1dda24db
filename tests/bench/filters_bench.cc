// SPDX-License-Identifier: Apache-2.0
// One pass over 2,000 filtered processes by the task iterator, against reading their
// /proc/<pid>/status in the same run. Needs root.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/filters/filter_reader.h"

namespace seccompd::filters {
namespace {

constexpr int kProcesses = 2000;
constexpr std::size_t kInstructions = 970;  // containerd's default profile

// 2,000 processes with one filter; they end with their parent, which this object kills.
class Herd {
 public:
  Herd() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    shepherd_ = ::fork();
    if (shepherd_ == 0) Shepherd(ends[1]);
    pids_.resize(kProcesses);
    for (pid_t& pid : pids_) {
      if (::read(ends[0], &pid, sizeof(pid)) != sizeof(pid)) std::abort();
    }
    ::close(ends[0]);
    ::close(ends[1]);
    for (pid_t pid : pids_) paths_.push_back("/proc/" + std::to_string(pid) + "/status");
  }
  Herd(const Herd&) = delete;
  Herd& operator=(const Herd&) = delete;
  ~Herd() {
    ::kill(shepherd_, SIGKILL);
    ::waitpid(shepherd_, nullptr, 0);
  }

  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

 private:
  [[noreturn]] static void Shepherd(int to) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<sock_filter> filter(kInstructions, {BPF_LD | BPF_IMM, 0, 0, 1});
    filter.back() = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                             .filter = filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(1);
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(1);
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) ::pause();
      }
      if (child < 0 || ::write(to, &child, sizeof(child)) != sizeof(child)) ::_exit(1);
    }
    for (;;) ::pause();
  }

  pid_t shepherd_ = 0;
  std::vector<pid_t> pids_;
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

std::optional<FilterReader> OpenOrSkip(benchmark::State& state) {
  auto reader = FilterReader::Open();
  if (reader) return std::optional<FilterReader>(std::move(*reader));
  state.SkipWithError(reader.error().message.c_str());
  return std::nullopt;
}

// A warm pass (scan and cache, nothing new) and the same processes' status in turn; "ratio" is how
// many times less CPU the pass takes, best of all rounds each.
void WarmPassAgainstStatus(benchmark::State& state) {
  auto reader = OpenOrSkip(state);
  if (!reader) return;
  const Herd herd;
  FilterCache cache;
  std::vector<Task> tasks;
  if (!Refresh(*reader, cache, tasks)) state.SkipWithError("no first pass");
  // The clock of getrusage(2) is coarse for one pass.
  constexpr int kPasses = 10;
  double pass = 1e9;
  double status = 1e9;
  for (auto _ : state) {
    const double start = Cpu();
    for (int i = 0; i < kPasses; ++i) {
      if (!Refresh(*reader, cache, tasks)) state.SkipWithError("no pass");
    }
    const double middle = Cpu();
    benchmark::DoNotOptimize(ReadStatus(herd));
    const double end = Cpu();
    pass = std::min(pass, (middle - start) / kPasses);
    status = std::min(status, end - middle);
  }
  state.counters["tasks"] = static_cast<double>(tasks.size());
  state.counters["pass_us"] = pass * 1e6;
  state.counters["status_us"] = status * 1e6;
  state.counters["ratio"] = status / pass;
}
BENCHMARK(WarmPassAgainstStatus)->Unit(benchmark::kMillisecond);

void Scan(benchmark::State& state) {
  auto reader = OpenOrSkip(state);
  if (!reader) return;
  const Herd herd;
  std::vector<Task> tasks;
  for (auto _ : state) {
    if (!reader->Scan(tasks)) state.SkipWithError("no scan");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(tasks.size()));
}
BENCHMARK(Scan)->Unit(benchmark::kMicrosecond);

// One stack of one filter, with and without 2,000 other processes to walk past.
void DumpStack(benchmark::State& state) {
  auto reader = OpenOrSkip(state);
  if (!reader) return;
  const Herd herd;
  std::vector<Task> tasks;
  if (!reader->Scan(tasks)) state.SkipWithError("no scan");
  std::vector<DumpRequest> requests;
  for (const Task& task : tasks) {
    const bool wanted =
        task.filter != 0 && requests.size() < static_cast<std::size_t>(state.range(0));
    if (wanted) requests.push_back({.id = task.id, .filter = task.filter});
  }
  std::size_t instructions = 0;
  for (auto _ : state) {
    const auto done = reader->DumpStacks(requests, [&](const Dump& dump) {
      if (dump.stack) instructions = dump.stack->front().size();
    });
    if (!done) state.SkipWithError("no dump");
  }
  state.counters["instructions"] = static_cast<double>(instructions);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(requests.size()));
}
BENCHMARK(DumpStack)->Arg(1)->Arg(64)->Arg(1024)->Unit(benchmark::kMicrosecond);

void Open(benchmark::State& state) {
  for (auto _ : state) {
    auto reader = FilterReader::Open();
    if (!reader) state.SkipWithError(reader.error().message.c_str());
  }
}
BENCHMARK(Open)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace seccompd::filters

BENCHMARK_MAIN();
