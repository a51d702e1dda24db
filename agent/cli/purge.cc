// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/purge.h"

#include <ostream>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "common/host/fs_ops.h"
#include "common/host/host_root.h"
#include "common/install/installer.h"

namespace seccompd::agent {
namespace {

constexpr int kOk = 0;
constexpr int kFindings = 1;
constexpr int kUsage = 2;
constexpr int kInternal = 70;

// Conditions that the operator can mend, as against a disk that fails.
int ExitOf(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::kNotFound:
    case base::ErrorCode::kPermissionDenied:
    case base::ErrorCode::kFailedPrecondition:
    case base::ErrorCode::kUnavailable:
    case base::ErrorCode::kReadOnly:
      return kUsage;
    default:
      return kInternal;
  }
}

int Complain(std::ostream& err, const PurgeOptions& options, const base::Error& error) {
  err << "seccompd purge: " << base::Printable(options.seccomp_root) << ": " << error.message
      << '\n';
  if (error.code == base::ErrorCode::kUnavailable) {
    err << "Stop the agent on this node first (delete its DaemonSet pod).\n";
  }
  return ExitOf(error);
}

void PrintText(const install::PurgeReport& report, std::ostream& out) {
  for (const std::string& path : report.removed)
    out << "removed  " << base::Printable(path) << '\n';
  for (const auto& kept : report.kept) {
    out << "kept     " << base::Printable(kept.path) << "  " << base::Printable(kept.reason)
        << '\n';
  }
  out << report.removed.size() << " removed, " << report.kept.size() << " kept\n";
}

void PrintJson(const install::PurgeReport& report, std::ostream& out) {
  out << "{\"removed\": [";
  std::string_view comma;
  for (const std::string& path : report.removed) {
    out << std::exchange(comma, ", ") << '"' << base::EscapeJson(path) << '"';
  }
  out << "], \"kept\": [";
  comma = {};
  for (const auto& kept : report.kept) {
    out << std::exchange(comma, ", ") << "{\"path\": \"" << base::EscapeJson(kept.path)
        << "\", \"reason\": \"" << base::EscapeJson(kept.reason) << "\"}";
  }
  out << "]}\n";
}

}  // namespace

int RunPurge(const PurgeOptions& options, std::ostream& out, std::ostream& err) {
  auto root = host::OpenDirectory(options.seccomp_root);
  if (!root) return Complain(err, options, root.error());
  host::RealFs fs;
  struct stat st {};
  // Opening would make an empty ledger where there is none.
  if (fs.StatAt(root->get(), std::string(install::kStateDirectory), &st) < 0) {
    err << "seccompd purge: " << base::Printable(options.seccomp_root)
        << ": seccompd has installed nothing here (no .seccompd)\n";
    return kUsage;
  }
  auto installer = install::Installer::Open(fs, std::move(*root), {});
  if (!installer) return Complain(err, options, installer.error());
  auto report = (*installer)->Purge(options.references, options.force, options.now);
  if (!report) return Complain(err, options, report.error());
  if ((*installer)->ledger_origin() == install::LedgerOrigin::kRebuilt) {
    err << "seccompd purge: " << base::Printable((*installer)->ledger_problem())
        << "; what it owned is not known and stays\n";
  }
  options.json ? PrintJson(*report, out) : PrintText(*report, out);
  return report->kept.empty() ? kOk : kFindings;
}

}  // namespace seccompd::agent
