// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/audit/checks.h"
#include "common/audit/expectation.h"
#include "common/audit/policy.h"
#include "common/audit/report.h"
#include "common/base/result.h"
#include "common/procfs/scanner.h"

namespace seccompd::agent {

// What does not change between two passes.
struct AuditSettings {
  std::string node_name;
  std::string node_uid;
  std::string os;
  std::string boot_id;
  std::string kernel;
  std::string arch;
  std::string agent_version;
  std::string cluster_uid;
  std::string cluster_uid_unknown = "no API server is asked";
  pid_t own_pid = 0;  // of the agent, or of a command in its container; 0: no matter
  std::optional<audit::OwnConfinement> confinement;
  audit::NodeDefault node_default = audit::NodeDefault::kUndecided;  // undecided: inferred
  audit::SandboxRuntimes sandbox;
  audit::RuntimeFacts runtime;
};

// What a pass asks beyond the state of the processes, and what it is answered with. All borrowed.
struct Examination {
  bool by_filter = false;                        // evidence `filter`; else `loaded` is empty
  std::span<const audit::LoadedProcess> loaded;  // by pid
  const audit::ProfileTexts& texts;
  audit::Meanings& meanings;
  audit::CheckBook& checks;
  const audit::Policy& policy;
};

// One pass: what the daemon's loop and `seccompd audit` both judge. All borrowed.
struct AuditPass {
  const procfs::ScanResult& scan;
  std::span<const kube::Pod> pods;
  const audit::InstalledView& installed;
  bool pods_known = true;          // false: --pods none
  bool pods_complete = true;       // false: some pod record could not be read
  std::vector<std::string> notes;  // of the caller's own sources
  base::WallTime start;
  base::WallTime end;
  const Examination* examination = nullptr;  // null: the state of the processes alone
  std::size_t ended_unjudged = 0;            // containers that came and went between two passes
};

// Judges what the scan saw. Pods must have been read before the scan: a container that starts in
// between is then not named yet, rather than one that the status calls running and nobody finds.
[[nodiscard]] audit::Report JudgePass(const AuditSettings& settings, const AuditPass& pass);

// "auto", "runtime-default" or "unconfined" (--node-default).
[[nodiscard]] base::Result<audit::NodeDefault> ParseNodeDefault(std::string_view value);

// `--runtime`: "" or a release whose default profile is known here, or any CRI-O.
[[nodiscard]] base::Result<void> CheckRuntime(std::string_view value);

// Compiles as the runtimes of this node do; `table` is borrowed.
[[nodiscard]] audit::MeaningTools MakeMeaningTools(const seccomp::SyscallTable& table);

// Of this process, from /proc/self/status; nullopt if that cannot be read.
[[nodiscard]] std::optional<audit::OwnConfinement> ReadOwnConfinement(int proc_fd);
[[nodiscard]] std::optional<audit::OwnConfinement> ParseOwnConfinement(std::string_view status);

// kernel, arch and boot ID of this machine; `proc_fd` is borrowed. What cannot be read stays empty.
void ReadNodeFacts(int proc_fd, AuditSettings* settings);

}  // namespace seccompd::agent
