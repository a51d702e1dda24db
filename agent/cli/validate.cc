// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <istream>
#include <iterator>
#include <map>
#include <ostream>
#include <utility>

#include "agent/cli/profile_input.h"
#include "agent/cli/validate_report.h"
#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/bpf/text_meaning.h"
#include "common/install/desired.h"
#include "common/install/prepare.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::agent {
namespace {

namespace fs = std::filesystem;
namespace codes = seccomp::codes;
using seccomp::Diagnostic;
using seccomp::Severity;

constexpr int kExitClean = 0;
constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;

constexpr int kMaxDepth = 16;  // of directories

Diagnostic Unreadable(std::string message) {
  return {.code = codes::kUnreadable,
          .severity = Severity::kError,
          .pointer = {},
          .message = std::move(message)};
}

class Validation {
 public:
  Validation(const ValidateOptions& options, std::istream& in)
      : options_(options), in_(in), table_(seccomp::LoadLibseccompTable(true)) {
    report_.agent_version = options.agent_version;
  }

  void Add(const std::string& input) {
    std::error_code error;
    if (input != "-" && fs::is_directory(input, error)) {
      const std::size_t before = report_.files.size();
      AddDirectory(input, {}, 0);
      if (report_.files.size() == before) {
        Fail(input, Unreadable("no .json, .yaml or .yml file in this directory"));
      }
      return;
    }
    AddFile(input, fs::path(input).filename().string());
  }

  ValidateReport TakeReport() { return std::move(report_); }

 private:
  void Fail(const std::string& name, Diagnostic problem) {
    report_.files.push_back({.name = name, .problems = {std::move(problem)}});
  }

  // Sorted by name, so that the output of two runs can be compared. `below` is the path from the
  // directory asked for: what the directory source would take for a bare profile's path. Dot files
  // and links to directories are left out, as there.
  void AddDirectory(const fs::path& directory, const std::string& below, int depth) {
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator it(directory, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) entries.push_back(*it);
    if (error) return Fail(directory.string(), Unreadable(error.message()));
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with('.')) continue;
      if (entry.is_directory(error)) {
        if (entry.is_symlink(error)) continue;
        if (depth >= kMaxDepth) {
          Fail(entry.path().string(), Unreadable("nested too deeply"));
        } else {
          AddDirectory(entry.path(), below + name + "/", depth + 1);
        }
      } else if (install::ProfileStem(name)) {
        if (entry.is_regular_file(error)) {
          AddFile(entry.path().string(), below + name);
        } else {
          Fail(entry.path().string(), Unreadable("not a regular file, or a broken link"));
        }
      }
    }
  }

  void AddFile(const std::string& name, const std::string& bare_path) {
    const std::string shown = name == "-" ? "<stdin>" : name;
    auto text = ReadText(name, in_);
    if (!text) return Fail(shown, Unreadable("cannot be read: " + text.error().message));
    // A bare profile from standard input has no name, so no path either.
    const std::string path = name == "-" ? std::string() : bare_path;
    const ProfileInput input = ReadProfiles(shown, path, *std::move(text));
    FileFinding file{
        .name = shown, .profiles = {}, .problems = input.problems, .ignored = input.ignored};
    for (const ProfileText& profile : input.profiles)
      file.profiles.push_back(Check(input, profile));
    report_.files.push_back(std::move(file));
  }

  ProfileFinding Check(const ProfileInput& input, const ProfileText& profile) {
    ProfileFinding finding{
        .config_map = profile.config_map, .key = profile.key, .path = profile.path};
    if (!profile.base.empty()) {
      const install::Preparer preparer{
          .compile =
              [this](const seccomp::Profile& p) { return bpf::Compile(p, options_.node.arch); },
          .table = &table_,
          .node = options_.node,
          .runtime = options_.runtime};
      finding.diagnostics = PrepareExtension(input, profile, preparer).diagnostics;
      finding.valid = !seccomp::HasErrors(finding.diagnostics);
      PlaceInFile(input, profile, finding.diagnostics);
      NoteSharedPath(input, profile, finding);
      return finding;
    }
    const auto node = install::NodeFor(profile.capabilities, options_.node);
    if (!node) {
      finding.diagnostics.push_back({.code = codes::kBadAnnotation,
                                     .severity = Severity::kError,
                                     .pointer = {},
                                     .message = node.error().message,
                                     .line = profile.at.line,
                                     .column = profile.at.column});
      return finding;
    }
    seccomp::ParsedProfile parsed = profile.document
                                        ? seccomp::CheckProfile(*profile.document, table_, *node)
                                        : seccomp::CheckProfile(profile.text, table_, *node);
    finding.diagnostics = std::move(parsed.diagnostics);
    if (parsed.profile) {
      const auto compiles = bpf::CheckCompiles(*parsed.profile, options_.node.arch);
      if (!compiles) {
        finding.diagnostics.push_back({.code = codes::kLibseccompRefuses,
                                       .severity = Severity::kError,
                                       .pointer = {},
                                       .message = compiles.error().message,
                                       .line = 1,
                                       .column = 1});
      } else {
        const auto compile = [&](const seccomp::Profile& part) {
          return bpf::Compile(part, node->arch);
        };
        auto differences =
            bpf::TextDifferences(workspace_, *parsed.profile, table_, *node, compile);
        std::move(differences.begin(), differences.end(), std::back_inserter(finding.diagnostics));
      }
    }
    finding.valid = !seccomp::HasErrors(finding.diagnostics);
    PlaceInFile(input, profile, finding.diagnostics);
    NoteSharedPath(input, profile, finding);
    return finding;
  }

  void NoteSharedPath(const ProfileInput& input, const ProfileText& profile,
                      ProfileFinding& finding) {
    if (profile.path.empty()) return;
    const std::string who =
        input.name +
        (profile.config_map.empty() ? std::string() : " ConfigMap " + profile.config_map);
    const auto [first, added] = claimed_.try_emplace(profile.path, who);
    if (added || first->second == who) return;
    finding.diagnostics.push_back(
        {.code = codes::kSharedPath,
         .severity = Severity::kWarning,
         .pointer = {},
         .message = fmt::format("{} claims {} too, and only one of them is installed; rename one",
                                base::Printable(first->second), base::Printable(profile.path)),
         .line = profile.at.line,
         .column = profile.at.column});
  }

  const ValidateOptions& options_;
  std::istream& in_;
  const seccomp::SyscallTable table_;
  bpf::Workspace workspace_;
  ValidateReport report_;
  std::map<std::string, std::string> claimed_;  // path -> who claims it
};

std::string Render(const ValidateReport& report, const ValidateOptions& options) {
  switch (options.format) {
    case ValidateFormat::kJson:
      return RenderJson(report);
    case ValidateFormat::kSarif:
      return RenderSarif(report);
    case ValidateFormat::kText:
      break;
  }
  return RenderText(report, options.colour);
}

}  // namespace

int RunValidate(const ValidateOptions& options, std::istream& in, std::ostream& out,
                std::ostream& err) {
  if (options.inputs.empty()) {
    err << "seccompd validate: name a file, a directory or - for standard input\n";
    return kExitUsage;
  }
  Validation validation(options, in);
  for (const std::string& input : options.inputs) validation.Add(input);
  const ValidateReport report = validation.TakeReport();
  out << Render(report, options) << std::flush;
  const ValidateCounts counts = report.Count();
  const bool findings = counts.errors > 0 || (options.fail_on_warning && counts.warnings > 0);
  return findings ? kExitFindings : kExitClean;
}

}  // namespace seccompd::agent
