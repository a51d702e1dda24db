// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "common/bpf/program.h"

namespace seccompd::bench {

struct HerdPlan {
  std::string parent;  // a cgroup that the herd makes and removes
  int containers = 200;
  int pods = 200;
  int processes_each = 10;
  std::span<const bpf::Program> programs;  // container i runs under programs[i % size]
};

// Containers as the agent sees them: cgroups like a kubelet's, with sleeping processes under real
// filters. Everything ends with the object; whatever fails ends the program.
class Herd {
 public:
  explicit Herd(const HerdPlan& plan);
  Herd(const Herd&) = delete;
  Herd& operator=(const Herd&) = delete;
  ~Herd();

  // /proc/<pid>/status of every process.
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }

  static std::string PodUid(int pod);
  static std::string ContainerId(int container);

 private:
  std::string parent_;
  std::vector<std::string> directories_;  // a container's before its pod's
  std::vector<pid_t> inits_;
  std::vector<std::string> paths_;
};

}  // namespace seccompd::bench
