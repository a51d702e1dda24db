// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/log.h"
#include "common/base/result.h"

namespace seccompd::agent {

// Everything `seccompd run` can be told; defaults stand here and nowhere else. A flag wins over its
// environment variable (SECCOMPD_…), that over the file of --config.
struct RunConfig {
  std::string mode = "both";                    // install | audit | both
  std::string source;                           // dir:PATH | kubernetes
  std::string pods = "none";                    // dir:PATH | kubernetes | kubelet | auto | none
  std::vector<std::string> profile_namespaces;  // trusted; none named: the agent's own
  std::vector<std::string> tenant_namespaces;
  bool watch_checks = false;    // ConfigMaps labelled seccompd.io/checks=true: one watch more
  std::string kubeconfig;       // "": in a pod its service account, else KUBECONFIG, ~/.kube/config
  std::string kube_context;     // of the kubeconfig
  std::string kubelet_address;  // HOST or HOST:PORT; "": --pods kubelet is not possible
  std::string kubelet_ca_file;  // "": the cluster's CA
  bool kubelet_insecure = false;
  std::chrono::milliseconds startup_jitter = std::chrono::seconds(5);
  // Nodes where there is nothing to do: Autopilot applies RuntimeDefault to everything.
  std::vector<std::string> leave_alone = {"cloud.google.com/gke-autopilot",
                                          "cloud.google.com/gke-provisioning=autopilot"};
  bool events = true;                   // write Kubernetes Events
  bool web_detail = false;              // the status page also names pods and profiles
  std::int64_t expected_nodes = 1'000;  // about so many agents see one ConfigMap
  std::string node_gate = "off";        // off | taint
  std::string metrics_level = "full";   // full | minimal
  std::string taint_key = "startup-taint.cluster-autoscaler.kubernetes.io/seccompd-not-ready";
  std::string seccomp_root = "/var/lib/kubelet/seccomp";
  std::string procfs = "/proc";
  std::string cgroupfs = "/sys/fs/cgroup";
  std::string listen_address = "127.0.0.1:19617";
  std::string web_config_file;                      // TLS and client certificates; "": plain HTTP
  std::string socket = "/run/seccompd/agent.sock";  // "": none
  std::string confinement = "on";                   // on | off | kill
  std::string evidence = "auto";                    // auto | filter | status
  std::string runtime;                // "containerd-1.7"; "": as the API says of this node
  std::string bundles;                // glob of bundles' config.json; "": not read
  std::string floor = "none";         // policy.floor: none | runtime-default | a profile's path
  std::string config_text;            // of --config: its exemptions are the audit's
  std::string node_default = "auto";  // auto | runtime-default | unconfined
  std::string weakening = "warn";     // allow | warn | reject
  std::string node_name;              // NODE_NAME in a pod; else the host name
  std::chrono::milliseconds audit_interval = std::chrono::seconds(30);
  std::chrono::milliseconds rehash_interval = std::chrono::minutes(5);
  std::chrono::milliseconds delete_grace = std::chrono::hours(168);
  std::chrono::milliseconds removal_delay =
      std::chrono::seconds(60);  // before a mass removal counts
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kJson;
};

// A flat YAML (or JSON) mapping of flag names without dashes to scalars or lists of scalars (joined
// by commas): {"seccomp-root": "/x", "delete-grace": "0"}. Nested keys and other types are errors.
[[nodiscard]] base::Result<std::map<std::string, std::string>> ParseConfigFile(
    std::string_view text);

[[nodiscard]] inline bool Installs(const RunConfig& config) { return config.mode != "audit"; }
[[nodiscard]] inline bool Audits(const RunConfig& config) { return config.mode != "install"; }

// Are we told to talk to an API server or a kubelet?
[[nodiscard]] bool NeedsCluster(const RunConfig& config);

// "dir:PATH" -> PATH; an error names the flag and the forms it takes.
[[nodiscard]] base::Result<std::string> DirectoryOf(std::string_view flag, std::string_view value);

}  // namespace seccompd::agent
