// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/web.h"

#include <algorithm>
#include <chrono>

#include "agent/daemon/exposition.h"
#include "agent/daemon/html.h"
#include "agent/daemon/page.h"
#include "common/base/strings.h"

namespace seccompd::agent {
namespace {

using std::chrono::minutes;

net::Response Text(int status, std::string handler, std::string body) {
  net::Response response;
  response.status = status;
  response.handler = std::move(handler);
  response.body = std::move(body) + '\n';
  return response;
}

// A watch that ought to have been given up for silence, or a retry whose timer did not fire. An API
// server that is away is neither.
bool IsStuck(const kube::CollectionHealth& health, base::MonoTime now) {
  constexpr minutes kLongestSilence{
      30};  // a server without bookmarks; a watch ends after 10 anyway
  constexpr minutes kTimerSlack{2};
  if (health.state == kube::CollectionState::kWaiting) {
    return health.next_try && now > *health.next_try + kTimerSlack;
  }
  return health.state == kube::CollectionState::kWatching && health.last_byte &&
         now > *health.last_byte + kLongestSilence;
}

net::Response Live(const WebContext& context, base::MonoTime now, std::string handler) {
  const std::string stuck = StuckBecause(context.state, context.config, now);
  if (stuck.empty()) return Text(200, std::move(handler), "ok");
  return Text(503, std::move(handler), stuck);
}

net::Response Ready(const WebContext& context) {
  const NodeState& state = context.state;
  if (!state.facts.unsupported.empty()) {
    return Text(200, "readyz", "nothing to do: " + base::Printable(state.facts.unsupported));
  }
  if (state.Ready()) return Text(200, "readyz", "ok");
  if (state.install_error) {
    return Text(503, "readyz", "not ready: " + base::Printable(state.install_error->message));
  }
  return Text(503, "readyz",
              state.installs ? "not ready: the first sync is not done"
                             : "not ready: the first audit is not done");
}

net::Response Page(const WebContext& context, const metrics::ProcessStats& process) {
  net::Response response;
  response.handler = "page";
  response.content_type = "text/html; charset=utf-8";
  response.headers = {{"Content-Security-Policy", std::string(html::kContentSecurityPolicy)},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-store"}};
  const metrics::MetricsSnapshot snapshot = Snapshot(context.state, context.build, process);
  response.body = RenderPage({.metrics = snapshot,
                              .state = context.state,
                              .detail = context.config.web_detail,
                              .now = context.wall_now});
  return response;
}

}  // namespace

std::string StuckBecause(const NodeState& state, const RunConfig& config, base::MonoTime now) {
  // Every loop comes round at the latest after its interval; three times that and some is stuck.
  const auto most = [](std::chrono::milliseconds interval) {
    return std::max<std::chrono::milliseconds>(minutes(5), 3 * interval);
  };
  if (Installs(config) && now - state.install_heartbeat > most(config.rehash_interval)) {
    return "the install loop is stuck";
  }
  if (Audits(config) && now - state.audit_heartbeat > most(config.audit_interval)) {
    return "the audit loop is stuck";
  }
  for (const WatchHealth& watch : state.watches) {
    if (IsStuck(watch.health, now)) return "the watch of " + watch.resource + " is stuck";
  }
  return "";
}

bool IsHealthPath(std::string_view path) {
  return path == "/livez" || path == "/readyz" || path == "/healthz";
}

net::Response Answer(const net::Request& request, const WebContext& context,
                     const metrics::ProcessStats& process, base::MonoTime now) {
  if (context.stranger && !IsHealthPath(request.path)) {
    return Text(403, "other", "a client certificate is needed here");
  }
  if (request.path == "/metrics") {
    net::Response response;
    response.handler = "metrics";
    response.content_type = std::string(metrics::kContentType);
    metrics::MetricsSnapshot snapshot = Snapshot(context.state, context.build, process);
    if (context.config.metrics_level == "minimal") snapshot.level = metrics::Level::kMinimal;
    response.body = metrics::RenderMetrics(snapshot);
    return response;
  }
  if (request.path == "/livez") return Live(context, now, "livez");
  if (request.path == "/healthz") return Live(context, now, "healthz");
  if (request.path == "/readyz") return Ready(context);
  if (request.path == "/") return Page(context, process);
  return Text(404, "other", "not found");
}

}  // namespace seccompd::agent
