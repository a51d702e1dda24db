// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/config.h"
#include "agent/directory_source.h"
#include "agent/log.h"
#include "agent/node_state.h"
#include "common/host/fs_ops.h"
#include "common/host/tree_watch.h"
#include "common/install/installer.h"
#include "common/net/waits.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::agent {

// Keeps the seccomp root as the source wants it. Three loops: one follows the source, one watches
// the root for tampering, one reconciles; a pass itself never suspends. Everything is borrowed.
class InstallLoop {
 public:
  InstallLoop(boost::asio::io_context& io, const RunConfig& config, const Log& log,
              DirectorySource& source, NodeState& state);

  // What pods refer to; asked before every pass.
  void set_references(std::function<install::References()> references);
  // Called after a pass that changed a file or the revisions.
  void set_on_change(std::function<void()> on_change);
  // Called when the source has changed, whether or not that concerns a profile.
  void set_on_source(std::function<void()> on_source) { on_source_ = std::move(on_source); }

  // The first opening of the root; a root that is lost later is opened anew by the loop.
  [[nodiscard]] base::Result<> Open();
  // Null while the root is lost.
  [[nodiscard]] const install::Installer* installer() const { return installer_.get(); }

  // Look again soon: the references changed.
  void Poke() { wakeup_.Notify(); }

  [[nodiscard]] const seccomp::SyscallTable& table() const { return table_; }

  [[nodiscard]] boost::asio::awaitable<base::Result<>> FollowSource();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> WatchRoot();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Reconcile();

 private:
  base::MonoTime Pass();
  void TakeReport(const install::Report& report);
  void CountSteps(const install::Report& report);
  void LogChanges(const std::vector<install::ProfileRow>& rows);
  void ReopenIfLost();
  void StartWatch();

  const RunConfig& config_;
  const Log& log_;
  DirectorySource& source_;
  NodeState& state_;
  boost::asio::io_context& io_;
  net::Wakeup wakeup_;
  std::function<install::References()> references_;
  std::function<void()> on_change_;
  std::function<void()> on_source_;

  std::unique_ptr<host::FsOps> fs_;
  std::unique_ptr<install::Installer> installer_;
  std::unique_ptr<host::TreeWatch> watch_;
  seccomp::SyscallTable table_;
  install::Preparer preparer_;
  install::Desired desired_;
  bool source_changed_ = true;
  install::Glance glance_;  // collected since the last pass
  base::MonoTime next_rehash_;
  std::optional<base::MonoTime> held_since_;
  std::map<std::string, std::string> logged_;  // path -> state and note last logged
  std::set<std::string> logged_remarks_;
};

}  // namespace seccompd::agent
