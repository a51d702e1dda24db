// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/audit/checks.h"
#include "common/audit/policy.h"
#include "common/audit/verdict.h"
#include "common/kube/pod.h"

namespace seccompd::audit {

inline constexpr std::string_view kReportSchema = "seccompd.io/audit/v1";

// What holds the agent itself, as its own /proc/self/status says.
struct OwnConfinement {
  std::uint64_t permitted = 0;  // capability bits
  std::uint64_t effective = 0;
  std::uint64_t bounding = 0;
  bool no_new_privs = false;
  int seccomp_mode = 0;
  int seccomp_filters = 0;

  bool operator==(const OwnConfinement&) const = default;
};

// The node and the pass, as far as known; "" where not.
struct PassFacts {
  std::string node_name;
  std::string node_uid;
  std::string cluster_uid;                                     // of the namespace kube-system
  std::string cluster_uid_unknown = "no API server is asked";  // why it is not known
  std::string boot_id;
  std::string kernel;
  std::string os;
  std::string arch;
  std::string runtime;  // "containerd://1.7.13"
  std::string agent_version;
  std::string agent_image;  // digest
  std::string agent_image_unknown = "it runs in no container that a pod known here names";
  std::optional<OwnConfinement> confinement;
  Evidence evidence = Evidence::kStatus;
  NodeDefault node_default = NodeDefault::kUndecided;
  bool node_default_inferred = false;
  base::WallTime start;
  base::WallTime end;
  std::size_t processes = 0;       // read in containers
  std::size_t ended_unjudged = 0;  // containers that came and went between two passes
  bool complete = true;            // false: a part of the node was not seen, so nothing is clean
  Policy policy;
  CheckSet checks;
  std::vector<std::string> notes;  // what a reader must know of this pass, one sentence each
};

// One container of the node.
struct Row {
  std::string namespace_name;
  std::string pod;
  std::string pod_uid;
  std::string container;  // "" where no status names it
  std::optional<WorkloadKind> kind;
  std::string owner;
  std::string runtime_class;
  std::string container_id;
  std::string image_id;
  std::string cgroup_path;
  Naming naming = Naming::kNoPod;
  Asked asked;
  Judgement judgement;
  std::size_t processes = 0;
  // As PassFacts::checks; empty: nothing runs, or what runs has a kernel of its own.
  std::vector<CheckFinding> checks;
  std::optional<FloorFinding> floor;
  std::optional<Exemption> exemption;  // the one that covers it, expired or not
  bool exempt = false;                 // it has not expired: listed and counted, no finding

  bool operator==(const Row&) const = default;
};

enum class FindingKind : std::uint8_t {
  kMissingProfile,    // a pod refers to a path where nothing is, and nothing is desired
  kInvalidProfile,    // desired, but every version of it was refused: no file
  kPendingProfile,    // desired and valid, but not on disk
  kExpiredExemption,  // still in the configuration
};
std::string_view FindingKindName(FindingKind kind);  // "missing_profile"

// A pod's reference that cannot be served. One for each container.
struct Finding {
  FindingKind kind = FindingKind::kMissingProfile;
  std::string namespace_name;
  std::string pod;
  std::string container;
  std::string path;
  std::string nearest;                  // an existing path that may be meant, or ""
  std::string state;                    // "CreateContainerError", "not started", "running"
  std::optional<base::WallTime> since;  // of the pod

  bool operator==(const Finding&) const = default;
};

// found == judged + unknown + not_applicable.
struct Counts {
  std::size_t found = 0;
  std::size_t judged = 0;
  std::size_t unknown = 0;
  std::size_t not_applicable = 0;
  std::size_t unresolved = 0;  // of unknown: containers without a pod record
  std::size_t alarms = 0;      // rows that are findings
  std::size_t exempt = 0;      // rows that would be, were they not exempt
  std::size_t below_floor = 0;
  std::array<std::size_t, kVerdicts.size()> by_verdict{};  // index: the Verdict

  [[nodiscard]] std::size_t Of(Verdict verdict) const {
    return by_verdict[static_cast<std::size_t>(verdict)];
  }
  bool operator==(const Counts&) const = default;
};

// Restarting what heals the stale containers of one owner.
struct RestartHint {
  std::string namespace_name;
  std::string command;  // "kubectl -n web rollout restart deploy/front"

  bool operator==(const RestartHint&) const = default;
};

// A whole pass as one value; text, JSON and metrics are made from it.
struct Report {
  PassFacts facts;
  std::vector<Row> rows;          // worst verdict first, then namespace, pod, container, ID
  std::vector<Finding> findings;  // by namespace, pod, container
  std::vector<RestartHint> restarts;
  Counts counts;

  [[nodiscard]] bool HasFindings() const {
    return counts.alarms != 0 || !findings.empty() || !facts.complete;
  }
};

// What was found of one container beyond its processes' state.
struct SubjectEvidence {
  FilterJudgement filter;  // empty at evidence `status`
  std::vector<CheckFinding> checks;
  std::optional<FloorFinding> floor;
};

// Called once for every container.
using EvidenceOf = std::function<SubjectEvidence(const Subject&)>;

// Pods that carry the whole pass: joins, judges and counts. With NodeDefault kUndecided in the
// facts the default is inferred from what unset containers have loaded, if they agree.
Report MakeReport(PassFacts facts, std::span<const kube::Pod> pods,
                  std::span<const Observation> observations, const InstalledView& installed,
                  const JudgeOptions& options, const EvidenceOf& evidence_of = {});

// What containers with nothing set have loaded, if at least three in two pods agree: their first
// process has a filter, or has none. Privileged containers and deferred processes tell nothing.
NodeDefault InferNodeDefault(std::span<const kube::Pod> pods,
                             std::span<const Observation> observations);

// The existing path that `path` may have meant: a few letters off, or the same file in another
// folder.
std::string NearestPath(std::string_view path, const InstalledView& installed);

struct TextOptions {
  bool all = false;     // rows without finding, too
  bool colour = false;  // ANSI, for a terminal
};

// The table for people; names are escaped, so nothing in it can steer a terminal.
std::string RenderText(const Report& report, const TextOptions& options);

// One JSON document (report.schema.json), canonical: fixed key order, no white space but a newline
// at the end, so that its SHA-256 is the report's identity.
std::string RenderJson(const Report& report);

}  // namespace seccompd::audit
