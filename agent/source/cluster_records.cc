// SPDX-License-Identifier: Apache-2.0
#include "agent/source/cluster_records.h"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "agent/log.h"
#include "agent/source/cluster.h"
#include "common/kube/auth_exec_run.h"
#include "common/net/supervisor.h"
#include "common/net/waits.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::Result;

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kStopGrace{1'000};

asio::awaitable<Result<>> StopAfter(net::Supervisor* supervisor) {
  auto slept = co_await net::SleepFor(kPatience);
  if (!slept) co_return slept;
  supervisor->Stop(kStopGrace);
  co_return Result<>{};
}

Result<std::string> RunPlugin(const kube::ExecConfig& exec, const std::string& exec_info) {
  return kube::RunExecPlugin(exec, exec_info);
}

}  // namespace

Result<PodRecords> ReadRecordsOf(const RunConfig& config, std::string user_agent) {
  if (!IsClusterPods(config.pods)) return ReadPodRecords(config.pods);
  const Log log(LogLevel::kError, LogFormat::kText);  // what matters comes back as an error
  asio::io_context io{1};
  TRY_ASSIGN(const std::unique_ptr<Cluster> cluster,
             Cluster::Open(io, config, log, std::move(user_agent), RunPlugin));
  const std::unique_ptr<ClusterPods> pods = cluster->MakePods(/*once=*/true);
  net::Supervisor supervisor(io);
  bool answered = false;
  pods->Start(supervisor, [&] {
    answered = true;
    supervisor.Stop(kStopGrace);
  });
  supervisor.Spawn("patience", StopAfter(&supervisor));
  TRY(supervisor.Run());
  if (!answered) {
    const std::string why = pods->problem().empty() ? "no answer" : pods->problem();
    return base::Fail(base::ErrorCode::kUnavailable, "--pods " + config.pods + ": " + why);
  }
  PodRecords records;
  records.pods = pods->pods();
  records.known = true;
  records.complete = pods->unreadable() == 0;
  if (!records.complete) records.notes.push_back("--pods: some pods cannot be read");
  return records;
}

}  // namespace seccompd::agent
