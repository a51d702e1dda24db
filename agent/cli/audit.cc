// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/audit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ostream>
#include <utility>

#include "agent/audit_pass.h"
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

// Without a readable ledger containers are judged all the same, but none can be called stale.
audit::InstalledView ReadInstalled(const std::string& root, PodRecords* records) {
  const auto unknown = [&](const base::Error& error) {
    records->notes.push_back("--seccomp-root " + root + ": " + error.message +
                             "; stale and missing profiles are not told");
    return audit::InstalledView();
  };
  const auto fd = host::OpenDirectory(root);
  if (!fd) return unknown(fd.error());
  auto view = ReadInstalledView(fd->get());
  if (!view) return unknown(view.error());
  LookAtFiles(fd->get(), records->pods, &*view);
  return std::move(*view);
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

int RunAudit(const AuditOptions& options, PodRecords records, std::ostream& out,
             std::ostream& err) {
  auto prepared = Prepare(options);
  if (!prepared) return Complain(prepared.error(), kExitUsage, err);
  const base::WallTime start = Now();
  const auto scan = procfs::Scan(prepared->roots.proc.get(), prepared->roots.cgroup.get());
  if (!scan) return Complain(scan.error(), kExitInternal, err);
  const audit::InstalledView installed = ReadInstalled(options.seccomp_root, &records);
  const audit::Report report = JudgePass(prepared->settings, {.scan = *scan,
                                                              .pods = records.pods,
                                                              .installed = installed,
                                                              .pods_known = records.known,
                                                              .pods_complete = records.complete,
                                                              .notes = std::move(records.notes),
                                                              .start = start,
                                                              .end = Now()});
  Print(report, options, out, err);
  out.flush();
  if (!out) {
    return Complain({.code = base::ErrorCode::kIo, .message = "cannot write the report"},
                    kExitInternal, err);
  }
  return report.HasFindings() ? kExitFindings : kExitClean;
}

}  // namespace seccompd::agent
