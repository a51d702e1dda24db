// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "tests/support/agent_process.h"
#include "tests/support/pod_list.h"
#include "tests/support/temp_dir.h"

namespace seccompd::e2e {

struct ConfigMap {
  std::string name = {};
  std::map<std::string, std::string> data = {};
  std::map<std::string, std::string> annotations = {};
  std::map<std::string, std::string> labels = {{"seccompd.io/profiles", "true"}};
};

// A node without a cluster: a directory of manifests, one of pods, a private seccomp root and, once
// started, the agent that connects them.
class Node {
 public:
  Node();

  // Both replace by rename, as editors and kubectl's users do.
  void Apply(const ConfigMap& config_map);
  void SetPods(const std::vector<test_support::PodRow>& rows);
  void Withdraw(std::string_view config_map);

  [[nodiscard]] base::Result<> StartAgent(std::vector<std::string> flags = {},
                                          const std::vector<std::string>& launcher = {});
  [[nodiscard]] test_support::AgentProcess& agent() { return *agent_; }
  [[nodiscard]] int StopAgent();  // the exit code of SIGTERM
  void KillAgent();               // SIGKILL

  [[nodiscard]] const std::string& seccomp_root() const { return seccomp_root_; }
  [[nodiscard]] const std::string& manifests() const { return manifests_; }
  [[nodiscard]] std::string PodsFlag() const { return "dir:" + pods_; }
  [[nodiscard]] std::string Path(std::string_view profile) const;  // below the seccomp root
  [[nodiscard]] std::string Outside(std::string_view name) const;  // same file system, not watched
  [[nodiscard]] std::string Socket() const { return dir_.Join("run/agent.sock"); }
  // Every regular file below the root, relative, sorted; the agent's own ones included.
  [[nodiscard]] std::vector<std::string> Files() const;

  // True once the file is regular, 0644 and holds (exactly) `bytes`, or anything when absent.
  [[nodiscard]] bool WaitInstalled(std::string_view profile, std::optional<std::string> bytes = {},
                                   std::chrono::milliseconds timeout = std::chrono::seconds(20));
  [[nodiscard]] bool WaitGone(std::string_view profile);
  // Polls the agent's scrape.
  [[nodiscard]] bool WaitMetric(std::string_view series, double value);

  // `seccompd audit -o json` of a process of its own: the report, or what went wrong.
  [[nodiscard]] base::Result<boost::json::object> Audit() const;

 private:
  test_support::TempDir dir_;
  std::string manifests_;
  std::string pods_;
  std::string seccomp_root_;
  std::optional<test_support::AgentProcess> agent_;
};

// What a report says of one container: "verdict" or "verdict(reason)"; "absent" if it has no row.
[[nodiscard]] std::string VerdictOf(const boost::json::object& report,
                                    std::string_view container_id);

// The bytes `seccompd render` makes of a profile's text: what must be installed.
[[nodiscard]] std::string Rendered(const std::string& text);

// The profiles of the Kubernetes tutorial, written from its description.
inline constexpr char kAudit[] = R"({"defaultAction": "SCMP_ACT_LOG"})";
inline constexpr char kViolation[] = R"({"defaultAction": "SCMP_ACT_ERRNO"})";
extern const char* const kFineGrained;
[[nodiscard]] ConfigMap TutorialProfiles();

}  // namespace seccompd::e2e
