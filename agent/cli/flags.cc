// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/base/strings.h"
#include "common/base/time.h"

namespace seccompd::agent {
namespace {

template <class T>
CLI::Option* AddFlag(CLI::App& app, const std::string& name, T& target, const std::string& help) {
  return app.add_option("--" + name, target, help)
      ->envname(EnvironmentName(name))
      ->capture_default_str();
}

template <class E, std::size_t N>
void AddChoice(CLI::App& app, const std::string& name, E& target,
               const std::array<std::pair<std::string, E>, N>& choices, const std::string& help) {
  const std::map<std::string, E> map(choices.begin(), choices.end());
  std::string current;
  for (const auto& [text, value] : choices) {
    if (value == target) current = text;
  }
  app.add_option("--" + name, target, help)
      ->transform(CLI::CheckedTransformer(map, CLI::ignore_case))
      ->envname(EnvironmentName(name))
      ->default_str(current);
}

std::string HostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

bool InPod() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and nothing sets the environment
  return std::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
}

void AddGateFlags(CLI::App& app, RunConfig& config) {
  AddFlag(app, "node-gate", config.node_gate,
          "taint: take this node's start-up taint away once every valid profile is on disk")
      ->check(CLI::IsMember({"off", "taint"}));
  AddFlag(app, "node-gate.taint-key", config.taint_key, "key of that taint");
}

}  // namespace

