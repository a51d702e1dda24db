// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/build_key.h"
#include "agent/config.h"
#include "agent/log.h"
#include "agent/node_state.h"
#include "agent/source/random.h"
#include "agent/source/source.h"
#include "common/host/fs_ops.h"
#include "common/host/tree_watch.h"
#include "common/install/installer.h"
#include "common/install/weakening.h"
#include "common/net/waits.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::agent {

// Keeps the seccomp root as the source wants it. Two loops: one watches the root for tampering, one
// reconciles; a pass itself never suspends. Everything is borrowed.
class InstallLoop {
 public:
  InstallLoop(boost::asio::io_context& io, const RunConfig& config, const Log& log,
              ProfileSource& source, NodeState& state);

  // What pods refer to; asked before every pass.
  void set_references(std::function<const install::References&()> references);
  // Called after a pass that changed a file or the revisions.
  void set_on_change(std::function<void()> on_change);

  // In place of compiling in this process. Once it answers kGone nothing is prepared any more and
  // Reconcile ends with that error.
  void set_compile(std::function<base::Result<bpf::Program>(const seccomp::Profile&)> compile);
  // Files can be made below the present root only (landlock(7)): should another directory take its
  // place, WatchRoot ends with kGone, so that a restart opens that one.
  void set_pinned_root() { pinned_root_ = true; }

  // Which boot of the machine this is (base::BootNumber), for times in the ledger.
  void set_boot(std::uint64_t boot) { boot_ = boot; }

  // The first opening of the root; a root that is lost later is opened anew by the loop.
  [[nodiscard]] base::Result<> Open();
  // Null while the root is lost.
  [[nodiscard]] const install::Installer* installer() const { return installer_.get(); }

  // As of the last pass.
  [[nodiscard]] const install::Desired& desired() const { return desired_; }

  // Look again soon: the references changed.
  void Poke() { wakeup_.Notify(); }
  // The source holds something else now.
  void SourceChanged();
  // Nothing on the disk is looked at or touched from now on: there is nothing to do on this node.
  void Pause() { paused_ = true; }
  // Which ConfigMaps count here; takes effect with the next pass.
  void set_desired_options(install::DesiredOptions options);
  // As the API names it ("containerd://1.7.13"): whose default a bare `runtime-default` base is.
  // --runtime wins; takes effect with the next pass.
  void set_node_runtime(std::string runtime) {
    if (config_.runtime.empty()) preparer_.runtime = std::move(runtime);
  }

  [[nodiscard]] const seccomp::SyscallTable& table() const { return table_; }

  [[nodiscard]] boost::asio::awaitable<base::Result<>> WatchRoot();
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Reconcile();

 private:
  base::MonoTime Pass();
  void TakeSource();
  bool RemovalConfirmed(base::MonoTime now);
  void WeighUpdates();
  void TakeReport(const install::Report& report);
  void CountSteps(const install::Report& report);
  void LogChanges(const std::vector<install::ProfileRow>& rows);
  [[nodiscard]] base::Result<> ReopenIfLost();
  void StartWatch();
  [[nodiscard]] boost::asio::awaitable<base::Result<bool>> AwaitChange();
  void TakeChanges();

  const RunConfig& config_;
  const Log& log_;
  ProfileSource& source_;
  install::DesiredOptions desired_options_;
  NodeState& state_;
  boost::asio::io_context& io_;
  net::Wakeup wakeup_;
  Random random_ = MakeRandom();
  std::function<const install::References&()> references_;
  std::function<void()> on_change_;
  std::uint64_t boot_ = 0;

  std::unique_ptr<host::FsOps> fs_;
  std::unique_ptr<install::Installer> installer_;
  std::unique_ptr<host::TreeWatch> watch_;
  seccomp::SyscallTable table_;
  std::string build_ = BuildKey();  // whose meanings in the ledger need no second compile
  install::Preparer preparer_;
  std::vector<install::Weakening> weakenings_;  // as last found
  install::Desired desired_;
  std::optional<base::Error> compile_gone_;
  bool pinned_root_ = false;
  bool source_changed_ = true;
  bool paused_ = false;
  std::optional<base::MonoTime> changed_at_;  // the oldest change that is not on the disk yet
  install::Glance glance_;                    // collected since the last pass
  base::MonoTime next_rehash_;
  std::optional<base::MonoTime> held_until_;   // a mass removal is held at least so long
  bool asked_again_ = false;                   // ... and this source was asked to confirm it
  std::map<std::string, std::string> logged_;  // path -> state and note last logged
  std::set<std::string> logged_remarks_;
};

}  // namespace seccompd::agent
