// SPDX-License-Identifier: Apache-2.0
// In real cgroups, v1 and v2 as far as the machine has them: needs root.
#include "common/procfs/scanner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/procfs/real_process.h"

namespace seccompd::procfs {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Ready = std::function<void()>;

const std::string kUid = "08429dc0-0571-4bb8-8ac1-f8ba4fd1fd31";
const std::string kPod = "kubepods/besteffort/pod" + kUid;
const std::string kA = kPod + "/" + std::string(64, 'a');
const std::string kB = kPod + "/" + std::string(64, 'b');

base::UniqueFd OpenProc() {
  return base::UniqueFd(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// In a child: enters namespaces or drops privileges, then scans and compares a count; 0 = as
// expected.
int InChild(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(hierarchies_, Not(IsEmpty())) << "no writable cgroup hierarchy: run as root";
  }
  const std::vector<std::string> hierarchies_ = WritableHierarchies();
  const base::UniqueFd proc_ = OpenProc();
};

TEST_F(ScanTest, FindsContainersAndTheirProcesses) {
  for (const std::string& hierarchy : hierarchies_) {
    const RealCgroup cgroup(hierarchy);
    cgroup.Make(kA + "/docker/" + std::string(64, 'c'));
    cgroup.Make(kB);
    const RealProcess plain([](const Ready&) {});
    const RealProcess filtered([](const Ready&) { LoadFilters(); });
    const RealProcess nested([](const Ready&) {});
    cgroup.Move(plain.pid(), kA);
    cgroup.Move(filtered.pid(), kA);
    cgroup.Move(nested.pid(), kA + "/docker/" + std::string(64, 'c'));
    const base::UniqueFd root = cgroup.Open();
    const auto result = Scan(proc_.get(), root.get());
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_THAT(result->containers, SizeIs(2)) << hierarchy;
    const Container& a = result->containers[0];
    EXPECT_EQ(a.ref, (ContainerRef{kUid, std::string(64, 'a'), ""}));
    EXPECT_EQ(a.cgroup_path, kA);
    EXPECT_EQ(a.unseen_processes, 0U);
    ASSERT_THAT(a.processes, SizeIs(3));
    for (const Process& process : a.processes) {
      EXPECT_EQ(process.seccomp.mode, process.pid == filtered.pid() ? 2 : 0);
    }
    struct stat info {};
    ASSERT_EQ(::stat((cgroup.path() + "/" + kA).c_str(), &info), 0);
    EXPECT_EQ(a.cgroup_id, result->version == CgroupVersion::kV2 ? info.st_ino : 0U);
    EXPECT_THAT(result->containers[1].processes, IsEmpty());
    EXPECT_EQ(result->counters.processes, 3U);
    EXPECT_EQ(result->counters.modes, (std::array<std::size_t, 3>{2, 0, 1}));
    // Four lists, and for each process stat and status.
    EXPECT_EQ(result->counters.files_read, 4U + 2U * 3U);
    EXPECT_FALSE(result->host_cgroup_root);
    EXPECT_FALSE(result->truncated);
  }
}

TEST_F(ScanTest, StepsGiveWhatOneScanGives) {
  const RealCgroup cgroup(hierarchies_.front());
  cgroup.Make(kA);
  cgroup.Make(kB);
  const RealProcess first([](const Ready&) {});
  const RealProcess second([](const Ready&) {});
  cgroup.Move(first.pid(), kA);
  cgroup.Move(second.pid(), kB);
  const base::UniqueFd root = cgroup.Open();
  Scanner scanner(proc_.get(), root.get());
  const auto whole = scanner.Scan();
  ASSERT_TRUE(whole);
  ASSERT_TRUE(scanner.Begin());
  EXPECT_TRUE(scanner.Step(1));
  EXPECT_FALSE(scanner.Step(1));
  const ScanResult stepped = scanner.Finish();
  EXPECT_EQ(stepped.containers, whole->containers);
  EXPECT_EQ(stepped.counters.processes, 2U);
  EXPECT_EQ(stepped.counters.modes, whole->counters.modes);
}

TEST_F(ScanTest, ThreadsAreReadOnceAndForgottenWithTheirProcess) {
  const RealCgroup cgroup(hierarchies_.front());
  cgroup.Make(kA);
  const RealProcess child([](const Ready&) {
    LoadFilters();
    StartThread([] {});
  });
  const base::UniqueFd root = cgroup.Open();
  Scanner scanner(proc_.get(), root.get());
  const auto threads = [&](const std::string& place) {
    cgroup.Move(child.pid(), place);
    const auto result = scanner.Scan();
    return result ? result->counters.threads : 99U;
  };
  EXPECT_EQ(threads(kA), 1U);
  EXPECT_EQ(threads(kA), 0U);
  EXPECT_EQ(threads(""), 0U);
  EXPECT_EQ(threads(""), 0U);
  EXPECT_EQ(threads(kA), 1U);
}

TEST_F(ScanTest, AThreadedContainersProcessesAreFoundByTheirThreads) {
  for (const std::string& hierarchy : hierarchies_) {
    const RealCgroup cgroup(hierarchy);
    if (!std::filesystem::exists(cgroup.path() + "/cgroup.type")) continue;
    cgroup.Make(kA);
    const RealProcess child([](const Ready&) { StartThread([] {}); });
    cgroup.Move(child.pid(), kPod);
    cgroup.Write(kA + "/cgroup.type", "threaded");
    cgroup.Write(kA + "/cgroup.threads", std::to_string(child.pid()));
    const base::UniqueFd root = cgroup.Open();
    const auto result = Scan(proc_.get(), root.get());
    ASSERT_TRUE(result);
    ASSERT_THAT(result->containers, SizeIs(1));
    ASSERT_THAT(result->containers[0].processes, SizeIs(1));
    EXPECT_EQ(result->containers[0].processes[0].pid, child.pid());
    EXPECT_EQ(result->counters.unseen, 0U);
  }
}

// Such a list comes in pieces of a page.
TEST_F(ScanTest, ALongListIsReadToItsEnd) {
  constexpr std::size_t kThreads = 1'200;
  for (const std::string& hierarchy : hierarchies_) {
    const RealCgroup cgroup(hierarchy);
    if (!std::filesystem::exists(cgroup.path() + "/cgroup.type")) continue;
    cgroup.Make(kA);
    const RealProcess child([](const Ready&) {
      for (std::size_t i = 1; i < kThreads; ++i) StartThread([] {});
    });
    cgroup.Move(child.pid(), kPod);
    cgroup.Write(kA + "/cgroup.type", "threaded");
    cgroup.Move(child.pid(), kA);
    const base::UniqueFd root = cgroup.Open();
    const auto tree = WalkCgroups(root.get());
    ASSERT_TRUE(tree);
    ASSERT_THAT(tree->containers, SizeIs(1));
    EXPECT_THAT(tree->containers[0].thread_ids, SizeIs(kThreads));
  }
}

TEST_F(ScanTest, AThreadedChildOfAContainerHidesNothing) {
  for (const std::string& hierarchy : hierarchies_) {
    const RealCgroup cgroup(hierarchy);
    if (!std::filesystem::exists(cgroup.path() + "/cgroup.type")) continue;
    cgroup.Make(kA + "/workers");
    const RealProcess child([](const Ready&) {});
    cgroup.Move(child.pid(), kA);
    cgroup.Write(kA + "/workers/cgroup.type", "threaded");
    cgroup.Write(kA + "/workers/cgroup.threads", std::to_string(child.pid()));
    const base::UniqueFd root = cgroup.Open();
    const auto result = Scan(proc_.get(), root.get());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->counters.processes, 1U);
    EXPECT_EQ(result->counters.unseen, 0U);
  }
}

TEST_F(ScanTest, WithoutTheHostsPidNamespaceProcessesAreUnseen) {
  const RealCgroup cgroup(hierarchies_.front());
  cgroup.Make(kA);
  const RealProcess outside([](const Ready&) {});
  cgroup.Move(outside.pid(), kA);
  const base::UniqueFd root = cgroup.Open();
  EXPECT_EQ(InChild([&] {
              if (::unshare(CLONE_NEWPID) != 0) return 90;
              return InChild([&] {
                const auto result = Scan(proc_.get(), root.get());
                if (!result || result->containers.size() != 1) return 91;
                if (result->pids_of_other_namespaces != 1) return 92;
                return result->containers[0].unseen_processes == 1 ? 0 : 93;
              });
            }),
            0);
}

TEST_F(ScanTest, HidepidMakesProcessesUnseenNotVanished) {
  const RealCgroup cgroup(hierarchies_.front());
  cgroup.Make(kA);
  const RealProcess child([](const Ready&) {});
  cgroup.Move(child.pid(), kA);
  const base::UniqueFd root = cgroup.Open();
  const TempTree mount_point;
  ::chmod(mount_point.path().c_str(), 0755);
  for (const char* hidepid : {"hidepid=1", "hidepid=2"}) {
    EXPECT_EQ(InChild([&] {
                if (::unshare(CLONE_NEWNS) != 0 ||
                    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                    ::mount("proc", mount_point.path().c_str(), "proc", 0, hidepid) != 0) {
                  return 90;
                }
                const base::UniqueFd proc = mount_point.Open();
                if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 91;
                const auto result = Scan(proc.get(), root.get());
                if (!result || result->containers.size() != 1) return 92;
                if (result->counters.vanished != 0 || result->counters.processes != 0) return 93;
                return result->containers[0].unseen_processes == 1 ? 0 : 94;
              }),
              0)
        << hidepid;
  }
}

}  // namespace
}  // namespace seccompd::procfs
