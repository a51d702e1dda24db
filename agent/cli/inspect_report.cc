// SPDX-License-Identifier: Apache-2.0
// What `seccompd inspect` shows of one container, for people.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "agent/cli/inspect.h"
#include "agent/cli/report_node.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace seccompd::agent {
namespace {

using document::Node;

constexpr std::size_t kShownDigits = 12;

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
  const std::string threads = Text(row, "threads", "total");
  if (!threads.empty()) {
    words.push_back(Text(row, "threads", "same") + " of " + threads +
                    (threads == "1" ? " thread has" : " threads have") + " this filter");
  }
  const std::string nnp = Text(row, "loaded", "no_new_privs");
  if (!nnp.empty()) words.push_back(nnp == "true" ? "NoNewPrivs 1" : "NoNewPrivs 0");
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
    std::vector<std::string> calls;
    if (open != nullptr) {
      for (const Node& call : open->items) calls.push_back(base::Printable(call.scalar));
    }
    if (!calls.empty()) word += ": " + base::Join(calls, ", ");
    words.push_back(std::move(word));
  }
  return base::Join(words, " · ");
}

// One line for each cause that is shown to explain the difference.
std::vector<std::string> CauseLines(const Node& row) {
  std::vector<std::string> lines;
  const Node* causes = At(row, "causes");
  if (causes == nullptr) return lines;
  for (const Node& cause : causes->items) {
    const std::string detail = Text(cause, "detail");
    lines.push_back(Text(cause, "cause") + ": " + Text(cause, "text") +
                    (detail.empty() ? "" : " (" + detail + ")"));
  }
  return lines;
}

// "r5 2d ago, in force · r4 9d ago, loaded": what the ledger keeps of this profile, newest first.
std::string HistoryLine(const audit::InstalledProfile* history, const Node& row,
                        const std::string& now) {
  if (history == nullptr) return "";
  std::vector<std::string> words;
  const std::string loaded = Text(row, "loaded", "revision");
  const auto& revisions = history->revisions;
  for (auto it = revisions.rbegin(); it != revisions.rend(); ++it) {
    const std::string number = std::to_string(it->number);
    std::string word = "r" + number + " " + Age(base::FormatTime(it->installed_at), now) + " ago";
    if (it == revisions.rbegin()) word += ", in force";
    if (it + 1 != revisions.rend() && (it + 1)->meaning == it->meaning) {
      word += ", means the same as r" + std::to_string((it + 1)->number);
    }
    if (number == loaded) word += ", loaded";
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

}  // namespace

std::string RenderInspection(const Inspection& inspection, std::string_view seccomp_root,
                             bool colour) {
  const Node& report = inspection.report;
  const Node& row = inspection.row;
  const std::string now = Text(report, "end");
  std::string out = NameOf(row) + "   cri:" + Text(row, "container_id").substr(0, kShownDigits) +
                    "   node " + Text(report, "node", "name") + " at " + now + '\n';
  const auto line = [&](std::string_view title, const std::string& text) {
    if (!text.empty()) out += fmt::format("{:<8} {}\n", title, text);
  };
  line("asked", AskedLine(row, inspection.profile, now));
  line("told", ToldLine(row));
  line("loaded", LoadedLine(row));
  const std::string state = StateLine(row, now);
  line("state", colour && Text(row, "finding") == "true" ? "\x1b[31m" + state + "\x1b[0m" : state);
  line("why", Text(row, "why"));
  line("judged", WitnessLine(row));
  line("differs", Text(row, "difference"));
  for (const std::string& cause : CauseLines(row)) line("cause", cause);
  line("history", HistoryLine(inspection.history, row, now));
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

}  // namespace seccompd::agent
