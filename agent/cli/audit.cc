// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/audit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>
#include <utility>

#include "agent/audit/audit_pass.h"
#include "agent/audit/filter_source.h"
#include "agent/audit/installed_view.h"
#include "agent/audit/profile_texts.h"
#include "common/audit/blocks.h"
#include "common/base/digest.h"
#include "common/base/strings.h"
#include "common/host/host_root.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::agent {
namespace {

constexpr int kExitClean = 0;
constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInternal = 70;

std::string HostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "";
}

// What is known of the seccomp root. Without a readable ledger containers are judged all the same,
// but none can be called stale.
struct Root {
  base::UniqueFd fd;
  install::LedgerState ledger;
  audit::InstalledView installed;
};

Root ReadRoot(const std::string& path, const base::Moment& now, PodRecords* records) {
  Root root;
  const auto unknown = [&](const base::Error& error) {
    records->notes.push_back("--seccomp-root " + path + ": " + error.message +
                             "; stale and missing profiles are not told");
  };
  auto fd = host::OpenDirectory(path);
  if (!fd) {
    unknown(fd.error());
    return root;
  }
  root.fd = *std::move(fd);
  auto ledger = ReadLedger(root.fd.get());
  if (!ledger) {
    unknown(ledger.error());
    return root;
  }
  root.ledger = *std::move(ledger);
  root.installed = ViewOfLedger(root.ledger, now);
  LookAtFiles(root.fd.get(), records->pods, &root.installed);
  return root;
}

struct Prepared {
  AuditSettings settings;
  host::HostRoot roots;
};

base::Result<Prepared> Prepare(const AuditOptions& options) {
  Prepared prepared;
  TRY_ASSIGN(prepared.settings.node_default, ParseNodeDefault(options.node_default));
  TRY(CheckRuntime(options.runtime));
  TRY_ASSIGN(
      prepared.roots,
      host::OpenHostRoot({.proc = options.procfs, .cgroup = options.cgroupfs, .seccomp = ""}));
  prepared.settings.node_name = options.node_name.empty() ? HostName() : options.node_name;
  prepared.settings.agent_version = options.agent_version;
  prepared.settings.own_pid = ::getpid();
  prepared.settings.runtime.name = options.runtime;
  ReadNodeFacts(prepared.roots.proc.get(), &prepared.settings);
  return prepared;
}

// One pass over the node at the level that works here; its reason otherwise is a note.
struct Seen {
  procfs::ScanResult scan;
  std::vector<audit::LoadedProcess> loaded;
  bool filter = false;
};

base::Result<Seen> Look(const AuditOptions& options, const host::HostRoot& roots,
                        PodRecords* records) {
  Seen seen;
  EvidenceChoice choice = ChooseEvidence(options.evidence, roots.cgroup.get());
  if (choice.source != nullptr) {
    auto scan = choice.source->Scan(/*tree_changed=*/true);
    if (scan) {
      seen.scan = std::move(scan->scan);
      seen.loaded = std::move(scan->loaded);
      seen.filter = true;
      return seen;
    }
    choice.why_not = scan.error().message;
  }
  if (!choice.why_not.empty()) {
    records->notes.push_back("evidence filter is not to be had: " + choice.why_not);
  }
  TRY_ASSIGN(seen.scan, procfs::Scan(roots.proc.get(), roots.cgroup.get()));
  return seen;
}

audit::ProfileTexts TextsOf(const Root& root, Bundles& bundles) {
  audit::ProfileTexts texts;
  texts.revision = [&root](const std::string& path, std::uint32_t revision) {
    return ReadLedgerText(root.fd.get(), root.ledger, path, revision);
  };
  texts.file = [&root](const std::string& path) { return ReadProfileFile(root.fd.get(), path); };
  texts.told = [&bundles](const procfs::ContainerRef& ref) { return bundles.ToldOf(ref); };
  return texts;
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

// What is asked of every container beyond its profile.
struct Questions {
  audit::Policy policy;
  audit::CheckSet checks;
};

base::Result<Questions> Ask(const AuditOptions& options) {
  Questions questions;
  questions.policy.floor = audit::ParseFloor(options.floor);
  TRY_ASSIGN(questions.policy.exemptions, audit::ParseExemptions(options.config_text));
  questions.checks = audit::MakeChecks(options.check_maps, seccomp::NativeArch());
  for (const std::string& call : options.blocks) {
    auto check =
        audit::ParseCheck(call, call, std::string(audit::kAskedOnce), seccomp::NativeArch());
    if (!check) return base::Fail(base::WithContext(check.error(), "--blocks '" + call + "'"));
    audit::AddCheck(*std::move(check), &questions.checks);
  }
  return questions;
}

// Everything but the printing; the report refers to nothing that ends with it.
base::Result<audit::Report> MakePass(const AuditOptions& options, Prepared prepared,
                                     Bundles& bundles, const Questions& questions,
                                     PodRecords records) {
  const base::WallTime start = base::WallNow();
  TRY_ASSIGN(const Seen seen, Look(options, prepared.roots, &records));
  prepared.settings.confinement = ReadOwnConfinement(prepared.roots.proc.get());
  const base::Moment now = base::MomentNow(base::BootNumber(prepared.settings.boot_id));
  const Root root = ReadRoot(options.seccomp_root, now, &records);
  const audit::ProfileTexts texts = TextsOf(root, bundles);
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable();
  audit::Meanings meanings(MakeMeaningTools(table));
  audit::CheckBook checks(meanings.tools());
  checks.Use(questions.checks);
  const Examination examination{.by_filter = seen.filter,
                                .loaded = seen.loaded,
                                .texts = texts,
                                .meanings = meanings,
                                .checks = checks,
                                .policy = questions.policy};
  return JudgePass(prepared.settings, {.scan = seen.scan,
                                       .pods = records.pods,
                                       .installed = root.installed,
                                       .pods_known = records.known,
                                       .pods_complete = records.complete,
                                       .notes = std::move(records.notes),
                                       .start = start,
                                       .end = base::WallNow(),
                                       .examination = &examination});
}

}  // namespace

int RunAudit(const AuditOptions& options, PodRecords records, std::ostream& out,
             std::ostream& err) {
  auto prepared = Prepare(options);
  if (!prepared) return Complain(prepared.error(), kExitUsage, err);
  Bundles bundles(options.bundles);
  if (const auto usable = bundles.Check(); !usable) {
    return Complain(usable.error(), kExitUsage, err);
  }
  const auto questions = Ask(options);
  if (!questions) return Complain(questions.error(), kExitUsage, err);
  const auto report =
      MakePass(options, *std::move(prepared), bundles, *questions, std::move(records));
  if (!report) return Complain(report.error(), kExitInternal, err);
  Print(*report, options, out, err);
  out.flush();
  if (!out) {
    return Complain({.code = base::ErrorCode::kIo, .message = "cannot write the report"},
                    kExitInternal, err);
  }
  return report->HasFindings() || audit::SomeDoNotBlock(*report) ? kExitFindings : kExitClean;
}

}  // namespace seccompd::agent
