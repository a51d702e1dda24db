// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace seccompd::test_support {

enum class Runtime { kCrun, kRunc };
[[nodiscard]] std::string RuntimeName(Runtime runtime);
inline void PrintTo(Runtime runtime, std::ostream* os) { *os << RuntimeName(runtime); }

// How the kubelet and its runtime name cgroups (kubelet --cgroup-driver).
enum class CgroupStyle { kCgroupfs, kSystemd };

struct ContainerSpec {
  std::string pod_uid = {};       // "" = a random one
  std::string container_id = {};  // 64 hex digits; "" = random
  std::string qos = "burstable";
  CgroupStyle cgroups = CgroupStyle::kCgroupfs;
  std::optional<std::string> seccomp = {};  // linux.seccomp of the bundle, JSON; absent: no filter
  bool no_new_privileges = true;            // allowPrivilegeEscalation: false
  std::vector<std::string> args = {"/bin/sleep", "1000"};
};

// What /proc/<pid>/status says (proc(5)); -1 where the field or the process is missing.
struct SeccompLines {
  int seccomp = -1;
  int filters = -1;
  int no_new_privs = -1;
};
[[nodiscard]] SeccompLines ReadSeccompLines(pid_t pid);

// A container of a real runtime. Its end of life is its destructor: `delete --force` by id, then
// its pod's cgroup directories.
class Container {
 public:
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  [[nodiscard]] base::Result<> Create();
  [[nodiscard]] base::Result<> Start();  // returns when the program runs, not the runtime's init
  // Another program in the running container, as `kubectl exec` does; it is left running.
  [[nodiscard]] base::Result<> Exec(std::vector<std::string> args) const;
  [[nodiscard]] base::Result<> Kill(int signal) const;
  [[nodiscard]] base::Result<> Delete();

  [[nodiscard]] const std::string& id() const { return spec_.container_id; }
  [[nodiscard]] const std::string& pod_uid() const { return spec_.pod_uid; }
  [[nodiscard]] const std::string& cgroup_path() const { return cgroup_path_; }
  [[nodiscard]] pid_t pid() const { return pid_; }  // in the host's pid namespace; 0 before Create

 private:
  friend class ContainerHost;
  Container(Runtime runtime, ContainerSpec spec, std::string bundle, std::string state_root);
  [[nodiscard]] base::Result<> Invoke(std::vector<std::string> args) const;
  void Reap() const;
  void RemoveCgroups() const;

  Runtime runtime_;
  ContainerSpec spec_;
  std::string bundle_;
  std::string state_root_;
  std::string cgroup_path_;
  pid_t pid_ = 0;
  bool exists_ = false;
};

// Makes containers: one read-only busybox root shared by all, a state directory of its own. Must
// outlive its containers. Makes this process the subreaper of what the runtimes leave behind. Needs
// root, the runtime and busybox-static: see WhyNoContainers().
class ContainerHost {
 public:
  explicit ContainerHost(Runtime runtime);

  // Copies a static program to /bin/<name> of the root that all containers share.
  void AddProgram(const std::string& path, const std::string& name) const;

  // Bundle and config.json written, nothing started. The literal spec is completed with random
  // names.
  [[nodiscard]] std::unique_ptr<Container> Make(ContainerSpec spec);
  // Make, Create and Start.
  [[nodiscard]] base::Result<std::unique_ptr<Container>> Run(ContainerSpec spec);

 private:
  Runtime runtime_;
  TempDir dir_;
  int bundles_ = 0;
};

// "" if real containers can run here, else the reason. In CI (environment CI=true) a reason is a
// failure, elsewhere a skip: REQUIRE_CONTAINERS() in a SetUp does the right one.
[[nodiscard]] std::string WhyNoContainers();
[[nodiscard]] bool InCi();

#define REQUIRE_CONTAINERS()                                                           \
  do {                                                                                 \
    const std::string why_no_containers = ::seccompd::test_support::WhyNoContainers(); \
    if (!why_no_containers.empty() && ::seccompd::test_support::InCi()) {              \
      FAIL() << why_no_containers;                                                     \
    }                                                                                  \
    if (!why_no_containers.empty()) GTEST_SKIP() << why_no_containers;                 \
  } while (false)

// A random lower-case uuid / 64 hex digits.
[[nodiscard]] std::string RandomUid();
[[nodiscard]] std::string RandomContainerId();

}  // namespace seccompd::test_support
