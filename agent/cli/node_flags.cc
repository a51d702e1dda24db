// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/node_flags.h"

#include <iostream>
#include <utility>

#include "agent/audit/audit_pass.h"
#include "agent/daemon/agent_client.h"
#include "agent/version.h"
#include "common/base/strings.h"
#include "common/seccomp/arch.h"

namespace seccompd::agent {

void NodeFlags::Add(CLI::App& app) {
  app.add_option("--node-arch", arch, "architecture of the node: x86_64, aarch64, ...");
  app.add_option("--node-kernel", kernel, "kernel of the node: 6.1");
  app.add_option("--capabilities", capabilities,
                 "what the container holds, for conditional rules: CAP_SYS_ADMIN,... or ALL, NONE");
  app.add_option("--runtime,--node-runtime", runtime,
                 "container runtime of the node, whose default a bare runtime-default is: "
                 "containerd-1.7, crio-1.32");
}

bool NodeFlags::Resolve(seccomp::NodeFacts* node) const {
  const auto version = ParseKernelVersion(kernel.empty() ? ReadKernelSupport().release : kernel);
  if (version) {
    node->kernel_major = version->first;
    node->kernel_minor = version->second;
  } else if (!kernel.empty()) {
    std::cerr << "seccompd: --node-kernel '" << base::Printable(kernel) << "': give MAJOR.MINOR\n";
    return false;
  }
  if (!capabilities.empty()) {
    seccomp::CapabilityList list = seccomp::ParseCapabilities(capabilities);
    if (!list.unknown.empty()) {
      std::cerr << "seccompd: --capabilities: no capability '" << base::Printable(list.unknown)
                << "' is known\n";
      return false;
    }
    node->capabilities = std::move(list.names);
  }
  if (const auto checked = CheckRuntime(runtime); !checked) {
    std::cerr << "seccompd: " << checked.error().message << "\n";
    return false;
  }
  if (arch.empty()) return true;
  const auto known = seccomp::ArchFromName(arch);
  if (!known) {
    std::cerr << "seccompd: --node-arch '" << base::Printable(arch) << "' is not known\n";
    return false;
  }
  node->arch = *known;
  return true;
}

void AddSocket(CLI::App& app, std::string& socket) {
  socket = kDefaultSocket;
  app.add_option("--socket", socket, "the running agent's unix socket")
      ->envname("SECCOMPD_SOCKET")
      ->capture_default_str();
}

void AddLiveFlags(CLI::App& app, LiveTargetOptions& live) {
  AddSocket(app, live.socket);
  app.add_option("-c,--container", live.container, "which container of a pod");
  app.add_option("--path.procfs", live.procfs, "where the host's /proc is mounted")
      ->envname("SECCOMPD_PATH_PROCFS")
      ->capture_default_str();
  app.add_option("--path.cgroupfs", live.cgroupfs, "where the host's cgroup tree is mounted")
      ->envname("SECCOMPD_PATH_CGROUPFS")
      ->capture_default_str();
}

void AddOutput(CLI::App& app, std::string& output, const std::vector<std::string>& forms) {
  app.add_option("-o,--output", output, "form of the output")
      ->check(CLI::IsMember(forms))
      ->default_str("text");
}

}  // namespace seccompd::agent
