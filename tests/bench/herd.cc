// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/herd.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace seccompd::bench {
namespace {

std::string Padded(int value, std::size_t width) {
  std::string text = std::to_string(value);
  return std::string(width - text.size(), '0') + text;
}

void Load(const bpf::Program& program) {
  std::vector<sock_filter> raw;
  for (const bpf::Instruction& i : program) raw.push_back({i.code, i.jt, i.jf, i.k});
  const sock_fprog loaded{.len = static_cast<unsigned short>(raw.size()), .filter = raw.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(1);
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded) != 0) ::_exit(1);
}

[[noreturn]] void Container(const std::string& cgroup, const bpf::Program& program, int processes,
                            int to) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::ofstream(cgroup + "/cgroup.procs") << ::getpid() << std::flush;
  Load(program);
  for (int i = 0; i < processes; ++i) {
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

}  // namespace

std::string Herd::PodUid(int pod) { return "00000000-0000-4000-8000-" + Padded(pod, 12); }
std::string Herd::ContainerId(int container) { return Padded(container, 64); }

Herd::Herd(const HerdPlan& plan) : parent_(plan.parent) {
  ::mkdir(parent_.c_str(), 0755);
  ::mkdir((parent_ + "/kubepods").c_str(), 0755);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
  for (int pod = 0; pod < plan.pods; ++pod) {
    ::mkdir((parent_ + "/kubepods/pod" + PodUid(pod)).c_str(), 0755);
  }
  for (int i = 0; i < plan.containers; ++i) {
    const std::string pod = parent_ + "/kubepods/pod" + PodUid(i % plan.pods);
    directories_.push_back(pod + "/" + ContainerId(i));
    if (::mkdir(directories_.back().c_str(), 0755) != 0) std::abort();
    const pid_t init = ::fork();
    if (init < 0) std::abort();
    const auto& program = plan.programs[static_cast<std::size_t>(i) % plan.programs.size()];
    if (init == 0) Container(directories_.back(), program, plan.processes_each, ends[1]);
    inits_.push_back(init);
  }
  for (int pod = 0; pod < plan.pods; ++pod) {
    directories_.push_back(parent_ + "/kubepods/pod" + PodUid(pod));
  }
  ::close(ends[1]);
  for (int i = 0; i < plan.containers * plan.processes_each; ++i) {
    pid_t pid = 0;
    if (::read(ends[0], &pid, sizeof(pid)) != sizeof(pid)) std::abort();
    paths_.push_back("/proc/" + std::to_string(pid) + "/status");
  }
  ::close(ends[0]);
}

Herd::~Herd() {
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

}  // namespace seccompd::bench
