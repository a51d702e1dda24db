// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/status.h"

#include <ostream>
#include <string_view>

#include "agent/daemon/agent_client.h"
#include "common/base/digest.h"
#include "common/base/strings.h"

namespace seccompd::agent {
namespace {

constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInternal = 70;

int Print(std::string_view command, const base::Result<AgentReply>& reply, std::ostream& out,
          std::ostream& err) {
  if (!reply) {
    err << "seccompd " << command << ": " << base::Printable(reply.error().message) << '\n';
    return kExitUsage;
  }
  out << reply->body;
  out.flush();
  if (!out) return kExitInternal;
  return reply->findings ? kExitFindings : 0;
}

std::string Query(bool json, bool colour, bool all) {
  if (json) return "";
  std::string query = "?format=text";
  if (colour) query += "&colour=1";
  if (all) query += "&all=1";
  return query;
}

}  // namespace

int RunStatus(const StatusOptions& options, std::ostream& out, std::ostream& err) {
  const auto reply =
      AskAgent(options.socket, "/v1/status" + Query(options.json, options.colour, false));
  return Print("status", reply, out, err);
}

int RunAgentAudit(const AgentAuditOptions& options, std::ostream& out, std::ostream& err) {
  const auto reply =
      AskAgent(options.socket, "/v1/audit" + Query(options.json, options.colour, options.all));
  const int code = Print("audit", reply, out, err);
  if (reply && options.json) err << "report sha256:" << base::Sha256(reply->body).Hex() << '\n';
  return code;
}

}  // namespace seccompd::agent
