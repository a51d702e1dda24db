// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/purge.h"

#include <fmt/ostream.h>

#include <utility>

#include "common/base/strings.h"
#include "common/host/fs_ops.h"
#include "common/host/host_root.h"
#include "common/install/installer.h"

namespace seccompd::agent {
namespace {

constexpr int kOk = 0;
constexpr int kKept = 1;
constexpr int kCannot = 2;
constexpr int kInternal = 70;

int ExitCodeOf(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::kNotFound:
    case base::ErrorCode::kUnavailable:
    case base::ErrorCode::kFailedPrecondition:
    case base::ErrorCode::kPermissionDenied:
      return kCannot;
    default:
      return kInternal;
  }
}

int Refuse(const base::Error& error, std::ostream& err) {
  fmt::print(err, "seccompd: purge: {}\n", base::Printable(error.message));
  return ExitCodeOf(error);
}

void PrintText(const install::PurgeReport& report, std::ostream& out) {
  for (const std::string& path : report.removed) {
    fmt::print(out, "removed  {}\n", base::Printable(path));
  }
  for (const auto& kept : report.kept) {
    fmt::print(out, "kept     {}  {}\n", base::Printable(kept.path), base::Printable(kept.reason));
  }
  fmt::print(out, "{} removed, {} kept\n", report.removed.size(), report.kept.size());
}

void PrintJson(const install::PurgeReport& report, std::ostream& out) {
  out << R"({"removed":[)";
  for (const std::string& path : report.removed) {
    out << (&path == report.removed.data() ? "\"" : ",\"") << base::EscapeJson(path) << '"';
  }
  out << R"(],"kept":[)";
  for (const auto& kept : report.kept) {
    fmt::print(out, R"({}{{"path":"{}","reason":"{}"}})", &kept == report.kept.data() ? "" : ",",
               base::EscapeJson(kept.path), base::EscapeJson(kept.reason));
  }
  out << "]}\n";
}

}  // namespace

int RunPurge(const PurgeOptions& options, std::ostream& out, std::ostream& err) {
  auto root = host::OpenDirectory(options.seccomp_root);
  if (!root) return Refuse(base::WithContext(root.error(), "--seccomp-root"), err);
  host::RealFs fs;
  install::InstallerOptions installer_options;
  installer_options.root_path = options.seccomp_root;
  auto installer = install::Installer::Open(fs, *std::move(root), std::move(installer_options));
  if (!installer) return Refuse(installer.error(), err);
  if ((*installer)->newer_ledger()) {
    fmt::print(
        err,
        "seccompd: purge: the ledger was written by a newer seccompd, which alone knows what "
        "it owns: use that one\n");
    return kCannot;
  }
  if (!options.references.known && !options.force) {
    fmt::print(err,
               "seccompd: purge: without --pods it is not known what is in use; nothing will "
               "be removed (--force removes all)\n");
  }
  const auto report = (*installer)->Purge(options.references, options.force, options.now);
  if (!report) return Refuse(report.error(), err);
  if (options.json) {
    PrintJson(*report, out);
  } else {
    PrintText(*report, out);
  }
  const bool fine = options.kept_is_fine && options.references.known;
  return report->kept.empty() || fine ? kOk : kKept;
}

}  // namespace seccompd::agent
