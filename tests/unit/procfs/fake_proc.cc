// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/procfs/fake_proc.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

namespace seccompd::procfs {
namespace {

constexpr uid_t kNobody = 65534;

}  // namespace

std::string StatusText(const FakeProcess& process, const FakeThread& thread) {
  const std::string filters =
      thread.seccomp.filters ? "Seccomp_filters:\t" + std::to_string(*thread.seccomp.filters) + "\n"
                             : std::string();
  return "Name:\tapp\nUmask:\t0022\nState:\t" + std::string(1, thread.state) +
         " (of a test)\nTgid:\t" + std::to_string(process.pid) + "\nNgid:\t0\nPid:\t" +
         std::to_string(thread.tid) +
         "\nPPid:\t1\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t \n"
         "Threads:\t" +
         std::to_string(process.threads.size() + 1) +
         "\nSigQ:\t0/7652\nCapEff:\t0000000000000000\nNoNewPrivs:\t" +
         (thread.seccomp.no_new_privs ? "1" : "0") + "\nSeccomp:\t" +
         std::to_string(thread.seccomp.mode) + "\n" + filters +
         "Speculation_Store_Bypass:\tthread vulnerable\nvoluntary_ctxt_switches:\t2\n";
}

std::string StatText(const FakeThread& thread) {
  return std::to_string(thread.tid) + " (app) " + std::string(1, thread.state) +
         " 1 7 7 0 -1 4194560 100 0 0 0 0 0 0 0 20 0 1 0 " + std::to_string(thread.start_ticks) +
         " 2379776 210 18446744073709551615 0 0\n";
}

FakeTree::FakeTree() : builder_(directory_.path()) {
  EXPECT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  fd_.reset(::open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_TRUE(fd_.valid());
}

FakeTree& FakeTree::File(std::string_view path, std::string_view text, mode_t mode) {
  builder_.Remove(path).File(path, text, mode);
  return *this;
}

FakeTree& FakeTree::Directory(std::string_view path, mode_t mode) {
  builder_.Dir(path, mode);
  return *this;
}

FakeTree& FakeTree::Symlink(std::string_view path, std::string_view target) {
  builder_.Symlink(path, target);
  return *this;
}

FakeTree& FakeTree::Remove(std::string_view path) {
  builder_.Remove(path);
  return *this;
}

FakeProc& FakeProc::Add(const FakeProcess& process) {
  End(process.pid);
  const FakeThread leader{.tid = process.pid,
                          .seccomp = process.seccomp,
                          .state = process.state,
                          .start_ticks = process.start_ticks};
  const std::string pid = std::to_string(process.pid);
  File(pid + "/stat", StatText(leader)).File(pid + "/status", StatusText(process, leader));
  std::vector<FakeThread> threads = process.threads;
  threads.push_back(leader);
  for (const FakeThread& thread : threads) {
    const std::string tid = std::to_string(thread.tid);
    std::string task = pid;
    task.append("/task/").append(tid);
    File(task + "/stat", StatText(thread)).File(task + "/status", StatusText(process, thread));
    if (thread.tid != process.pid) Symlink(tid, task);
  }
  return *this;
}

FakeProc& FakeProc::End(pid_t pid) {
  Remove(std::to_string(pid));
  return *this;
}

FakeProc& FakeProc::EndThread(pid_t pid, pid_t tid) {
  Remove(std::to_string(pid) + "/task/" + std::to_string(tid));
  Remove(std::to_string(tid));
  return *this;
}

AsNobody::AsNobody() : root_(::geteuid() == 0) {
  if (!root_) return;
  ::setfsuid(kNobody);
  EXPECT_EQ(static_cast<uid_t>(::setfsuid(kNobody)), kNobody) << "root without CAP_SETUID";
}

AsNobody::~AsNobody() {
  if (root_) ::setfsuid(0);
}

}  // namespace seccompd::procfs
