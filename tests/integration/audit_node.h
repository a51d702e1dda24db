// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/audit.h"
#include "tests/support/pod_list.h"
#include "tests/support/temp_dir.h"

namespace seccompd::agent {

// One revision of a profile.
struct ProfileText {
  std::string path;
  std::uint32_t number = 1;
  std::string_view body;
  std::chrono::milliseconds age = std::chrono::hours(24);
};

// A node as `seccompd audit` sees it: a seccomp root with a ledger, and pods of the namespace
// "demo".
class AuditNode {
 public:
  AuditNode();

  // The ledger and the files of the newest revisions.
  void Install(const std::vector<ProfileText>& texts);
  // A profile file of another tool.
  void PutFile(const std::string& path, std::string_view text);

  // "verdict(reason)/missing" by pod; a report at another evidence than `filter` is a failure.
  std::map<std::string, std::string> Audit();
  // What the last one said: its JSON, and the words for people by pod.
  [[nodiscard]] const std::string& json() const { return json_; }
  [[nodiscard]] const std::string& Why(const std::string& pod) { return whys_[pod]; }

  [[nodiscard]] std::string seccomp_root() const { return dir_.Join("seccomp"); }
  [[nodiscard]] std::string Join(std::string_view name) const { return dir_.Join(name); }
  AuditOptions& options() { return options_; }
  std::vector<test_support::PodRow>& pods() { return pods_; }

 private:
  [[nodiscard]] PodRecords Records() const;

  test_support::TempDir dir_;
  AuditOptions options_;
  std::vector<test_support::PodRow> pods_;
  std::string json_;
  std::map<std::string, std::string> whys_;
};

}  // namespace seccompd::agent
