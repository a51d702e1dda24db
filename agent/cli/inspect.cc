// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <sstream>
#include <utility>

#include "agent/audit/installed_view.h"
#include "agent/cli/report_node.h"
#include "agent/daemon/agent_client.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/host/host_root.h"
#include "common/procfs/scanner.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using document::Node;

constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;
constexpr document::Limits kReportLimits{.bytes = std::size_t{64} << 20, .nodes = 8'000'000};

Result<std::string> IdOfProcess(const LiveTargetOptions& options, std::string_view text) {
  const auto pid = base::ParseInt<pid_t>(text);
  if (!pid || *pid <= 0) return Fail(ErrorCode::kInvalidArgument, "give pid:NUMBER");
  TRY_ASSIGN(
      const host::HostRoot roots,
      host::OpenHostRoot({.proc = options.procfs, .cgroup = options.cgroupfs, .seccomp = ""}));
  TRY_ASSIGN(const procfs::ScanResult scan, procfs::Scan(roots.proc.get(), roots.cgroup.get()));
  for (const procfs::Container& container : scan.containers) {
    for (const procfs::Process& process : container.processes) {
      if (process.pid == *pid) return container.ref.container_id;
    }
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("pid:{} is in no container here; `seccompd explain pid:{}` shows its "
                          "filter",
                          *pid, *pid));
}

struct Reports {
  std::string audit;
  std::string status;  // "": no agent
};

// The agent's, or one of our own.
Result<Reports> Collect(const InspectOptions& options, std::ostream& err) {
  Reports reports;
  auto audit = AskAgent(options.live.socket, "/v1/audit");
  if (audit) {
    reports.audit = std::move(audit->body);
    if (auto status = AskAgent(options.live.socket, "/v1/status")) {
      reports.status = std::move(status->body);
    }
    return reports;
  }
  TRY_ASSIGN(PodRecords records, options.pods());
  AuditOptions own = options.audit;
  own.json = true;
  own.all = true;
  std::ostringstream out;
  std::ostringstream notes;
  if (RunAudit(own, std::move(records), out, notes) > kExitFindings) {
    return Fail(ErrorCode::kUnavailable, std::string(base::TrimSpace(notes.str())));
  }
  err << "no agent answers at " << base::Printable(options.live.socket)
      << ": this is a pass of this command\n";
  reports.audit = std::move(out).str();
  return reports;
}

Result<std::string> IdOf(const InspectOptions& options, const std::string& report) {
  const std::string_view target = options.target;
  if (target.starts_with("pid:")) return IdOfProcess(options.live, target.substr(4));
  if (target.starts_with("cri:")) return std::string(target.substr(4));
  TRY_ASSIGN(LiveContainer found, FindInReport(report, target, options.live.container));
  return std::move(found.container_id);
}

Result<const Node*> RowOf(const Node& report, std::string_view id) {
  const Node* rows = At(report, "containers");
  const Node* found = nullptr;
  std::size_t count = 0;
  if (rows != nullptr && id.size() >= 8) {
    for (const Node& row : rows->items) {
      const Node* own = At(row, "container_id");
      if (own == nullptr || !own->scalar.starts_with(id)) continue;
      found = &row;
      ++count;
    }
  }
  if (count == 1) return found;
  const std::string shown = base::Printable(id);
  return Fail(count == 0 ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
              count == 0 ? fmt::format("cri:{}: no such container in the audit", shown)
                         : fmt::format("cri:{}: several begin so", shown));
}

const Node* ProfileOf(const Node& status, const Node& row) {
  const Node* profiles = At(status, "profiles");
  const Node* asked = At(row, "asked");
  const Node* path = asked == nullptr ? nullptr : At(*asked, "path");
  if (profiles == nullptr || path == nullptr) return nullptr;
  for (const Node& profile : profiles->items) {
    const Node* own = At(profile, "path");
    if (own != nullptr && own->scalar == path->scalar) return &profile;
  }
  return nullptr;
}

// Of all profiles, oldest first; nothing where there is no ledger.
audit::InstalledView ReadHistory(const std::string& seccomp_root) {
  const auto root = host::OpenDirectory(seccomp_root);
  if (!root) return {};
  // As recorded: evidence of what was done when, by the clock of then.
  auto view = ReadInstalledView(root->get(), base::WallNow());
  return view ? *std::move(view) : audit::InstalledView{};
}

std::string HistoryJson(const audit::InstalledProfile* history) {
  if (history == nullptr) return "[]";
  std::vector<std::string> items;
  for (const audit::Revision& revision : history->revisions) {
    items.push_back(fmt::format(
        R"({{"revision":{},"digest":"sha256:{}","meaning":"sha256:{}","installed":"{}"}})",
        revision.number, revision.digest.Hex(), revision.meaning.Hex(),
        base::FormatTime(revision.installed_at, /*with_millis=*/true)));
  }
  return "[" + base::Join(items, ",") + "]";
}

Result<int> Inspect(const InspectOptions& options, std::ostream& out, std::ostream& err) {
  TRY_ASSIGN(const Reports reports, Collect(options, err));
  TRY_ASSIGN(const std::string id, IdOf(options, reports.audit));
  TRY_ASSIGN(const Node report, document::ParseJson(reports.audit, kReportLimits));
  TRY_ASSIGN(const Node* row, RowOf(report, id));
  Node status;
  if (!reports.status.empty()) {
    TRY_ASSIGN(status, document::ParseJson(reports.status, kReportLimits));
  }
  const audit::InstalledView installed = ReadHistory(options.audit.seccomp_root);
  const auto known = installed.profiles.find(Text(*row, "asked", "path"));
  const audit::InstalledProfile* history =
      known == installed.profiles.end() ? nullptr : &known->second;
  if (options.json) {
    out << R"({"schema":"seccompd.io/inspect/v1","container":)" << RenderNode(*row)
        << ",\"revisions\":" << HistoryJson(history) << "}\n";
  } else {
    out << RenderInspection(
        {.report = report, .row = *row, .profile = ProfileOf(status, *row), .history = history},
        options.audit.seccomp_root, options.colour);
  }
  return Text(*row, "finding") == "true" ? kExitFindings : 0;
}

}  // namespace

int RunInspect(const InspectOptions& options, std::ostream& out, std::ostream& err) {
  const auto code = Inspect(options, out, err);
  if (code) return *code;
  err << "seccompd inspect: " << base::Printable(code.error().message) << '\n';
  return kExitUsage;
}

}  // namespace seccompd::agent
