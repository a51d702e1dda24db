// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/validate_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "common/base/strings.h"
#include "common/base/text_table.h"
#include "common/document/json_writer.h"

namespace seccompd::agent {
namespace {

using base::Colour;
using base::Counted;
using document::JsonList;
using document::JsonText;

using seccomp::Diagnostic;
using seccomp::Severity;

std::string OriginOf(const ProfileFinding& profile) {
  if (profile.config_map.empty()) return {};
  return fmt::format("ConfigMap {} key {}", base::Printable(profile.config_map),
                     base::Printable(profile.key));
}

std::string_view ColourOf(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "\x1b[31m";
    case Severity::kWarning:
      return "\x1b[33m";
    case Severity::kNote:
      break;
  }
  return "\x1b[36m";
}

std::string JsonDiagnostic(const Diagnostic& d) {
  return fmt::format(
      R"({{"code":{},"severity":{},"pointer":{},"message":{},"line":{},"column":{}}})",
      JsonText(d.code), JsonText(SeverityName(d.severity)), JsonText(d.pointer),
      JsonText(d.message), d.line, d.column);
}

std::string JsonProfile(const ProfileFinding& profile) {
  return fmt::format(
      R"({{"configMap":{},"key":{},"localhostProfile":{},"valid":{},"diagnostics":{}}})",
      JsonText(profile.config_map), JsonText(profile.key), JsonText(profile.path), profile.valid,
      JsonList(profile.diagnostics, JsonDiagnostic));
}

std::string JsonReference(const PodReference& row) {
  return fmt::format(R"({{"workload":{},"container":{},"asked":{},"state":{}}})",
                     JsonText(row.workload), JsonText(row.container), JsonText(row.asked),
                     JsonText(row.state));
}

std::string JsonFile(const FileFinding& file) {
  return fmt::format(R"({{"file":{},"profiles":{},"diagnostics":{},"ignored":{},"references":{}}})",
                     JsonText(file.name), JsonList(file.profiles, JsonProfile),
                     JsonList(file.problems, JsonDiagnostic),
                     JsonList(file.ignored, [](const std::string& s) { return JsonText(s); }),
                     JsonList(file.references, JsonReference));
}

// A path as a URI reference (RFC 3986): everything but unreserved characters and '/' is escaped.
std::string UriOf(std::string_view path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string out;
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string SarifRule(const seccomp::CodeInfo& info) {
  return fmt::format(
      R"({{"id":{},"name":{},"shortDescription":{{"text":{}}},"defaultConfiguration":{{"level":{}}}}})",
      JsonText(info.code), JsonText(info.name), JsonText(info.explain),
      JsonText(SeverityName(info.severity)));
}

std::string SarifResult(const std::string& file, const std::string& origin, const Diagnostic& d) {
  const auto rules = seccomp::DiagnosticCodes();
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const seccomp::CodeInfo& info) {
    return info.code == d.code;
  });
  std::string region;
  if (d.line != 0) {
    region = fmt::format(R"(,"region":{{"startLine":{},"startColumn":{}}})", d.line,
                         std::max<std::size_t>(d.column, 1));
  }
  const std::string where = origin.empty() ? d.pointer : origin + ": " + d.pointer;
  return fmt::format(
      R"({{"ruleId":{},"ruleIndex":{},"level":{},"message":{{"text":{}}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":{}}}{}}},"logicalLocations":[{{"fullyQualifiedName":{}}}]}}]}})",
      JsonText(d.code), rule - rules.begin(), JsonText(SeverityName(d.severity)),
      JsonText(d.message), JsonText(UriOf(file)), region, JsonText(where));
}

std::string Verdict(const ProfileFinding& profile, const std::string& file, bool colour) {
  const std::string origin = OriginOf(profile);
  const std::string name = base::Printable(file) + (origin.empty() ? std::string() : " " + origin);
  const auto warnings = static_cast<std::size_t>(
      std::count_if(profile.diagnostics.begin(), profile.diagnostics.end(),
                    [](const Diagnostic& d) { return d.severity == Severity::kWarning; }));
  const std::string_view green = colour ? "\x1b[32m" : "";
  const std::string_view red = colour ? "\x1b[31m" : "";
  const std::string_view reset = colour ? "\x1b[0m" : "";
  if (!profile.valid) return fmt::format("{}refused{}  {}\n", red, reset, name);
  std::string out = fmt::format("{}valid{}    {}", green, reset, name);
  if (warnings > 0) out += fmt::format(" ({})", Counted(warnings, "warning"));
  if (!profile.path.empty()) {
    out += fmt::format("\n           localhostProfile: {}", base::Printable(profile.path));
  }
  return out + "\n";
}

}  // namespace

