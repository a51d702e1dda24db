// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace seccompd::test_support {

// A container that containerd runs, in a cgroup named as the kubelet would.
struct ContainerdContainer {
  std::string id;
  std::string pod_uid;
  pid_t pid = 0;
};

// A containerd of its own (root, state and sockets in a private directory) with one image, busybox.
// Its end of life is its destructor: every container is deleted, then the daemon is killed. Needs
// root, containerd, runc and busybox-static: see WhyNoContainerd().
class ContainerdHost {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<ContainerdHost>> Start();
  ~ContainerdHost();
  ContainerdHost(const ContainerdHost&) = delete;
  ContainerdHost& operator=(const ContainerdHost&) = delete;

  // `flags` as `ctr run` takes them: --seccomp, --seccomp-profile FILE, --privileged, ...
  [[nodiscard]] base::Result<ContainerdContainer> Run(std::vector<std::string> flags);
  // Another program in it, as `kubectl exec` does; it is left running.
  [[nodiscard]] base::Result<> Exec(const ContainerdContainer& container,
                                    std::vector<std::string> args);

  // Where it keeps the bundles' config.json, * for the container's ID.
  [[nodiscard]] std::string Bundles() const;
  // "1.6.20".
  [[nodiscard]] const std::string& version() const { return version_; }

 private:
  ContainerdHost() = default;
  [[nodiscard]] base::Result<Outcome> Ctr(std::vector<std::string> args) const;
  [[nodiscard]] base::Result<> ImportImage() const;
  void Delete(const ContainerdContainer& container) const;

  TempDir dir_;
  std::unique_ptr<ChildProcess> daemon_;
  std::string version_;
  std::vector<ContainerdContainer> containers_;
  int execs_ = 0;
};

// "" if containerd can run here, else the reason.
[[nodiscard]] std::string WhyNoContainerd();

}  // namespace seccompd::test_support
