// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <istream>
#include <iterator>
#include <map>
#include <optional>
#include <ostream>
#include <utility>

#include "agent/cli/pod_references.h"
#include "agent/cli/profile_input.h"
#include "agent/cli/validate_report.h"
#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/bpf/text_meaning.h"
#include "common/install/desired.h"
#include "common/install/prepare.h"
#include "common/kube/manifest.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/loader.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/resolve_default.h"

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

  // False: the floor cannot be read, and what is wrong is said.
  bool ReadFloor(std::ostream& err) {
    if (options_.floor == "none" || seccomp::IsRuntimeDefault(options_.floor)) return true;
    auto text = ReadText(options_.floor, in_);
    if (!text) {
      err << "seccompd validate: --policy.floor '" << base::Printable(options_.floor)
          << "': " << text.error().message << "\n";
      return false;
    }
    floor_ = *std::move(text);
    return true;
  }

  void Add(const std::string& input) {
    Walk(input, [this](const std::string& name, const std::string& bare_path) {
      AddFile(name, bare_path);
    });
  }

  // Manifests of what uses the profiles; after all profiles.
  void AddPods(const std::string& input) {
    Walk(input, [this](const std::string& name, const std::string&) { AddPodFile(name); });
  }

  ValidateReport TakeReport() { return std::move(report_); }

 private:
  // Takes a file by its name and by its path below the directory that was asked for.
  using Take = std::function<void(const std::string& name, const std::string& below)>;

  void Fail(const std::string& name, Diagnostic problem) {
    report_.files.push_back({.name = name, .problems = {std::move(problem)}});
  }

  void Walk(const std::string& input, const Take& take) {
    std::error_code error;
    if (input == "-" || !fs::is_directory(input, error)) {
      return take(input, fs::path(input).filename().string());
    }
    const std::size_t before = report_.files.size();
    WalkDirectory(input, {}, 0, take);
    if (report_.files.size() == before) {
      Fail(input, Unreadable("no .json, .yaml or .yml file in this directory"));
    }
  }

  // Sorted by name, so that the output of two runs can be compared. `below` is the path from the
  // directory asked for: what the directory source would take for a bare profile's path. Dot files
  // and links to directories are left out, as there.
  void WalkDirectory(const fs::path& directory, const std::string& below, int depth,
                     const Take& take) {
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
          WalkDirectory(entry.path(), below + name + "/", depth + 1, take);
        }
      } else if (install::ProfileStem(name)) {
        if (entry.is_regular_file(error)) {
          take(entry.path().string(), below + name);
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
    const ProfileInput input =
        ReadProfiles(shown, path, *std::move(text), options_.tenant_namespaces);
    FileFinding file{
        .name = shown, .profiles = {}, .problems = input.problems, .ignored = input.ignored};
    for (const ProfileText& profile : input.profiles) {
      file.profiles.push_back(Check(input, profile));
      Offer(file.profiles.back());
    }
    report_.files.push_back(std::move(file));
  }

  void Offer(const ProfileFinding& finding) {
    if (finding.path.empty()) return;
    OfferedProfile& offered = offered_[finding.path];
    offered.valid = offered.valid || finding.valid;
    for (const Diagnostic& d : finding.diagnostics) {
      if (d.code == codes::kNeedsNoNewPrivs) offered.needs_no_new_privs = true;
    }
  }

  void AddPodFile(const std::string& name) {
    const std::string shown = name == "-" ? "<stdin>" : name;
    auto text = ReadText(name, in_);
    if (!text) return Fail(shown, Unreadable("cannot be read: " + text.error().message));
    document::Position at;
    auto documents = ReadDocuments(*text, &at);
    if (!documents) {
      return report_.files.push_back({.name = shown,
                                      .problems = {{.code = codes::kBadManifest,
                                                    .severity = Severity::kError,
                                                    .pointer = {},
                                                    .message = documents.error().message,
                                                    .line = at.line,
                                                    .column = at.column}}});
    }
    FileFinding file{.name = shown};
    for (const document::Node& document : *documents) {
      PodFindings found = CheckPodReferences(document, offered_);
      std::move(found.references.begin(), found.references.end(),
                std::back_inserter(file.references));
      std::move(found.diagnostics.begin(), found.diagnostics.end(),
                std::back_inserter(file.problems));
    }
    report_.files.push_back(std::move(file));
  }

  static base::Result<std::vector<document::Node>> ReadDocuments(const std::string& text,
                                                                 document::Position* at) {
    if (!document::LooksLikeJson(text)) return document::ParseYaml(text, kube::kManifestLimits, at);
    TRY_ASSIGN(document::Node root, document::ParseJson(text, kube::kManifestLimits, at));
    std::vector<document::Node> documents;
    documents.push_back(std::move(root));
    return documents;
  }

  // As the installer does it: with its base, and as what tenants may have.
  void CheckAsInstalled(const ProfileInput& input, const ProfileText& profile,
                        ProfileFinding& finding) {
    const install::Preparer preparer{
        .compile =
            [this](const seccomp::Profile& p) { return bpf::Compile(p, options_.node.arch); },
        .table = &table_,
        .node = options_.node,
        .runtime = options_.runtime,
        .floor = options_.floor};
    install::Prepared prepared =
        PrepareAsInstalled(input, profile, preparer, floor_ ? &*floor_ : nullptr);
    finding.diagnostics = std::move(prepared.diagnostics);
    if (!prepared.valid()) return;
    const auto installed = seccomp::ParseProfile(prepared.bytes);
    if (installed.profile) CheckLoader(*installed.profile, finding);
  }

  void CheckLoader(const seccomp::Profile& profile, ProfileFinding& finding) {
    auto found = seccomp::DiagnoseLoader(profile, table_, options_.node, options_.loader);
    std::move(found.begin(), found.end(), std::back_inserter(finding.diagnostics));
  }

  ProfileFinding Check(const ProfileInput& input, const ProfileText& profile) {
    ProfileFinding finding{
        .config_map = profile.config_map, .key = profile.key, .path = profile.path};
    if (!profile.base.empty() || profile.tenant) {
      CheckAsInstalled(input, profile, finding);
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
        CheckLoader(*parsed.profile, finding);
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
  OfferedProfiles offered_;
  std::optional<std::string> floor_;  // the text of --policy.floor, where that is a file
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
  if (!validation.ReadFloor(err)) return kExitUsage;
  for (const std::string& input : options.inputs) validation.Add(input);
  for (const std::string& input : options.pods) validation.AddPods(input);
  const ValidateReport report = validation.TakeReport();
  out << Render(report, options) << std::flush;
  const ValidateCounts counts = report.Count();
  const bool findings = counts.errors > 0 || (options.fail_on_warning && counts.warnings > 0);
  return findings ? kExitFindings : kExitClean;
}

}  // namespace seccompd::agent
