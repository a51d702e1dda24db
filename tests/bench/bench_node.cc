// SPDX-License-Identifier: Apache-2.0
// A node for agent_figures.py: writes profiles and pods for `dir:` sources, starts containers that
// run under those very filters, says "ready" and lives until its input ends.
// Usage: bench_node CGROUP DIR CONTAINERS PODS PROCESSES_EACH PROFILES small|default
//   small    a profile refuses three calls; default  it is containerd's default and one rule more
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/bpf/compile.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"
#include "common/seccomp/resolve_default.h"
#include "tests/bench/herd.h"

namespace seccompd::bench {
namespace {

seccomp::Profile ProfileOf(int number, bool small) {
  const std::string text =
      R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["bpf","keyctl","mount"],)"
      R"("action":"SCMP_ACT_ERRNO","errnoRet":)" +
      std::to_string(number + 1) + "}]}";
  seccomp::Profile own = *seccomp::ParseProfile(text).profile;
  if (small) return own;
  auto base = seccomp::ResolveRuntimeDefault("runtime-default:containerd-1.7", {});
  if (!base) std::abort();
  base->profile.syscalls.push_back(own.syscalls.front());
  base->profile.syscalls.back().names = {"acct"};
  return base->profile;
}

// Containers of one pod ask for the pod's profile.
std::string PodJson(int pod, int containers, int pods, int profiles) {
  std::string specs;
  std::string statuses;
  for (int i = pod; i < containers; i += pods) {
    const std::string comma = i == pod ? "" : ",";
    const std::string name = "c" + std::to_string(i / pods);
    specs += comma + R"({"name":")" + name +
             R"(","securityContext":{"seccompProfile":{"type":"Localhost","localhostProfile":"p)" +
             std::to_string(i % profiles) + R"(.json"}}})";
    statuses += comma + R"({"name":")" + name + R"(","containerID":"containerd://)" +
                Herd::ContainerId(i) + R"(","state":{"running":{}}})";
  }
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-)" + std::to_string(pod) +
         R"(","namespace":"bench","uid":")" + Herd::PodUid(pod) + R"("},"spec":{"containers":[)" +
         specs + R"(]},"status":{"phase":"Running","containerStatuses":[)" + statuses + "]}}";
}

int Main(char** argv) {
  const std::string dir = argv[2];
  HerdPlan plan{.parent = argv[1],
                .containers = std::atoi(argv[3]),
                .pods = std::atoi(argv[4]),
                .processes_each = std::atoi(argv[5]),
                .programs = {}};
  const int profiles = std::atoi(argv[6]);
  if (plan.containers <= 0 || plan.pods <= 0 || plan.processes_each <= 0 || profiles <= 0) return 2;
  std::vector<bpf::Program> programs;
  for (int i = 0; i < profiles; ++i) {
    const seccomp::Profile profile = ProfileOf(i, std::string_view(argv[7]) == "small");
    auto program = bpf::Compile(profile, seccomp::NativeArch());
    if (!program) std::abort();
    programs.push_back(*std::move(program));
    std::ofstream(dir + "/manifests/p" + std::to_string(i) + ".json")
        << seccomp::RenderOci(profile);
  }
  std::ofstream pods(dir + "/pods/pods.json");
  pods << R"({"apiVersion":"v1","kind":"List","items":[)";
  for (int pod = 0; pod < plan.pods; ++pod) {
    pods << (pod == 0 ? "" : ",") << PodJson(pod, plan.containers, plan.pods, profiles);
  }
  pods << "]}" << std::flush;
  if (!pods) return 1;
  plan.programs = programs;
  const Herd herd(plan);
  static_cast<void>(std::puts("ready"));
  static_cast<void>(std::fflush(stdout));
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

}  // namespace
}  // namespace seccompd::bench

int main(int argc, char** argv) {
  constexpr int kArguments = 8;
  return argc == kArguments ? seccompd::bench::Main(argv) : 2;
}
