// SPDX-License-Identifier: Apache-2.0
// A full status pass over sleeping processes (2,000 in 200 real container cgroups) against a bare
// loop that opens, reads and closes the same set of files. Both run in turn in every iteration;
// `ratio` is the least CPU time of the one over the least of the other (budget 1.3), `median` that
// of the rounds. Needs root and a cgroup hierarchy it may write; leaves neither cgroups nor
// processes.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <limits>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/procfs/scanner.h"

namespace seccompd::procfs {
namespace {

constexpr std::size_t kPerContainer = 10;

// `number` in hex, padded with zeros.
std::string Hex(std::size_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (auto at = text.rbegin(); at != text.rend() && number != 0; ++at, number /= 16) {
    *at = "0123456789abcdef"[number % 16];
  }
  return text;
}

// Cgroups like a kubelet's below one of our own, with sleeping processes. All of it ends with this.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    for (auto dir = dirs_.rbegin(); dir != dirs_.rend(); ++dir) ::rmdir(dir->c_str());
  }

  bool Make(std::size_t processes) {
    for (const char* hierarchy :
         {"/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      if (::access((std::string(hierarchy) + "/cgroup.procs").c_str(), F_OK) != 0) continue;
      root_ = std::string(hierarchy) + "/seccompd-bench-" + std::to_string(::getpid());
      if (MakeDirectory(root_)) break;
    }
    if (dirs_.empty()) return false;
    const std::string pods = root_ + "/kubepods/burstable";
    if (!MakeDirectory(root_ + "/kubepods") || !MakeDirectory(pods)) return false;
    for (std::size_t i = 0; i * kPerContainer < processes; ++i) {
      const std::size_t count = std::min(kPerContainer, processes - i * kPerContainer);
      const std::string pod = pods + "/pod" + Hex(i, 8) + "-0571-4bb8-8ac1-f8ba4fd1fd31";
      if (!MakeDirectory(pod) || !MakeContainer(pod + "/" + Hex(i, 64), count)) return false;
    }
    return true;
  }

  [[nodiscard]] base::UniqueFd Open() const {
    return base::UniqueFd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  [[nodiscard]] const std::vector<pid_t>& pids() const { return pids_; }
  // cgroup.procs of the containers, relative to the root.
  [[nodiscard]] const std::vector<std::string>& lists() const { return lists_; }

 private:
  bool MakeDirectory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0) return false;
    dirs_.push_back(path);
    return true;
  }

  bool MakeContainer(const std::string& path, std::size_t processes) {
    if (!MakeDirectory(path)) return false;
    lists_.push_back(path.substr(root_.size() + 1) + "/cgroup.procs");
    const base::UniqueFd list(::open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    for (std::size_t i = 0; i < processes; ++i) {
      const pid_t pid = ::fork();
      if (pid < 0) return false;
      if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true) ::pause();
      }
      pids_.push_back(pid);
      const std::string text = std::to_string(pid);
      if (::write(list.get(), text.data(), text.size()) < 0) return false;
    }
    return true;
  }

  std::string root_;
  std::vector<std::string> dirs_;  // parents first
  std::vector<std::string> lists_;
  std::vector<pid_t> pids_;
};

double CpuMs() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

struct File {
  int dir_fd;
  std::string path;
};

std::vector<File> FilesOfAPass(const Node& node, int proc_fd, int cgroup_fd) {
  std::vector<File> files;
  for (const std::string& list : node.lists()) files.push_back({cgroup_fd, list});
  for (const pid_t pid : node.pids()) {
    files.push_back({proc_fd, std::to_string(pid) + "/stat"});
    files.push_back({proc_fd, std::to_string(pid) + "/status"});
  }
  return files;
}

std::size_t ReadAll(const std::vector<File>& files, std::vector<char>& buffer) {
  std::size_t read = 0;
  for (const File& file : files) {
    const int fd = ::openat(file.dir_fd, file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (::read(fd, buffer.data(), buffer.size()) >= 0) ++read;
    ::close(fd);
  }
  return read;
}

void StatusPass(benchmark::State& state) {
  Node node;
  if (!node.Make(static_cast<std::size_t>(state.range(0)))) {
    state.SkipWithError("cannot make cgroups or processes: run as root");
    return;
  }
  const base::UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const base::UniqueFd cgroup = node.Open();
  const std::vector<File> files = FilesOfAPass(node, proc.get(), cgroup.get());
  std::vector<char> buffer(std::size_t{16} << 10);
  Scanner scanner(proc.get(), cgroup.get());
  static_cast<void>(scanner.Scan());  // dentries and inodes into the caches

  double bare = std::numeric_limits<double>::max();
  double scan = bare;
  std::vector<double> ratios;
  for (auto _ : state) {
    const double start = CpuMs();
    const std::size_t read = ReadAll(files, buffer);
    const double between = CpuMs();
    const auto wall = std::chrono::steady_clock::now();
    const auto result = scanner.Scan();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - wall;
    const double end = CpuMs();
    if (!result || read != files.size() || result->counters.files_read != files.size() ||
        result->counters.processes != node.pids().size() || result->counters.unseen != 0) {
      state.SkipWithError("the pass and the bare loop did not read the same set of files");
      return;
    }
    state.SetIterationTime(took.count());
    bare = std::min(bare, between - start);
    scan = std::min(scan, end - between);
    ratios.push_back((end - between) / (between - start));
  }
  std::sort(ratios.begin(), ratios.end());
  state.counters["files"] = static_cast<double>(files.size());
  state.counters["bare_ms"] = bare;
  state.counters["scan_ms"] = scan;
  state.counters["ratio"] = scan / bare;
  state.counters["median"] = ratios[ratios.size() / 2];
}
BENCHMARK(StatusPass)
    ->Arg(100)
    ->Arg(1'000)
    ->Arg(2'000)
    ->Arg(10'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace seccompd::procfs

BENCHMARK_MAIN();
