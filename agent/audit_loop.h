// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <set>
#include <string>

#include "agent/audit_pass.h"
#include "agent/config.h"
#include "agent/log.h"
#include "agent/node_state.h"
#include "agent/source.h"
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
            const host::HostRoot& host, AuditSettings settings, NodeState& state);

  // What is installed, asked for at the end of every pass.
  void set_installed(std::function<audit::InstalledView()> installed);
  // The pods of this node; null: --pods none.
  void set_pods(const PodSource* pods) { pods_ = pods; }

  void Poke() { wakeup_.Notify(); }
  // There is nothing to judge on this node.
  void Pause() { paused_ = true; }

  [[nodiscard]] boost::asio::awaitable<base::Result<>> Run();

 private:
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Pass();
  void TakeReport(audit::Report report, const procfs::ScanResult& scan);
  void CountViolations(const audit::Report& report);

  const RunConfig& config_;
  const Log& log_;
  AuditSettings settings_;
  NodeState& state_;
  net::Wakeup wakeup_;
  procfs::Scanner scanner_;
  std::function<audit::InstalledView()> installed_;
  const PodSource* pods_ = nullptr;
  bool paused_ = false;
  std::set<std::string> violating_;  // container and verdict, as of the last pass
};

}  // namespace seccompd::agent
