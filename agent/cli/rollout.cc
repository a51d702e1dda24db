// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/rollout.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <memory>
#include <ostream>
#include <utility>

#include "agent/log.h"
#include "agent/source/cluster.h"
#include "common/base/strings.h"
#include "common/kube/auth_exec_run.h"
#include "common/net/supervisor.h"
#include "common/net/waits.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::Result;
using document::Kind;
using document::Node;
using std::chrono::milliseconds;

constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;
constexpr milliseconds kLookAgain{2'000};
constexpr milliseconds kStopGrace{1'000};
constexpr std::size_t kMostWarnings = 10;

const Node* Inside(const Node* node, std::string_view key) {
  return node != nullptr && node->kind == Kind::kObject ? node->Find(key) : nullptr;
}

std::string TextAt(const Node* node, std::string_view key) {
  const Node* value = Inside(node, key);
  return value != nullptr && value->kind == Kind::kString ? value->scalar : "";
}

std::int64_t NumberAt(const Node* node, std::string_view key) {
  const Node* value = Inside(node, key);
  if (value == nullptr || value->kind != Kind::kNumber) return 0;
  std::int64_t number = 0;
  const char* end = value->scalar.data() + value->scalar.size();
  const auto parsed = std::from_chars(value->scalar.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : 0;
}

// "seccompd-x7k2p" is a pod of the DaemonSet seccompd: five letters or digits follow.
bool IsOf(const std::string& name, const std::string& daemon_set) {
  constexpr std::size_t kSuffix = 6;
  return name == daemon_set ||
         (name.size() == daemon_set.size() + kSuffix && name.starts_with(daemon_set + "-"));
}

// A namespace's or object's name: it becomes part of a path.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.back() != '.' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string_view::npos;
}

// One wait, shared by its coroutine and the caller.
struct Rollout {
  std::string daemon_set_path;
  std::string events_path;
  std::string name;
  base::MonoTime end;
  std::ostream& out;
  RolloutView last;
  std::string problem;  // why the last question had no answer
  std::vector<std::string> warnings;
  bool done = false;
};

asio::awaitable<Result<>> Follow(kube::ApiClient* api, Rollout* rollout,
                                 net::Supervisor* supervisor) {
  bool first = true;
  while (!rollout->done && std::chrono::steady_clock::now() < rollout->end) {
    if (!first) {
      auto slept = co_await net::SleepFor(kLookAgain);
      if (!slept) co_return slept;
    }
    auto answer = co_await api->Get(rollout->daemon_set_path);
    if (!answer) {
      rollout->problem = answer.error().message;
      first = false;
      continue;
    }
    rollout->problem.clear();
    const RolloutView view = ViewRollout(*answer);
    if (first || view != rollout->last) rollout->out << Describe(view) << std::endl;
    rollout->last = view;
    rollout->done = view.Done();
    first = false;
  }
  if (!rollout->done && rollout->problem.empty()) {
    auto events = co_await api->Get(rollout->events_path);
    if (events) {
      rollout->warnings = WarningsOf(*events, rollout->name);
    } else {
      rollout->warnings = {"the events cannot be read: " + base::Printable(events.error().message)};
    }
  }
  supervisor->Stop(kStopGrace);
  co_return Result<>{};
}

Result<std::string> RunPlugin(const kube::ExecConfig& exec, const std::string& exec_info) {
  return kube::RunExecPlugin(exec, exec_info);
}

Result<> Wait(const RunConfig& config, std::string user_agent, Rollout* rollout) {
  const Log log(LogLevel::kError, LogFormat::kText);  // what matters comes back as an error
  asio::io_context io{1};
  TRY_ASSIGN(const std::unique_ptr<Cluster> cluster,
             Cluster::Open(io, config, log, std::move(user_agent), RunPlugin));
  net::Supervisor supervisor(io);
  supervisor.Spawn("rollout", Follow(cluster->api(), rollout, &supervisor));
  return supervisor.Run();
}

}  // namespace

RolloutView ViewRollout(const Node& daemon_set) {
  const Node* status = Inside(&daemon_set, "status");
  RolloutView view;
  view.wanted = NumberAt(status, "desiredNumberScheduled");
  view.updated = NumberAt(status, "updatedNumberScheduled");
  view.ready = NumberAt(status, "numberAvailable");
  view.observed = status != nullptr && NumberAt(status, "observedGeneration") >=
                                           NumberAt(Inside(&daemon_set, "metadata"), "generation");
  return view;
}

std::string Describe(const RolloutView& view) {
  if (!view.observed) return "the controller has not seen this version yet";
  if (view.wanted == 0) return "no node is wanted: see nodeSelector, affinity and tolerations";
  return fmt::format("{} of {} nodes ready, {} of this version", view.ready, view.wanted,
                     view.updated);
}

std::vector<std::string> WarningsOf(const Node& events, const std::string& daemon_set) {
  std::vector<std::pair<std::string, std::string>> found;  // when, what
  const Node* items = Inside(&events, "items");
  if (items == nullptr || items->kind != Kind::kArray) return {};
  for (const Node& event : items->items) {
    const Node* about = Inside(&event, "involvedObject");
    const std::string name = TextAt(about, "name");
    if (TextAt(&event, "type") != "Warning" || !IsOf(name, daemon_set)) continue;
    std::string kind = TextAt(about, "kind");
    std::transform(kind.begin(), kind.end(), kind.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const std::int64_t count = NumberAt(&event, "count");
    std::string line =
        fmt::format("{} {}/{}: {}{}", TextAt(&event, "reason"), kind, name,
                    TextAt(&event, "message"), count > 1 ? fmt::format(" ({} times)", count) : "");
    found.emplace_back(TextAt(&event, "lastTimestamp"), base::Printable(line));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> lines;
  const std::size_t skip = found.size() > kMostWarnings ? found.size() - kMostWarnings : 0;
  for (std::size_t i = skip; i < found.size(); ++i) lines.push_back(std::move(found[i].second));
  return lines;
}

int RunRollout(const RolloutOptions& options, const RunConfig& config, std::string user_agent,
               std::ostream& out, std::ostream& err) {
  const std::size_t slash = options.target.find('/');
  const std::string space = options.target.substr(0, slash);
  const std::string name = slash == std::string::npos ? "" : options.target.substr(slash + 1);
  if (!IsName(space) || !IsName(name)) {
    err << "seccompd rollout: '" << base::Printable(options.target) << "': give NAMESPACE/NAME\n";
    return kExitUsage;
  }
  Rollout rollout{.daemon_set_path = "/apis/apps/v1/namespaces/" + space + "/daemonsets/" + name,
                  .events_path = "/api/v1/namespaces/" + space + "/events?limit=500",
                  .name = name,
                  .end = std::chrono::steady_clock::now() + options.timeout,
                  .out = out,
                  .last = {},
                  .problem = {},
                  .warnings = {}};
  const auto waited = Wait(config, std::move(user_agent), &rollout);
  if (!waited) {
    err << "seccompd rollout: " << base::Printable(waited.error().message) << '\n';
    return kExitUsage;
  }
  if (rollout.done) {
    out << "every node has it\n";
    return 0;
  }
  err << "seccompd rollout: not done in time\n";
  if (!rollout.problem.empty()) err << base::Printable(rollout.problem) << '\n';
  for (const std::string& warning : rollout.warnings) err << warning << '\n';
  return kExitFindings;
}

}  // namespace seccompd::agent
