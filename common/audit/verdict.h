// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/audit/installed.h"
#include "common/audit/resolve.h"
#include "common/bpf/cause.h"

namespace seccompd::audit {

// The closed set of design 1.3, worst first: a container is judged by the worst of its processes.
enum class Verdict : std::uint8_t {
  kNotEnforced,
  kWeaker,
  kUnknown,
  kStale,
  kDiffers,
  kUnconfined,
  kStricter,
  kFiltered,
  kMatch,
  kNotApplicable,
};
inline constexpr std::array<Verdict, 10> kVerdicts = {
    Verdict::kNotEnforced, Verdict::kWeaker,       Verdict::kUnknown,  Verdict::kStale,
    Verdict::kDiffers,     Verdict::kUnconfined,   Verdict::kStricter, Verdict::kFiltered,
    Verdict::kMatch,       Verdict::kNotApplicable};
std::string_view VerdictName(Verdict verdict);  // the metric label value, "not_enforced"

// Why. Closed set; kNone where the verdict says it all.
enum class Reason : std::uint8_t {
  kNone,
  kPrivileged,    // the runtime drops the filter of a privileged container
  kThread,        // a thread differs from its process
  kStrictMode,    // SECCOMP_MODE_STRICT, the process's own doing
  kNotAsked,      // a filter is loaded that nobody asked for (self-sandboxing, a CRI-O annotation)
  kOldRevision,   // older than the revision in force
  kRace,          // started within the race window around an install: either revision
  kBeforeLedger,  // older than the first revision that the ledger knows
  kNotYetNamed,   // the pod's status does not name it yet
  kNodeDefault,   // nothing is set and the node's default is not known
  kBadProfileType,  // seccompProfile.type is none that the API has
  kNoHostPid,       // its processes cannot be seen from here
  kUnread,          // what was read is as it should be, but a process or thread could not be read
  kStarting,        // still the runtime's init
  kNoProcess,       // its cgroup has no live process
  kNoPod,           // no pod record names its pod
  kNotFound,        // the pod's status calls it running, no cgroup is its
  kRuntimeClass,    // gVisor, Kata: the host does not see the workload's filter
  // Only at evidence `filter`:
  kInherited,       // nothing but the filters that the runtime itself runs under
  kNoProfileText,   // what was asked for is not known here, so there is nothing to compare with
  kRuntimeVersion,  // RuntimeDefault of a runtime whose version is not known, and no known one's
  kUndecided,       // the comparison reached its limits
  kFilterPending,   // not read yet: loaded or changed during the pass
  kFilterTorn,      // it changed during every attempt to read it
  kTooManyFilters,  // more stacked than are read
  kTooManyInstructions,  // larger than what is read
  kFilterUnreadable,     // the kernel kept no classic program, or its memory could not be read
  kFilterLimit,          // the container has more distinct filters than are kept
};
std::string_view ReasonName(Reason reason);  // "old-revision"; "" for kNone

enum class Evidence : std::uint8_t { kStatus, kFilter };
std::string_view EvidenceName(Evidence evidence);

// Threads of one process whose filter of the runtime means this.
struct ProgramThreads {
  base::Digest fingerprint;
  std::uint32_t threads = 0;

  bool operator==(const ProgramThreads&) const = default;
};

// Outcome of comparing one process's loaded program with what was asked (evidence `filter`).
struct FilterFinding {
  pid_t pid = 0;
  Verdict verdict = Verdict::kMatch;
  std::string witness;             // the difference in words, with an input; "" for a match
  std::optional<Verdict> missing;  // of kStale: weaker, stricter or differs
  std::optional<std::uint32_t> loaded_revision;  // the revision it means the same as
  Reason reason = Reason::kNone;
  std::string same_as = {};  // what it means the same as: "containerd 2.0.9-2.0.11"
  std::optional<base::Digest> fingerprint = {};  // of the meaning of the runtime's filter
  std::optional<int> filters = {};               // of the thread that decided; as in Loaded
  std::size_t own_filters = 0;                   // that the workload loaded on top
  bool runc_enosys = false;                  // a match but for runc's ENOSYS above the last call
  pid_t tid = 0;                             // the thread that decided; 0: the judged one
  bool all_threads = false;                  // it speaks for every thread that has a filter
  std::vector<bpf::CauseFound> causes = {};  // that are shown to explain a difference
  std::uint32_t same_threads = 0;            // of this process, with the filter of `fingerprint`
  std::vector<ProgramThreads> other_threads = {};  // and with others

