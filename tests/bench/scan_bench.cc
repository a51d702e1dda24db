// SPDX-License-Identifier: Apache-2.0
// A full status pass over 2,000 sleeping processes in 200 real container cgroups, against a bare
// loop that opens, reads and closes the same set of files. Prints both and their ratio, taken in
// turn in one run; exit 1 if the best ratio is above the budget. Needs root and a writable cgroup
// hierarchy; makes and removes a cgroup and its own processes. Options: --processes N --rounds N
// --budget R.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/procfs/scanner.h"

namespace seccompd::procfs {
namespace {

constexpr std::size_t kPerContainer = 10;

struct Options {
  std::size_t processes = 2'000;
  std::size_t rounds = 15;
  double budget = 1.3;
};

// Cgroups like a kubelet's below one of our own, and sleeping processes in them. All of it ends
// with this object.
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
    for (const char* root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      root_ = std::string(root) + "/seccompd-bench-" + std::to_string(::getpid());
      if (::mkdir(root_.c_str(), 0755) == 0) break;
      root_.clear();
    }
    if (root_.empty()) return false;
    dirs_.push_back(root_);
    if (!MakeDirectory(root_ + "/kubepods") || !MakeDirectory(root_ + "/kubepods/burstable")) {
      return false;
    }
    for (std::size_t i = 0; i * kPerContainer < processes; ++i) {
      if (!MakeContainer(i, std::min(kPerContainer, processes - i * kPerContainer))) return false;
    }
    return true;
  }

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] const std::vector<pid_t>& pids() const { return pids_; }
  [[nodiscard]] const std::vector<std::string>& lists() const { return lists_; }

 private:
  bool MakeDirectory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0) return false;
    dirs_.push_back(path);
    return true;
  }

  bool MakeContainer(std::size_t number, std::size_t processes) {
    std::array<char, 80> name{};
    std::snprintf(name.data(), name.size(), "/pod%08zx-0571-4bb8-8ac1-f8ba4fd1fd31", number);
    const std::string pod = root_ + "/kubepods/burstable" + name.data();
    std::snprintf(name.data(), name.size(), "/%064zx", number);
    const std::string container = pod + name.data();
    if (!MakeDirectory(pod) || !MakeDirectory(container)) return false;
    lists_.push_back(container.substr(root_.size() + 1) + "/cgroup.procs");
    const base::UniqueFd list(::open((container + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
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
  std::vector<std::string> dirs_;   // parents first
  std::vector<std::string> lists_;  // cgroup.procs of containers, relative to root_
  std::vector<pid_t> pids_;
};

struct Cost {
  double cpu_ms = 0;
  double wall_ms = 0;
};

double CpuMs() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

template <class Work>
Cost Measure(Work work) {
  const double cpu = CpuMs();
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  return {CpuMs() - cpu, wall.count()};
}

// One file of the set: which directory it is relative to, and its path.
struct File {
  int dir_fd;
  std::string path;
};

std::size_t BareLoop(const std::vector<File>& files, std::vector<char>& buffer) {
  std::size_t read = 0;
  for (const File& file : files) {
    const int fd = ::openat(file.dir_fd, file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (::read(fd, buffer.data(), buffer.size()) >= 0) ++read;
    ::close(fd);
  }
  return read;
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name(argv[i]);
    const std::string value(argv[i + 1]);
    const auto number = base::ParseInt<std::size_t>(value);
    if (name == "--processes" && number) options.processes = *number;
    if (name == "--rounds" && number) options.rounds = std::max<std::size_t>(*number, 1);
    if (name == "--budget") options.budget = std::strtod(value.c_str(), nullptr);
  }
  return options;
}

int Run(const Options& options) {
  Node node;
  if (!node.Make(options.processes)) {
    std::perror("scan_bench: cannot make cgroups or processes; run it as root");
    return 2;
  }
  const base::UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const base::UniqueFd cgroup(::open(node.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::vector<File> files;
  for (const std::string& list : node.lists()) files.push_back({cgroup.get(), list});
  for (const pid_t pid : node.pids()) {
    files.push_back({proc.get(), std::to_string(pid) + "/stat"});
    files.push_back({proc.get(), std::to_string(pid) + "/status"});
  }
  std::vector<char> buffer(std::size_t{16} << 10);
  Scanner scanner(proc.get(), cgroup.get());
  double best = 1e9;
  Cost best_bare{1e9, 1e9};
  Cost best_scan{1e9, 1e9};
  std::vector<double> ratios;
  // Round 0 warms up the caches of dentries and inodes.
  for (std::size_t round = 0; round <= options.rounds; ++round) {
    std::size_t bare_files = 0;
    const Cost bare = Measure([&] { bare_files = BareLoop(files, buffer); });
    base::Result<ScanResult> result;
    const Cost scan = Measure([&] { result = scanner.Scan(); });
    if (!result || bare_files != files.size() || result->counters.files_read != files.size() ||
        result->counters.processes != node.pids().size() || result->counters.unseen != 0) {
      std::fprintf(stderr,
                   "scan_bench: the two do not read the same set: %zu of %zu and %zu files\n",
                   bare_files, files.size(), result ? result->counters.files_read : 0);
      return 2;
    }
    if (round == 0) continue;
    ratios.push_back(scan.cpu_ms / bare.cpu_ms);
    best = std::min(best, ratios.back());
    if (bare.cpu_ms < best_bare.cpu_ms) best_bare = bare;
    if (scan.cpu_ms < best_scan.cpu_ms) best_scan = scan;
  }
  std::sort(ratios.begin(), ratios.end());
  const double ratio = best_scan.cpu_ms / best_bare.cpu_ms;
  std::printf("scan of %zu processes in %zu containers, %zu files, %zu rounds\n",
              node.pids().size(), node.lists().size(), files.size(), options.rounds);
  std::printf("bare open+read+close  best %.2f ms cpu  %.2f ms wall\n", best_bare.cpu_ms,
              best_bare.wall_ms);
  std::printf("status pass           best %.2f ms cpu  %.2f ms wall\n", best_scan.cpu_ms,
              best_scan.wall_ms);
  std::printf("ratio of the bests %.3f, by round: best %.3f median %.3f (budget %.2f)\n", ratio,
              best, ratios[ratios.size() / 2], options.budget);
  return ratio <= options.budget ? 0 : 1;
}

}  // namespace
}  // namespace seccompd::procfs

int main(int argc, char** argv) {
  return seccompd::procfs::Run(seccompd::procfs::Parse(argc, argv));
}