ValidateCounts ValidateReport::Count() const {
  ValidateCounts counts{.files = files.size()};
  const auto add = [&counts](const std::vector<Diagnostic>& diagnostics) {
    for (const Diagnostic& d : diagnostics) {
      if (d.severity == Severity::kError) ++counts.errors;
      if (d.severity == Severity::kWarning) ++counts.warnings;
    }
  };
  for (const FileFinding& file : files) {
    add(file.problems);
    for (const PodReference& row : file.references) {
      if (!row.state.empty()) ++counts.references;
      if (row.state == "provided") ++counts.provided;
    }
    for (const ProfileFinding& profile : file.profiles) {
      ++counts.profiles;
      if (profile.valid) ++counts.valid;
      add(profile.diagnostics);
    }
  }
  return counts;
}

std::string DiagnosticLine(const std::string& file, const Diagnostic& d, const std::string& origin,
                           bool colour) {
  std::string out = base::Printable(file);
  if (d.line != 0) out += fmt::format(":{}:{}", d.line, d.column);
  out += fmt::format(": {}{}{} {}", colour ? ColourOf(d.severity) : "", SeverityName(d.severity),
                     colour ? "\x1b[0m" : "", d.code);
  if (!d.pointer.empty()) out += " " + base::Printable(d.pointer);
  out += ": " + d.message;
  if (!origin.empty()) out += fmt::format(" [{}]", origin);
  return out;
}

namespace {

// Who asks for what, over all files; nothing where no pods were looked at.
std::string ReferenceTable(const ValidateReport& report, bool colour) {
  base::TextTable table(colour);
  bool empty = true;
  table.AddHeader({"STATE", "WORKLOAD", "CONTAINER", "ASKED"});
  for (const FileFinding& file : report.files) {
    for (const PodReference& row : file.references) {
      const bool good = row.state.empty() || row.state == "provided";
      table.AddRow({row.state.empty() ? "-" : row.state, row.workload, row.container, row.asked}, 0,
                   good ? Colour::kPlain : Colour::kRed);
      empty = false;
    }
  }
  return empty ? std::string() : table.Render();
}

}  // namespace

std::string RenderText(const ValidateReport& report, bool colour) {
  std::string out;
  for (const FileFinding& file : report.files) {
    for (const std::string& ignored : file.ignored) {
      out += fmt::format("ignored  {}: {}\n", base::Printable(file.name), ignored);
    }
    for (const Diagnostic& d : file.problems)
      out += DiagnosticLine(file.name, d, {}, colour) + "\n";
    for (const ProfileFinding& profile : file.profiles) {
      for (const Diagnostic& d : profile.diagnostics) {
        out += DiagnosticLine(file.name, d, OriginOf(profile), colour) + "\n";
      }
      out += Verdict(profile, file.name, colour);
    }
  }
  out += ReferenceTable(report, colour);
  const ValidateCounts counts = report.Count();
  if (counts.references > 0) {
    out +=
        fmt::format("{}, {} provided\n", Counted(counts.references, "reference"), counts.provided);
  }
  out += fmt::format("{}, {} valid, {} refused; {}, {}\n", Counted(counts.profiles, "profile"),
                     counts.valid, counts.profiles - counts.valid, Counted(counts.errors, "error"),
                     Counted(counts.warnings, "warning"));
  return out;
}

std::string RenderJson(const ValidateReport& report) {
  const ValidateCounts counts = report.Count();
  return fmt::format(
      R"({{"version":1,"agentVersion":{},"files":{},"summary":{{"files":{},"profiles":{},"valid":{},"refused":{},"errors":{},"warnings":{}}}}})"
      "\n",
      JsonText(report.agent_version), JsonList(report.files, JsonFile), counts.files,
      counts.profiles, counts.valid, counts.profiles - counts.valid, counts.errors,
      counts.warnings);
}

std::string RenderSarif(const ValidateReport& report) {
  std::string results;
  const auto add = [&results](const FileFinding& file, const std::string& origin,
                              const std::vector<Diagnostic>& diagnostics) {
    for (const Diagnostic& d : diagnostics) {
      if (!results.empty()) results += ",";
      results += SarifResult(file.name, origin, d);
    }
  };
  for (const FileFinding& file : report.files) {
    add(file, {}, file.problems);
    for (const ProfileFinding& profile : file.profiles) {
      add(file, OriginOf(profile), profile.diagnostics);
    }
  }
  return fmt::format(
      R"({{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"seccompd","version":{},"rules":{}}}}},"columnKind":"unicodeCodePoints","results":[{}]}}]}})"
      "\n",
      JsonText(report.agent_version), JsonList(seccomp::DiagnosticCodes(), SarifRule), results);
}

}  // namespace seccompd::agent
