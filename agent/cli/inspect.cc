// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <sstream>
#include <utility>

#include "agent/cli/agent_client.h"
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
constexpr std::size_t kShownDigits = 12;
constexpr document::Limits kReportLimits{.bytes = std::size_t{64} << 20, .nodes = 8'000'000};

const Node* At(const Node& node, std::string_view key) {
  const Node* found = node.Find(key);
  return found == nullptr || found->kind == document::Kind::kNull ? nullptr : found;
}

// A scalar member, escaped; "" where it is absent or null.
std::string Text(const Node& node, std::string_view key) {
  const Node* found = At(node, key);
  return found == nullptr ? std::string() : base::Printable(found->scalar);
}

std::string Text(const Node& node, std::string_view outer, std::string_view key) {
  const Node* found = At(node, outer);
  return found == nullptr ? std::string() : Text(*found, key);
}

// "sha256:9c1e0a..." -> "9c1e0a51aa33"; also of an image's reference.
std::string Short(const std::string& digest) {
  const std::size_t at = digest.rfind("sha256:");
  return at == std::string::npos ? digest : digest.substr(at + 7, kShownDigits);
}

std::string Age(const std::string& time, const std::string& now) {
  const auto then = base::ParseTime(time);
  const auto reference = base::ParseTime(now);
  return then && reference ? base::FormatAge(*reference - *then) : std::string("-");
}

void Add(std::vector<std::string>* words, std::string_view before, const std::string& value) {
  if (!value.empty()) words->push_back(std::string(before) + value);
}

std::string NameOf(const Node& row) {
  const std::string pod = Text(row, "pod");
  if (pod.empty()) return "container " + Text(row, "container_id").substr(0, kShownDigits);
  const std::string container = Text(row, "container");
  return fmt::format("{}/{}/{}", Text(row, "namespace"), pod,
                     container.empty() ? "(pause)" : container);
}

std::string AskedLine(const Node& row, const Node* profile, const std::string& now) {
  std::string what = Text(row, "asked", "kind");
  const std::string path = Text(row, "asked", "path");
  const std::string revision = Text(row, "asked", "revision");
  if (!path.empty()) what += " " + path + (revision.empty() ? "" : "@r" + revision);
  what += fmt::format(" ({} level)", Text(row, "asked", "level"));
  std::vector<std::string> words = {what};
  Add(&words, "file ", Short(Text(row, "asked", "digest")));
  Add(&words, "means ", Short(Text(row, "asked", "fingerprint")));
  if (profile != nullptr) {
    const std::string since = Text(*profile, "since");
    if (!since.empty()) words.push_back("installed " + Age(since, now) + " ago");
    Add(&words, "", Text(*profile, "origin"));
    const std::string state = Text(*profile, "state");
    if (state != "installed") words.push_back(state);
  }
  if (Text(row, "asked", "privileged") == "true") words.emplace_back("PRIVILEGED");
  return base::Join(words, " · ");
}

std::string ToldLine(const Node& row) {
  if (At(row, "told") == nullptr) return "not known (bundles are read with --bundles only)";
  std::vector<std::string> words = {"config.json " + Short(Text(row, "told", "digest"))};
  Add(&words, "means ", Short(Text(row, "told", "fingerprint")));
  return base::Join(words, " · ");
}

std::string LoadedLine(const Node& row) {
  const std::string mode = Text(row, "loaded", "mode");
  const std::string filters = Text(row, "loaded", "filters");
  std::vector<std::string> words;
  words.push_back(mode == "filter" && !filters.empty()
                      ? filters + (filters == "1" ? " filter" : " filters")
                      : mode);
  const std::string own = Text(row, "loaded", "own_filters");
  if (!own.empty() && own != "0") words.push_back(own + " of them the workload's own");
  Add(&words, "r", Text(row, "loaded", "revision"));
  Add(&words, "means ", Short(Text(row, "loaded", "fingerprint")));
  Add(&words, "the same as ", Text(row, "loaded", "same_as"));
  if (Text(row, "loaded", "runc_enosys") == "true") words.emplace_back("runc's ENOSYS (expected)");
  return base::Join(words, " · ");
}

std::string StateLine(const Node& row, const std::string& now) {
  std::string verdict = Text(row, "verdict");
  const std::string missing = Text(row, "missing");
  if (!missing.empty()) verdict += " -" + missing;
  const std::string reason = Text(row, "reason");
  verdict += reason.empty() ? "" : " (" + reason + ")";
  std::vector<std::string> words = {verdict, "evidence " + Text(row, "evidence")};
  const std::string since = Text(row, "since");
  if (!since.empty()) words.push_back("started " + since + ", " + Age(since, now) + " ago");
  const std::string processes = Text(row, "processes");
  words.push_back(processes + (processes == "1" ? " process" : " processes"));
  Add(&words, "image ", Short(Text(row, "image_id")));
  return base::Join(words, " · ");
}

std::string ChecksLine(const Node& row) {
  const Node* checks = At(row, "checks");
  if (checks == nullptr) return "";
  std::vector<std::string> words;
  for (const Node& check : checks->items) {
    std::string word = Text(check, "name") + " " + Text(check, "result");
    const Node* open = At(check, "open");
    if (open != nullptr && !open->items.empty()) {
      word += ": " + base::Printable(open->items.front().scalar);
      if (open->items.size() > 1) word += fmt::format(" and {} more", open->items.size() - 1);
    }
    words.push_back(std::move(word));
  }
  return base::Join(words, " · ");
}

