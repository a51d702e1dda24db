// SPDX-License-Identifier: Apache-2.0
#include "agent/audit_pass.h"

#include <fmt/format.h>
#include <sys/utsname.h>

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

// Nothing at all is visible although something is there.
bool SeesNoProcess(const procfs::ScanResult& scan) {
  return scan.counters.processes == 0 &&
         (scan.pids_of_other_namespaces != 0 || scan.counters.unseen != 0);
}

}  // namespace

audit::Report JudgePass(const AuditSettings& settings, const AuditPass& pass) {
  audit::PassFacts facts;
  facts.node_name = settings.node_name;
  facts.boot_id = settings.boot_id;
  facts.kernel = settings.kernel;
  facts.arch = settings.arch;
  facts.runtime = settings.runtime.name;
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
  if (pass.filter == nullptr) {
    return audit::MakeReport(std::move(facts), pass.pods, observations, pass.installed, options);
  }
  facts.evidence = audit::Evidence::kFilter;
  options.evidence = audit::Evidence::kFilter;
  audit::Expectations expectations(pass.filter->texts, settings.runtime, pass.installed);
  const auto evidence_of = [&](const audit::Subject& subject) {
    return audit::JudgeSubject(subject, pass.filter->loaded, expectations, pass.filter->meanings);
  };
  audit::Report report = audit::MakeReport(std::move(facts), pass.pods, observations,
                                           pass.installed, options, evidence_of);
  pass.filter->meanings.EndPass();
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
  if (value.empty() || value.starts_with("cri-o") || seccomp::ContainerdDefaultOf(value)) return {};
  return base::Fail(base::ErrorCode::kInvalidArgument,
                    fmt::format("--runtime '{}': use cri-o or a known containerd release, such as "
                                "containerd-1.7 or containerd-2.0.9",
                                base::Printable(value)));
}

audit::MeaningTools MakeMeaningTools(const seccomp::SyscallTable& table) {
  return {.compile =
              [](const seccomp::Profile& profile) {
                return bpf::Compile(profile, seccomp::NativeArch());
              },
          .table = &table};
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
