// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/procfs/real_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace seccompd::procfs {
namespace {

namespace fs = std::filesystem;

pid_t Fork(pid_t wanted_pid) {
  if (wanted_pid == 0) return ::fork();
  clone_args args{};
  args.exit_signal = SIGCHLD;
  args.set_tid = reinterpret_cast<std::uint64_t>(&wanted_pid);
  args.set_tid_size = 1;
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

}  // namespace

RealProcess::RealProcess(const Body& body, pid_t wanted_pid) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) std::abort();
  const base::UniqueFd reader(pipe[0]);
  base::UniqueFd writer(pipe[1]);
  pid_ = Fork(wanted_pid);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto ready = [&] {
      if (::write(pipe[1], "r", 1) != 1) ::_exit(1);
    };
    body(ready);
    ready();
    while (true) ::pause();
  }
  EXPECT_GT(pid_, 0) << "fork";
  writer.reset();
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 1) << "the child ended before it was ready";
}

RealProcess::~RealProcess() { KillAndReap(); }

void RealProcess::KillAndReap() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void LoadFilters(int count) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(1);
  sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{.len = 1, .filter = &allow};
  for (int i = 0; i < count; ++i) {
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(1);
  }
}

void ExitThread() {
  while (true) ::syscall(SYS_exit, 0);
}

void StartThread(const std::function<void()>& body) {
  std::promise<void> done;
  std::thread([&] {
    body();
    done.set_value();
    while (true) ::pause();
  }).detach();
  done.get_future().wait();
}

TempTree::TempTree() {
  std::string name = (fs::temp_directory_path() / "seccompd-procfs-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  path_ = name;
}

TempTree::~TempTree() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

TempTree& TempTree::Directory(const std::string& path) {
  fs::create_directories(fs::path(path_) / path);
  return *this;
}

TempTree& TempTree::File(const std::string& path, const std::string& text) {
  const fs::path file = fs::path(path_) / path;
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
  return *this;
}

base::UniqueFd TempTree::Open() const {
  return base::UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

RealCgroup::RealCgroup(const std::string& hierarchy) {
  for (int i = 0; i < 100; ++i) {
    const std::string path =
        hierarchy + "/seccompd-test-" + std::to_string(::getpid()) + "-" + std::to_string(i);
    std::error_code error;
    if (fs::create_directory(path, error)) {
      path_ = path;
      return;
    }
  }
}

RealCgroup::~RealCgroup() {
  if (path_.empty()) return;
  std::vector<fs::path> directories{path_};
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(path_, ignored)) {
    if (entry.is_directory(ignored)) directories.push_back(entry.path());
  }
  for (auto at = directories.rbegin(); at != directories.rend(); ++at) ::rmdir(at->c_str());
}

base::UniqueFd RealCgroup::Open() const {
  return base::UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void RealCgroup::Make(const std::string& path) const {
  fs::create_directories(fs::path(path_) / path);
}

void RealCgroup::Write(const std::string& file, const std::string& text) const {
  const std::string whole = path_ + "/" + file;
  const base::UniqueFd fd(::open(whole.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(fd.valid()) << whole;
  ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()))
      << whole;
}

void RealCgroup::Move(pid_t pid, const std::string& path) const {
  Write(path + "/cgroup.procs", std::to_string(pid));
}

std::vector<std::string> WritableHierarchies() {
  std::vector<std::string> found;
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"}) {
    std::error_code error;
    if (!fs::exists(std::string(path) + "/cgroup.procs", error)) continue;
    if (RealCgroup(path).valid()) found.emplace_back(path);
  }
  return found;
}

}  // namespace seccompd::procfs
