// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/audit_pass.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/host/host_root.h"

namespace seccompd::agent {
namespace {

// What the scan could not see, for people.
std::vector<std::string> NotesOf(const procfs::ScanResult& scan) {
  std::vector<std::string> notes;
  if (scan.truncated) notes.emplace_back("a limit was hit: containers may be missing");
  if (!scan.host_cgroup_root) {
    notes.emplace_back("the cgroup root is not the host's: containers may be missing");
  }
  if (scan.pids_of_other_namespaces != 0) {
    notes.push_back(fmt::format("{} processes belong to another PID namespace: run with hostPID",
                                scan.pids_of_other_namespaces));
  }
  for (const std::string& path : scan.unrecognised) {
    notes.push_back(fmt::format("cgroup {} of a pod is no container known here", path));
  }
  return notes;
}

audit::SubjectEvidence Examine(const audit::Subject& subject, const Examination& examination,
                               audit::Expectations& expectations) {
  audit::SubjectEvidence evidence;
  if (subject.observation == nullptr) return evidence;
  audit::Meanings& meanings = examination.meanings;
  evidence.filter = audit::JudgeSubject(subject, examination.loaded, expectations, meanings);
  evidence.checks =
      audit::CheckContainer(*subject.observation, examination.loaded, examination.checks);
  if (subject.pod != nullptr) {
    evidence.floor = audit::JudgeFloor(*subject.observation, examination.loaded,
                                       examination.policy.floor, expectations, meanings);
  }
  return evidence;
}

// The agent is a container of this node like any other: its pod's status says which image it runs.
void NameOwnImage(const procfs::ScanResult& scan, pid_t own_pid, audit::Report& report) {
  const procfs::Container* own = nullptr;
  for (const procfs::Container& container : scan.containers) {
    const auto& processes = container.processes;
    const bool here =
        own_pid != 0 && std::any_of(processes.begin(), processes.end(),
                                    [&](const auto& each) { return each.pid == own_pid; });
    if (here) own = &container;
  }
  if (own == nullptr) return;
  for (const audit::Row& row : report.rows) {
    if (row.container_id == own->ref.container_id && row.pod_uid == own->ref.pod_uid) {
      report.facts.agent_image = row.image_id;
    }
  }
  if (report.facts.agent_image.empty()) {
    report.facts.agent_image_unknown = "the status of its pod does not name its image";
  }
}

// Nothing at all is visible although something is there.
bool SeesNoProcess(const procfs::ScanResult& scan) {
  return scan.counters.processes == 0 &&
         (scan.pids_of_other_namespaces != 0 || scan.counters.unseen != 0);
}

}  // namespace

audit::Report JudgePass(const AuditSettings& settings, const AuditPass& pass) {
  audit::PassFacts facts;
  facts.node_name = settings.node_name;
  facts.node_uid = settings.node_uid;
  facts.os = settings.os;
  facts.boot_id = settings.boot_id;
  facts.kernel = settings.kernel;
  facts.arch = settings.arch;
  facts.runtime = settings.runtime.name;
  facts.cluster_uid = settings.cluster_uid;
  facts.cluster_uid_unknown = settings.cluster_uid_unknown;
  facts.confinement = settings.confinement;
  facts.agent_version = settings.agent_version;
  facts.node_default = settings.node_default;
  facts.start = pass.start;
  facts.end = pass.end;
  facts.processes = pass.scan.counters.processes;
  facts.complete = pass.pods_complete && !pass.scan.truncated;
  facts.notes = pass.notes;
  for (std::string& note : NotesOf(pass.scan)) facts.notes.push_back(std::move(note));

  audit::JudgeOptions options;
  options.now = pass.end;
  options.pods_known = pass.pods_known;
  options.host_pid = !SeesNoProcess(pass.scan);
  options.sandbox = settings.sandbox;
  const auto observations = audit::Observe(pass.scan.containers, pass.scan.clock);
  facts.ended_unjudged = pass.ended_unjudged;
  if (pass.examination == nullptr) {
    audit::Report report =
        audit::MakeReport(std::move(facts), pass.pods, observations, pass.installed, options);
    NameOwnImage(pass.scan, settings.own_pid, report);
    return report;
  }
  const Examination& examination = *pass.examination;
  facts.policy = examination.policy;
  facts.checks = examination.checks.checks();
  for (const std::string& problem : facts.checks.problems) facts.notes.push_back(problem);
  if (examination.by_filter) {
    facts.evidence = audit::Evidence::kFilter;
    options.evidence = audit::Evidence::kFilter;
  }
  audit::Expectations expectations(examination.texts, settings.runtime, pass.installed);
  const auto evidence_of = [&](const audit::Subject& subject) {
    return Examine(subject, examination, expectations);
  };
  audit::Report report = audit::MakeReport(std::move(facts), pass.pods, observations,
                                           pass.installed, options, evidence_of);
  NameOwnImage(pass.scan, settings.own_pid, report);
  examination.meanings.EndPass();
  examination.checks.EndPass();
  return report;
}

base::Result<audit::NodeDefault> ParseNodeDefault(std::string_view value) {
  if (value == "auto") return audit::NodeDefault::kUndecided;
  if (value == "runtime-default") return audit::NodeDefault::kRuntimeDefault;
  if (value == "unconfined") return audit::NodeDefault::kUnconfined;
  return base::Fail(base::ErrorCode::kInvalidArgument,
                    fmt::format("--node-default '{}': use auto, runtime-default or unconfined",
                                base::Printable(value)));
}

base::Result<void> CheckRuntime(std::string_view value) {
  if (value == "runc" || value == "crun") {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("--runtime names the container runtime, such as containerd-1.7; "
                                  "{} is an --oci-runtime",
                                  value));
  }
  // Any CRI-O: unknown releases are compared with all that are known.
  if (value.empty() || seccomp::NamesCrio(value) || seccomp::KnownDefaultOf(value)) return {};
  return base::Fail(base::ErrorCode::kInvalidArgument,
                    fmt::format("--runtime '{}': not a known release; known are {}",
                                base::Printable(value), seccomp::KnownDefaultNames()));
}

