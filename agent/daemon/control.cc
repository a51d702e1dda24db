// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/control.h"

#include <utility>

#include "agent/daemon/agent_client.h"
#include "common/audit/report.h"

namespace seccompd::agent {
namespace {

bool Asks(const net::Request& request, std::string_view name, std::string_view value) {
  for (const net::QueryParameter& parameter : request.query) {
    if (parameter.name == name) return parameter.value == value;
  }
  return false;
}

net::Response Make(std::string handler, bool text, std::string body, bool findings) {
  net::Response response;
  response.handler = std::move(handler);
  response.content_type = text ? "text/plain; charset=utf-8" : "application/json";
  response.body = std::move(body);
  response.headers.emplace_back(kFindingsHeader, findings ? "1" : "0");
  return response;
}

net::Response Plain(int status, std::string body) {
  net::Response response;
  response.status = status;
  response.handler = "control";
  response.body = std::move(body);
  return response;
}

}  // namespace

net::Response AnswerControl(const net::Request& request, const ControlContext& context) {
  const bool text = Asks(request, "format", "text");
  const bool colour = Asks(request, "colour", "1");
  if (request.path == "/v1/status") {
    const AgentStatus status =
        MakeStatus(context.state, context.config, context.version, context.times);
    return Make("status", text, text ? RenderStatusText(status, colour) : RenderStatusJson(status),
                status.HasProblem());
  }
  if (request.path == "/v1/audit") {
    if (!context.state.audit) return Plain(503, "the first audit is not done\n");
    const audit::Report& report = *context.state.audit;
    const audit::TextOptions options{.all = Asks(request, "all", "1"), .colour = colour};
    return Make("audit", text,
                text ? audit::RenderText(report, options) : audit::RenderJson(report),
                report.HasFindings());
  }
  return Plain(404, "not found\n");
}

std::unique_ptr<net::HttpServer> ListenControl(boost::asio::io_context& io, const std::string& path,
                                               const Log& log,
                                               std::function<ControlContext()> context) {
  if (path.empty()) return nullptr;
  auto handler = [context = std::move(context)](const net::Request& request) {
    return AnswerControl(request, context());
  };
  auto server = net::HttpServer::ListenUnix(io, path, std::move(handler));
  if (!server) {
    log.Warning("no socket for `seccompd status`", {{"error", server.error().message}});
    return nullptr;
  }
  return std::make_unique<net::HttpServer>(*std::move(server));
}

}  // namespace seccompd::agent