std::string EnvironmentName(std::string_view flag) {
  std::string name = "SECCOMPD_";
  for (const char c : flag) {
    const bool lower = c >= 'a' && c <= 'z';
    name += c == '-' || c == '.' ? '_' : lower ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

void AddDuration(CLI::App& app, const std::string& name, std::chrono::milliseconds& target,
                 const std::string& help) {
  const auto set = [&target, name](const std::string& text) {
    const auto duration = base::ParseDuration(text);
    if (!duration) {
      throw CLI::ValidationError("--" + name,
                                 "'" + base::Printable(text) + "' is no duration: 90s, 5m, 168h");
    }
    target = *duration;
  };
  app.add_option_function<std::string>("--" + name, set, help)
      ->envname(EnvironmentName(name))
      ->default_str(fmt::format("{}s", target.count() / 1000));
}

void AddServerFlags(CLI::App& app, RunConfig& config) {
  AddFlag(app, "kubeconfig", config.kubeconfig,
          "how to reach the API server; default: the service account, else KUBECONFIG");
  AddFlag(app, "context", config.kube_context, "context of the kubeconfig");
}

void AddClusterFlags(CLI::App& app, RunConfig& config) {
  AddServerFlags(app, config);
  AddFlag(app, "kubelet.address", config.kubelet_address,
          "HOST or HOST:PORT of this node's kubelet, for --pods kubelet");
  AddFlag(app, "kubelet.ca-file", config.kubelet_ca_file,
          "whom to trust as the kubelet; default: the cluster's CA");
  AddFlag(app, "kubelet.insecure-skip-verify", config.kubelet_insecure,
          "take anybody for the kubelet: its own certificate is often self-signed");
}

void AddNodeFlags(CLI::App& app, RunConfig& config) {
  AddFlag(app, "seccomp-root", config.seccomp_root, "the kubelet's seccomp directory");
  AddFlag(app, "path.procfs", config.procfs, "where the host's /proc is mounted");
  AddFlag(app, "path.cgroupfs", config.cgroupfs, "where the host's cgroup tree is mounted");
  if (InPod()) config.pods = "auto";
  AddFlag(app, "pods", config.pods,
          "which pods run here: kubernetes, kubelet, auto, dir:PATH (Pod manifests) or none");
  AddClusterFlags(app, config);
  AddFlag(app, "node-default", config.node_default,
          "what the kubelet gives pods that ask for nothing")
      ->check(CLI::IsMember({"auto", "runtime-default", "unconfined"}));
  AddFlag(app, "evidence", config.evidence,
          "how deep to look into the kernel; auto: filter where it works, else status")
      ->check(CLI::IsMember({"auto", "filter", "status"}));
  AddFlag(app, "runtime", config.runtime,
          "the container runtime, where nothing else tells it: containerd-1.7, crio-1.32");
  AddFlag(app, "policy.floor", config.floor,
          "what every container must at least refuse: none, runtime-default or a profile's path");
  AddFlag(app, "bundles", config.bundles,
          "where the runtime keeps its bundles' config.json, * for the container's ID; only its "
          "seccomp part is kept");
  config.node_name = HostName();
  AddFlag(app, "node-name", config.node_name, "this node's name")->envname("NODE_NAME");
}

void AddRunFlags(CLI::App& app, RunConfig& config) {
  AddFlag(app, "mode", config.mode, "install profiles, audit containers, or both")
      ->check(CLI::IsMember({"install", "audit", "both"}));
  AddGateFlags(app, config);
  if (InPod()) config.source = "kubernetes";
  AddFlag(app, "source", config.source, "where profiles come from: kubernetes or dir:PATH")
      ->required(false);
  AddFlag(app, "profiles.namespace", config.profile_namespaces,
          "trusted namespaces of ConfigMaps with profiles; none named: the agent's own")
      ->delimiter(',');
  AddFlag(app, "profiles.tenant-namespace", config.tenant_namespaces,
          "tenant namespaces: bounded, below ns/<namespace>/, without annotations")
      ->delimiter(',');
  AddFlag(app, "checks.watch", config.watch_checks,
          "also follow ConfigMaps labelled seccompd.io/checks=true: one watch more");
  AddFlag(app, "node.leave-alone", config.leave_alone,
          "label selectors of nodes where the agent does nothing")
      ->delimiter(';');
  AddDuration(app, "startup-jitter", config.startup_jitter,
              "the first request to the API server comes at random within this time");
  AddFlag(app, "events", config.events, "write Kubernetes Events about violations");
  AddFlag(app, "events.expected-nodes", config.expected_nodes,
          "about how many nodes see one ConfigMap: of so many about 20 write an Event")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
  AddFlag(app, "socket", config.socket,
          "unix socket for `seccompd status` and others; empty for none");
  AddFlag(app, "confinement", config.confinement,
          "whether the agent gives up what it no longer needs; off: for debugging, kill: for tests")
      ->check(CLI::IsMember({"on", "off", "kill"}));
  AddFlag(app, "web.listen-address", config.listen_address, "HOST:PORT for metrics and health");
  AddFlag(app, "web.config.file", config.web_config_file,
          "TLS and client certificates, in the exporter toolkit's format");
  AddFlag(app, "metrics.level", config.metrics_level,
          "minimal: about a third of the series, all that the alerts read; from 5,000 nodes on")
      ->check(CLI::IsMember({"full", "minimal"}));
  app.add_flag("--web.detail", config.web_detail,
               "the status page also names pods and profiles; else it shows what /metrics shows")
      ->envname(EnvironmentName("web.detail"));
  AddFlag(app, "weakening", config.weakening,
          "what an update gets that permits more than the revision in force")
      ->check(CLI::IsMember({"allow", "warn", "reject"}));
  AddDuration(app, "audit-interval", config.audit_interval, "time between two full audits");
  AddDuration(app, "rehash-interval", config.rehash_interval,
              "time between two checks of every installed file");
  AddDuration(app, "delete-grace", config.delete_grace,
              "how long a removed profile stays after its last use; 0 revokes at once");
  AddDuration(app, "removal-delay", config.removal_delay,
              "how long most profiles must be gone from the source before that is believed");
  AddChoice(app, "log.level", config.log_level,
            std::array<std::pair<std::string, LogLevel>, 4>{{{"debug", LogLevel::kDebug},
                                                             {"info", LogLevel::kInfo},
                                                             {"warning", LogLevel::kWarning},
                                                             {"error", LogLevel::kError}}},
            "least severe line to log");
  AddChoice(app, "log.format", config.log_format,
            std::array<std::pair<std::string, LogFormat>, 2>{
                {{"json", LogFormat::kJson}, {"text", LogFormat::kText}}},
            "form of the log lines");
}

base::Result<std::string> ReadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return base::Fail(base::ErrorCode::kNotFound, path + ": cannot be read");
  return std::move(text).str();
}

base::Result<void> ApplyConfigFile(CLI::App& app, const std::string& path) {
  TRY_ASSIGN(const std::string text, ReadConfigFile(path));
  auto flags = ParseConfigFile(text);
  if (!flags) return base::Fail(base::WithContext(std::move(flags).error(), path));

  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_lnames().empty()) names.push_back(option->get_lnames().front());
  }
  for (const auto& [name, value] : *flags) {
    CLI::Option* option = app.get_option_no_throw("--" + name);
    if (option == nullptr || name == "config" || name == "help") {
      const std::vector<std::string_view> known(names.begin(), names.end());
      const auto nearest = base::Nearest(name, known, 3);
      return base::Fail(base::ErrorCode::kInvalidArgument,
                        fmt::format("{}: unknown key '{}'{}", path, base::Printable(name),
                                    nearest ? fmt::format("; did you mean '{}'?", *nearest) : ""));
    }
    if (option->count() != 0) continue;  // the command line or the environment has said it
    try {
      option->add_result(value);
      option->run_callback();
    } catch (const CLI::Error& error) {
      return base::Fail(base::ErrorCode::kInvalidArgument,
                        fmt::format("{}: {}: {}", path, name, error.what()));
    }
  }
  return {};
}

}  // namespace seccompd::agent