audit::MeaningTools MakeMeaningTools(const seccomp::SyscallTable& table) {
  return {.compile =
              [](const seccomp::Profile& profile) {
                return bpf::Compile(profile, seccomp::NativeArch());
              },
          .table = &table};
}

std::optional<audit::OwnConfinement> ParseOwnConfinement(std::string_view status) {
  std::map<std::string_view, std::string_view> fields;
  for (const std::string_view line : base::Split(status, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields.emplace(line.substr(0, colon), base::TrimSpace(line.substr(colon + 1)));
  }
  const auto number = [&fields](std::string_view key, int radix) -> std::optional<std::uint64_t> {
    const std::string_view text = fields[key];
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value, radix);
    if (error != std::errc{} || end != text.end()) return std::nullopt;
    return value;
  };
  const auto permitted = number("CapPrm", 16);
  const auto effective = number("CapEff", 16);
  const auto bounding = number("CapBnd", 16);
  const auto no_new_privs = number("NoNewPrivs", 10);
  const auto mode = number("Seccomp", 10);
  if (!permitted || !effective || !bounding || !no_new_privs || !mode) return std::nullopt;
  audit::OwnConfinement own;
  own.permitted = *permitted;
  own.effective = *effective;
  own.bounding = *bounding;
  own.no_new_privs = *no_new_privs != 0;
  own.seccomp_mode = static_cast<int>(*mode);
  // Not there before Linux 5.9.
  own.seccomp_filters = static_cast<int>(number("Seccomp_filters", 10).value_or(0));
  return own;
}

std::optional<audit::OwnConfinement> ReadOwnConfinement(int proc_fd) {
  constexpr std::size_t kMaxBytes = 65'536;
  const auto status = host::ReadFile(proc_fd, "self/status", kMaxBytes);
  return status ? ParseOwnConfinement(*status) : std::nullopt;
}

void ReadNodeFacts(int proc_fd, AuditSettings* settings) {
  struct utsname name {};
  if (uname(&name) == 0) {
    settings->kernel = name.release;
    settings->arch = name.machine;
  }
  constexpr std::size_t kMaxBytes = 65'536;
  if (auto id = host::ReadFile(proc_fd, "sys/kernel/random/boot_id", kMaxBytes)) {
    settings->boot_id = base::TrimSpace(*id);
  }
}

}  // namespace seccompd::agent
