// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/small_commands.h"

#include <csignal>
#include <iostream>

#include "agent/cli/flags.h"
#include "agent/version.h"
#include "common/metrics/metrics.h"

namespace seccompd::agent {
namespace {

int WaitForSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int number = 0;
  const bool waited =
      pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0 && sigwait(&signals, &number) == 0;
  return waited ? 0 : 70;
}

}  // namespace

void SmallCommands::Add(CLI::App& top) {
  rollout_app_ =
      top.add_subcommand("rollout", "waits until a DaemonSet is on every node: for helm test");
  rollout_app_->add_option("TARGET", rollout_.target, "NAMESPACE/NAME")->required();
  AddServerFlags(*rollout_app_, config_);
  AddDuration(*rollout_app_, "timeout", rollout_.timeout, "how long to wait");
  // A DaemonSet's container may not end, though its work is done.
  wait_app_ =
      top.add_subcommand("wait", "does nothing until told to stop: after a purge in a DaemonSet");
  metrics_app_ = top.add_subcommand("metrics", "every metric of the agent, as the README's table");
}

bool SmallCommands::Parsed() const {
  return rollout_app_->parsed() || wait_app_->parsed() || metrics_app_->parsed();
}

int SmallCommands::Execute() const {
  if (rollout_app_->parsed()) {
    return RunRollout(rollout_, config_, "seccompd/" + AgentVersion(), std::cout, std::cerr);
  }
  if (wait_app_->parsed()) return WaitForSignal();
  std::cout << metrics::RenderTable();
  return 0;
}

}  // namespace seccompd::agent
