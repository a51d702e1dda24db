// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/audit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "agent/audit_pass.h"
#include "agent/config.h"
#include "agent/directory_source.h"
#include "agent/installed_view.h"
#include "common/base/digest.h"
#include "common/base/strings.h"
#include "common/host/host_root.h"

namespace seccompd::agent {
namespace {

constexpr int kExitClean = 0;
constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInternal = 70;

base::WallTime Now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "";
}

// What the sources hold, with what there is to say of them.
struct Sources {
  std::vector<kube::Pod> pods;
  audit::InstalledView installed;
  std::vector<std::string> notes;
  bool pods_known = false;
  bool pods_complete = true;
};

base::Result<> ReadPods(const std::string& flag, Sources* sources) {
  if (flag == "none") return {};
  TRY_ASSIGN(const std::string path, DirectoryOf("--pods", flag));
  DirectorySource source(path, {});
  static_cast<void>(source.Update(base::MonoTime::clock::now()));
  const DirectoryContents& contents = source.contents();
  for (const SourceProblem& problem : contents.problems) {
    if (problem.path.empty()) return base::Fail(base::WithContext(problem.error, "--pods " + path));
    sources->notes.push_back("--pods " + problem.path + ": " + problem.error.message);
  }
  sources->pods = contents.pods;
  sources->pods_known = true;
  sources->pods_complete = contents.complete && contents.problems.empty();
  return {};
}

// Without a readable ledger containers are judged all the same, but none can be called stale.
void ReadInstalled(const std::string& root, Sources* sources) {
  const auto unknown = [&](const base::Error& error) {
    sources->notes.push_back("--seccomp-root " + root + ": " + error.message +
                             "; stale and missing profiles are not told");
  };
  const auto fd = host::OpenDirectory(root);
  if (!fd) return unknown(fd.error());
  auto view = ReadInstalledView(fd->get());
  if (!view) return unknown(view.error());
  LookAtFiles(fd->get(), sources->pods, &*view);
  sources->installed = std::move(*view);
}

struct Prepared {
  AuditSettings settings;
  host::HostRoot roots;
};

base::Result<Prepared> Prepare(const AuditOptions& options) {
  Prepared prepared;
  TRY_ASSIGN(prepared.settings.node_default, ParseNodeDefault(options.node_default));
  TRY_ASSIGN(
      prepared.roots,
      host::OpenHostRoot({.proc = options.procfs, .cgroup = options.cgroupfs, .seccomp = ""}));
  prepared.settings.node_name = options.node_name.empty() ? HostName() : options.node_name;
  prepared.settings.agent_version = options.agent_version;
  ReadNodeFacts(prepared.roots.proc.get(), &prepared.settings);
  return prepared;
}

void Print(const audit::Report& report, const AuditOptions& options, std::ostream& out,
           std::ostream& err) {
  if (!options.json) {
    out << audit::RenderText(report, {.all = options.all, .colour = options.colour});
    return;
  }
  const std::string json = audit::RenderJson(report);
  out << json;
  err << "report sha256:" << base::Sha256(json).Hex() << '\n';
}

int Complain(const base::Error& error, int code, std::ostream& err) {
  err << "seccompd audit: " << error.message << '\n';
  return code;
}

}  // namespace

int RunAudit(const AuditOptions& options, std::ostream& out, std::ostream& err) {
  auto prepared = Prepare(options);
  if (!prepared) return Complain(prepared.error(), kExitUsage, err);
  Sources sources;
  const base::WallTime start = Now();
  if (auto read = ReadPods(options.pods, &sources); !read) {
    return Complain(read.error(), kExitUsage, err);
  }
  const auto scan = procfs::Scan(prepared->roots.proc.get(), prepared->roots.cgroup.get());
  if (!scan) return Complain(scan.error(), kExitInternal, err);
  ReadInstalled(options.seccomp_root, &sources);
  const audit::Report report =
      JudgePass(prepared->settings, {.scan = *scan,
                                     .pods = sources.pods,
                                     .installed = sources.installed,
                                     .pods_known = sources.pods_known,
                                     .pods_complete = sources.pods_complete,
                                     .notes = std::move(sources.notes),
                                     .start = start,
                                     .end = Now()});
  Print(report, options, out, err);
  out.flush();
  if (!out) return Complain({.message = "cannot write the report"}, kExitInternal, err);
  return report.HasFindings() ? kExitFindings : kExitClean;
}

}  // namespace seccompd::agent