// Only words that need no quoting go into a command line.
bool Plain(const std::string& word) {
  return !word.empty() && word.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                              "WXYZ0123456789-_./:@") == std::string::npos;
}

std::string RestartCommand(const Node& row) {
  const std::string space = Text(row, "namespace");
  const std::string pod = Text(row, "pod");
  if (!Plain(space) || !Plain(pod)) return "restart the pod";
  return "kubectl -n " + space + " delete pod " + pod + " (its owner makes it anew)";
}

// What to do, or how to see more.
std::string NextLine(const Node& row, std::string_view seccomp_root) {
  const std::string verdict = Text(row, "verdict");
  const std::string path = Text(row, "asked", "path");
  const std::string id = Text(row, "container_id").substr(0, kShownDigits);
  if (verdict == "not_enforced" && Text(row, "asked", "privileged") == "true") {
    return "drop privileged: true: the runtime loads no filter for such a container";
  }
  if (verdict == "stale" || verdict == "not_enforced") return RestartCommand(row);
  if (verdict == "unconfined") return "set securityContext.seccompProfile, or --seccomp-default";
  if (verdict == "unknown" || verdict == "filtered") {
    return Text(row, "evidence") == "filter" ? "seccompd explain cri:" + id
                                             : "evidence filter would tell: CAP_BPF, CAP_PERFMON";
  }
  const bool differs = verdict == "weaker" || verdict == "stricter" || verdict == "differs";
  if (!differs) return "";
  const std::string asked =
      path.empty() ? std::string("runtime-default") : fmt::format("{}/{}", seccomp_root, path);
  return Plain(asked) ? fmt::format("seccompd diff {} cri:{}", asked, id)
                      : "seccompd explain cri:" + id;
}

std::string WitnessLine(const Node& row) {
  const Node* witness = At(row, "witness");
  if (witness == nullptr) return "";
  const std::string pid = Text(*witness, "pid");
  const std::string tid = Text(*witness, "tid");
  std::string text = fmt::format("by pid {} ({})", pid, Text(*witness, "comm"));
  if (!tid.empty() && tid != "0" && tid != pid) text += ", its thread " + tid;
  return text;
}

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

Result<int> Inspect(const InspectOptions& options, std::ostream& out, std::ostream& err) {
  TRY_ASSIGN(const Reports reports, Collect(options, err));
  TRY_ASSIGN(const std::string id, IdOf(options, reports.audit));
  TRY_ASSIGN(const Node report, document::ParseJson(reports.audit, kReportLimits));
  TRY_ASSIGN(const Node* row, RowOf(report, id));
  Node status;
  if (!reports.status.empty()) {
    TRY_ASSIGN(status, document::ParseJson(reports.status, kReportLimits));
  }
  if (options.json) {
    const std::string empty = R"({"schema":"seccompd.io/inspect/v1","container":)";
    out << empty << RenderNode(*row) << "}\n";
  } else {
    out << RenderInspection(report, *row, ProfileOf(status, *row), options.audit.seccomp_root,
                            options.colour);
  }
  return Text(*row, "finding") == "true" ? kExitFindings : 0;
}

}  // namespace

std::string RenderInspection(const Node& report, const Node& row, const Node* profile,
                             std::string_view seccomp_root, bool colour) {
  const std::string now = Text(report, "end");
  std::string out = NameOf(row) + "   cri:" + Text(row, "container_id").substr(0, kShownDigits) +
                    "   node " + Text(report, "node", "name") + " at " + now + '\n';
  const auto line = [&](std::string_view title, const std::string& text) {
    if (!text.empty()) out += fmt::format("{:<8} {}\n", title, text);
  };
  line("asked", AskedLine(row, profile, now));
  line("told", ToldLine(row));
  line("loaded", LoadedLine(row));
  const std::string state = StateLine(row, now);
  line("state", colour && Text(row, "finding") == "true" ? "\x1b[31m" + state + "\x1b[0m" : state);
  line("why", Text(row, "why"));
  line("judged", WitnessLine(row));
  line("differs", Text(row, "difference"));
  line("checks", ChecksLine(row));
  line("floor", Text(row, "floor"));
  line("exempt", Text(row, "exemption", "reason"));
  line("next", NextLine(row, seccomp_root));
  return out;
}

std::string RenderNode(const Node& node) {
  std::string out;
  switch (node.kind) {
    case document::Kind::kNull:
      return "null";
    case document::Kind::kBool:
    case document::Kind::kNumber:
      return node.scalar;
    case document::Kind::kString:
      return '"' + base::EscapeJson(node.scalar) + '"';
    case document::Kind::kArray:
      for (const Node& item : node.items) out += (out.empty() ? "" : ",") + RenderNode(item);
      return '[' + out + ']';
    case document::Kind::kObject:
      break;
  }
  for (const document::Member& member : node.members) {
    out += out.empty() ? "\"" : ",\"";
    out += base::EscapeJson(member.key) + "\":" + RenderNode(member.value);
  }
  return '{' + out + '}';
}

int RunInspect(const InspectOptions& options, std::ostream& out, std::ostream& err) {
  const auto code = Inspect(options, out, err);
  if (code) return *code;
  err << "seccompd inspect: " << base::Printable(code.error().message) << '\n';
  return kExitUsage;
}

}  // namespace seccompd::agent