  bool operator==(const FilterFinding&) const = default;
};

// What evidence `filter` has of one container.
struct FilterJudgement {
  std::vector<FilterFinding> findings;  // by pid
  std::optional<base::Digest> asked_fingerprint;
  std::optional<base::Digest> told_digest;
  std::optional<base::Digest> told_fingerprint;

  bool operator==(const FilterJudgement&) const = default;
};

// Runtimes that keep the workload's system calls away from the host kernel, by runtimeClassName.
// The class's name is a hint only, the cluster's admin chooses it: where the container's processes
// are visible and none is called like a sandbox's, the host does see the workload, and judges it.
struct SandboxRuntimes {
  std::vector<std::string> classes = {"gvisor",   "runsc",   "kata",    "kata-qemu",
                                      "kata-clh", "kata-fc", "kata-cc", "kata-dragonball"};

  bool operator==(const SandboxRuntimes&) const = default;
};

struct JudgeOptions {
  base::WallTime now;
  bool host_pid = true;    // false: other processes cannot be seen from here
  bool pods_known = true;  // false: there is no pod source, so a missing pod record is no alarm
  std::chrono::milliseconds race_window = std::chrono::seconds(10);
  std::chrono::milliseconds naming_grace = std::chrono::seconds(60);
  SandboxRuntimes sandbox;
  Evidence evidence = Evidence::kStatus;  // what the processes were read by
};

enum class LoadedMode : std::uint8_t { kUnseen, kNone, kStrict, kFilter };
std::string_view LoadedModeName(LoadedMode mode);  // "unseen", "none", "strict", "filter"

struct Loaded {
  LoadedMode mode = LoadedMode::kUnseen;
  std::optional<int> filters;             // stacked; not before Linux 5.9
  std::optional<std::uint32_t> revision;  // by ledger and time, or by content at evidence filter
  std::optional<base::Digest> fingerprint = {};  // of its meaning, at evidence filter
  std::size_t own_filters = 0;                   // of `filters`: those of the workload
  std::string same_as = {};                      // "containerd 2.0.9-2.0.11", "r4", "its bundle"
  bool runc_enosys = false;
  std::optional<bool> no_new_privs = {};

  bool operator==(const Loaded&) const = default;
};

// The process that decided.
struct Witness {
  pid_t pid = 0;
  pid_t tid = 0;  // the thread whose state it was
  std::uint64_t start_ticks = 0;
  std::string comm;  // chosen by the workload: print escaped

  bool operator==(const Witness&) const = default;
};

// How many of a container's live threads have the filter that it was judged by, own ones aside.
struct ThreadTally {
  std::uint32_t total = 0;
  std::uint32_t same = 0;

  bool operator==(const ThreadTally&) const = default;
};

struct Judgement {
  Verdict verdict = Verdict::kUnknown;
  Reason reason = Reason::kNone;
  std::string why;     // one clause for people; may hold text chosen by a workload: print escaped
  bool alarm = false;  // a finding; else expected or too young to tell
  Evidence evidence = Evidence::kStatus;
  Loaded loaded;
  std::optional<std::uint32_t> asked_revision;    // in force for the asked path
  std::optional<base::Digest> asked_digest;       // of that revision's bytes
  std::optional<base::Digest> asked_fingerprint;  // of what it means, at evidence filter
  std::optional<base::Digest> told_digest;        // of linux.seccomp in the bundle, rendered
  std::optional<base::Digest> told_fingerprint;   // of what that means
  std::optional<Verdict> missing;                 // of kStale, at evidence filter
  std::string filter_witness;                     // input on which the filters differ
  std::vector<bpf::CauseFound> causes;            // why they do, as far as it could be shown
  std::optional<ThreadTally> threads;             // at evidence filter
  std::optional<Witness> witness;
  std::optional<base::WallTime> since;  // start of the container

  bool operator==(const Judgement&) const = default;
};

// Judges one container. `findings`, at most one a process and sorted by pid, are those of the whole
// pass or of this container; without any the evidence is `status`, which tells that a filter is
// loaded, never what it says.
Judgement Judge(const Subject& subject, const InstalledView& installed, const JudgeOptions& options,
                std::span<const FilterFinding> findings = {});

}  // namespace seccompd::audit
