// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "common/audit/blocks.h"
#include "common/audit/report.h"
#include "common/audit/report_cells.h"
#include "common/base/strings.h"
#include "common/base/text_table.h"

namespace seccompd::audit {
namespace {

using base::Colour;

struct Line {
  std::vector<std::string> cells;
  Colour colour = Colour::kPlain;
};

std::string Age(std::optional<base::WallTime> since, base::WallTime now) {
  return since ? base::FormatAge(now - *since) : "-";
}

std::string AskedCell(const Row& row) {
  if (row.naming == Naming::kNoPod || row.naming == Naming::kNotYetNamed) return "-";
  std::string text = AskedText(row.asked);
  if (row.judgement.asked_revision) text += fmt::format("@r{}", *row.judgement.asked_revision);
  return text;
}

std::string LoadedCell(const Loaded& loaded) {
  if (loaded.revision) return fmt::format("r{}", *loaded.revision);
  switch (loaded.mode) {
    case LoadedMode::kUnseen:
      return "-";
    case LoadedMode::kNone:
      return "none";
    case LoadedMode::kStrict:
      return "strict";
    case LoadedMode::kFilter:
      break;
  }
  if (!loaded.filters) return "filter";
  // A runtime that itself runs under filters hands them down: they count with the container's.
  const std::size_t own = loaded.own_filters;
  const std::size_t given = static_cast<std::size_t>(*loaded.filters) - own;
  const std::string text = given == 1 ? "1 filter" : fmt::format("{} filters", given);
  return own == 0 ? text : fmt::format("{} +{} own", text, own);
}

std::string VerdictCell(const Judgement& judgement) {
  std::string text(VerdictName(judgement.verdict));
  if (judgement.missing) text += fmt::format(" -{}", VerdictName(*judgement.missing));
  return text;
}

// The process is named where one of several is to blame.
std::string WhyCell(const Row& row) {
  const Judgement& judgement = row.judgement;
  if (row.exempt) {
    return fmt::format("exempt until {} ({}): {}", base::FormatTime(row.exemption->expires),
                       row.exemption->owner, judgement.why);
  }
  if (!judgement.alarm && judgement.verdict == Verdict::kMatch && judgement.why.empty()) {
    return judgement.loaded.same_as.starts_with("containerd") ? judgement.loaded.same_as : "";
  }
  if (!judgement.alarm || !judgement.witness || row.processes < 2) return judgement.why;
  return fmt::format("{} (pid {} {})", judgement.why, judgement.witness->pid,
                     judgement.witness->comm);
}

Colour ColourOf(const Judgement& judgement) {
  if (!judgement.alarm) return Colour::kPlain;
  const bool red =
      judgement.verdict == Verdict::kNotEnforced || judgement.verdict == Verdict::kWeaker;
  return red ? Colour::kRed : Colour::kYellow;
}

Line LineOf(const Row& row, base::WallTime now) {
  return {.cells = {VerdictCell(row.judgement), Cell(TargetText(row)), Cell(AskedCell(row)),
                    LoadedCell(row.judgement.loaded), Age(row.judgement.since, now),
                    Cell(WhyCell(row))},
          .colour = ColourOf(row.judgement)};
}

std::string WhyText(const Finding& finding) {
  switch (finding.kind) {
    case FindingKind::kMissingProfile:
      return finding.nearest.empty() ? std::string("no such profile")
                                     : "no such profile; " + finding.nearest + "?";
    case FindingKind::kInvalidProfile:
      return "every version of it was refused, so there is no file";
    case FindingKind::kPendingProfile:
      return "desired, but not on disk yet";
    case FindingKind::kExpiredExemption:
      return "exemption " + finding.state + ": remove or renew it";
  }
  return {};
}

Line LineOf(const Finding& finding, base::WallTime now) {
  const std::string_view kind = FindingKindName(finding.kind);
  return {.cells = {std::string(kind.substr(0, kind.find('_'))),
                    Cell(fmt::format("{}/{}/{}", finding.namespace_name, finding.pod,
                                     finding.container)),
                    Cell(finding.path), Cell(finding.state), Age(finding.since, now),
                    Cell(WhyText(finding))},
          .colour = Colour::kYellow};
}

std::string TableOf(std::vector<Line> lines, bool colour) {
  base::TextTable table(colour);
  table.AddRow({"VERDICT", "NAMESPACE/POD/CONTAINER", "ASKED", "LOADED", "SINCE", "WHY"});
  for (Line& line : lines) table.AddRow(std::move(line.cells), 0, line.colour);
  return table.Render();
}

// "2 n/a (gvisor)", "3 unknown (race 1, no-pod 2)": a number and what it is made of.
std::string Breakdown(std::size_t count, std::string_view name,
                      const std::map<std::string, std::size_t>& parts, bool with_numbers) {
  std::string text = fmt::format("{} {}", count, name);
  if (parts.empty()) return text;
  text += " (";
  bool first = true;
  for (const auto& [part, number] : parts) {
    if (!first) text += ", ";
    first = false;
    text += part;
    if (with_numbers) text += fmt::format(" {}", number);
  }
  return text + ")";
}

std::string Summary(const Report& report) {
  std::map<std::string, std::size_t> reasons;
  std::map<std::string, std::size_t> classes;
  for (const Row& row : report.rows) {
    const Judgement& judgement = row.judgement;
    if (judgement.verdict == Verdict::kUnknown)
      ++reasons[std::string(ReasonName(judgement.reason))];
    if (judgement.verdict == Verdict::kNotApplicable) ++classes[Cell(row.runtime_class)];
  }
  constexpr std::array kOrder = {Verdict::kMatch,   Verdict::kFiltered,    Verdict::kStale,
                                 Verdict::kWeaker,  Verdict::kNotEnforced, Verdict::kStricter,
                                 Verdict::kDiffers, Verdict::kUnconfined};
  std::vector<std::string> parts;
  for (const Verdict verdict : kOrder) {
    const std::size_t count = report.counts.Of(verdict);
    if (count != 0) parts.push_back(fmt::format("{} {}", count, VerdictName(verdict)));
  }
  if (report.counts.not_applicable != 0) {
    parts.push_back(Breakdown(report.counts.not_applicable, "n/a", classes, false));
  }
  parts.push_back(Breakdown(report.counts.unknown, "unknown", reasons, true));
  if (report.counts.below_floor != 0) {
    parts.push_back(fmt::format("{} below the floor", report.counts.below_floor));
  }
  if (report.counts.exempt != 0) parts.push_back(fmt::format("{} exempt", report.counts.exempt));
  std::map<std::string_view, std::size_t> kinds;
  for (const Finding& finding : report.findings) ++kinds[FindingKindName(finding.kind)];
  for (const auto& [kind, count] : kinds) {
    parts.push_back(fmt::format("{} {}", count, kind.substr(0, kind.find('_'))));
  }
  return base::Join(parts, " · ");
}

// "52 blocked, 4 bypassable, 3 permitted"; "" where nothing runs.
std::string ResultsOf(const Report& report, std::size_t check) {
  std::map<std::string_view, std::size_t> results;
  for (const Row& row : report.rows) {
    if (check < row.checks.size()) ++results[bpf::Name(row.checks[check].result)];
  }
  std::vector<std::string> counts;
  counts.reserve(results.size());
  for (const auto& [result, count] : results) counts.push_back(fmt::format("{} {}", count, result));
  return base::Join(counts, ", ");
}

// "af-alg 52 blocked, 4 bypassable, 3 permitted"; what --blocks asks has a table of its own.
std::string CheckLine(const Report& report) {
  const auto& checks = report.facts.checks.checks;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (checks[i].origin == kAskedOnce) continue;
    const std::string results = ResultsOf(report, i);
    if (!results.empty()) parts.push_back(base::Printable(checks[i].name) + " " + results);
  }
  return base::Join(parts, " · ");
}

// Instead of the table.
std::string NothingText(const Report& report) {
  if (report.rows.empty()) return "no containers\n";
  return SomeDoNotBlock(report)
             ? "no finding but what --blocks asks, below (--all lists every container)\n"
             : "no findings (--all lists every container)\n";
}

std::string Heading(const Report& report) {
  const PassFacts& facts = report.facts;
  std::string text =
      fmt::format("node {} · evidence {} · {} container{} · node default {}{} · {}\n",
                  facts.node_name.empty() ? "(unnamed)" : base::Printable(facts.node_name),
                  EvidenceName(facts.evidence), report.counts.found,
                  report.counts.found == 1 ? "" : "s", NodeDefaultName(facts.node_default),
                  facts.node_default_inferred ? " (inferred)" : "", base::FormatTime(facts.end));
  return text;
}

}  // namespace

std::string RenderText(const Report& report, const TextOptions& options) {
  std::vector<Line> findings;
  std::vector<Line> others;
  for (const Row& row : report.rows) {
    (row.judgement.alarm || row.exempt ? findings : others)
        .push_back(LineOf(row, report.facts.end));
  }
  for (const Finding& finding : report.findings) {
    findings.push_back(LineOf(finding, report.facts.end));
  }
  if (options.all) findings.insert(findings.end(), others.begin(), others.end());
  std::string out = Heading(report);
  out += findings.empty() ? NothingText(report) : TableOf(std::move(findings), options.colour);
  out += Summary(report) + '\n';
  if (const std::string checks = CheckLine(report); !checks.empty()) {
    out += "checks: " + checks + '\n';
  }
  out += RenderBlocks(report);
  for (const std::string& note : report.facts.notes) out += "note: " + base::Printable(note) + '\n';
  for (const RestartHint& hint : report.restarts) out += "restart: " + hint.command + '\n';
  return out;
}

}  // namespace seccompd::audit
