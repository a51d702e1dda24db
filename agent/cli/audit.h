// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "agent/source/pod_records.h"

namespace seccompd::agent {

struct AuditOptions {
  std::string seccomp_root = "/var/lib/kubelet/seccomp";
  std::string procfs = "/proc";
  std::string cgroupfs = "/sys/fs/cgroup";
  std::string node_name;              // "": the host name
  std::string node_default = "auto";  // auto | runtime-default | unconfined
  std::string evidence = "auto";      // auto | filter | status
  std::string runtime;                // "containerd-1.7"; "": not known
  std::string bundles;                // see Bundles
  std::string floor = "none";         // none | runtime-default | a profile's path
  std::string config_text;            // configuration file, for its exemptions; "": none
  std::vector<std::string> blocks;    // calls to be blocked everywhere: "socket(AF_ALG)"
  std::vector<kube::ConfigMap> check_maps;
  std::string agent_version;
  bool json = false;    // -o json; the report's SHA-256 then goes to `err`
  bool all = false;     // --all: rows without finding, too
  bool colour = false;  // `out` is a terminal
};

// `seccompd audit`: one pass over this node, with pods that were read just before. 0: no finding;
// 1: findings, or a part of the node could not be seen; 2: wrong flags, or a root that cannot be
// opened; 70: an error of ours.
int RunAudit(const AuditOptions& options, PodRecords records, std::ostream& out, std::ostream& err);

}  // namespace seccompd::agent
