// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/audit/audit_pass.h"
#include "agent/audit/cgroup_watch.h"
#include "agent/audit/filter_source.h"
#include "agent/audit/profile_texts.h"
#include "agent/config.h"
#include "agent/log.h"
#include "agent/node_state.h"
#include "agent/source/node_facts.h"
#include "agent/source/source.h"
#include "common/host/host_root.h"
#include "common/net/waits.h"
#include "common/procfs/scanner.h"

namespace seccompd::agent {

// Judges all containers of the node, over and over: after every `audit_interval`, and soon after
// the pods or the installed profiles changed. A pass yields to the other loops. Everything is
// borrowed.
class AuditLoop {
 public:
  AuditLoop(boost::asio::io_context& io, const RunConfig& config, const Log& log,
            const host::HostRoot& host, AuditSettings settings, const seccomp::SyscallTable& table,
            NodeState& state);

  // What is installed, asked for at the end of every pass.
  void set_installed(std::function<audit::InstalledView()> installed);
  // The pods of this node; null: --pods none.
  void set_pods(const PodSource* pods) { pods_ = pods; }

  // Evidence `filter`; without it the audit works at `status`, and `why_not` says why ("": because
  // it was asked to). Borrowed.
  void set_filter_source(FilterSource* source) { filter_source_ = source; }
  void set_why_not(std::string why_not) { why_not_ = std::move(why_not); }
  // Texts of revisions and files, asked for where a comparison needs one.
  void set_texts(audit::ProfileTexts texts) { texts_ = std::move(texts); }
  void set_bundles(Bundles* bundles);
  void set_policy(audit::Policy policy) { policy_ = std::move(policy); }
  // ConfigMaps of which those with the label are checks; asked for before every pass.
  void set_check_maps(std::function<const std::vector<kube::ConfigMap>&()> check_maps);
  // Notices new containers; null: the full pass finds them.
  void set_cgroup_watch(CgroupWatch* watch) { cgroups_ = watch; }

  // What the API says of the node, once it is known; --runtime wins.
  void set_node(const ThisNode& node);

  void Poke() { wakeup_.Notify(); }
  // There is nothing to judge on this node.
  void Pause() { paused_ = true; }

  [[nodiscard]] boost::asio::awaitable<base::Result<>> Run();
  // Together they ask for a pass as soon as a new container runs its program: one follows the
  // events, one looks at those who have come. Both need a cgroup watch.
  [[nodiscard]] boost::asio::awaitable<base::Result<>> FollowCgroups();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> LookForNewcomers();

 private:
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Pass();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> ScanStatus();
  [[nodiscard]] bool ScanFilters();
  [[nodiscard]] base::Result<> DrainCgroups();
  void JudgeScan(const std::vector<kube::Pod>& pods, base::WallTime start);
  [[nodiscard]] boost::asio::awaitable<base::Result<>> WaitForWork(base::MonoTime start);
  void ReadChecks();
  void TellJudged(const audit::Report& report);
  void CountChecks(const audit::Report& report);
  void TakeReport(audit::Report report, const procfs::ScanResult& scan);
  void CountViolations(const audit::Report& report);

  boost::asio::io_context& io_;
  const RunConfig& config_;
  const Log& log_;
  const host::HostRoot& host_;
  AuditSettings settings_;
  NodeState& state_;
  net::Wakeup wakeup_;
  net::Wakeup newcomers_;  // some may have come
  procfs::Scanner scanner_;
  std::function<audit::InstalledView()> installed_;
  const PodSource* pods_ = nullptr;
  bool paused_ = false;
  FilterSource* filter_source_ = nullptr;
  std::string why_not_;
  std::optional<base::Error> filter_error_;  // of the last pass
  audit::ProfileTexts texts_;
  audit::Meanings meanings_;
  audit::CheckBook checks_;
  base::Digest check_texts_;  // of the ConfigMaps that checks_ was made of
  audit::Policy policy_;
  std::function<const std::vector<kube::ConfigMap>&()> check_maps_;
  CgroupWatch* cgroups_ = nullptr;
  bool urgent_ = false;  // a new container runs: no settling
  Bundles* bundles_ = nullptr;
  procfs::ScanResult scan_;  // of the pass under way
  std::vector<audit::LoadedProcess> loaded_;
  bool by_filter_ = false;           // scan_ is the task iterator's
  std::set<std::string> violating_;  // container and verdict, as of the last pass
  std::set<std::string> unblocked_;  // check and container, as of the last pass
};

}  // namespace seccompd::agent
