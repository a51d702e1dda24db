// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/metrics/cluster.h"
#include "common/metrics/histogram.h"
#include "common/metrics/labels.h"
#include "common/metrics/process.h"

namespace seccompd::metrics {

// Series with labels chosen by users are capped: 65,000 nodes export them.
inline constexpr std::size_t kMaxViolations = 50;
inline constexpr std::size_t kMaxInvalidProfiles = 20;
inline constexpr std::size_t kMaxChecks = 33;                // the built-in one and 32 more
inline constexpr std::size_t kMaxProfilesOfContainers = 50;  // with up to 10 series each
inline constexpr std::size_t kMaxLabelBytes = 256;  // a longer value is cut and ends in "..."

inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

// What has happened since the start. Owned by the daemon, added to in place, never reset.
struct Counters {
  Counters();

  Per<FileOperation> profile_writes;
  Per<FileOperation> profile_write_errors;
  Per<DriftKind> profile_drifts;
  std::uint64_t profile_weakenings = 0;
  std::uint64_t syncs = 0;  // failed ones included
  std::uint64_t sync_failures = 0;
  Histogram sync_seconds;
  Per<Evidence, Per<Expected, Per<Verdict>>> violations;  // containers newly found in violation
  std::uint64_t audits = 0;                               // failed ones included
  std::uint64_t audit_failures = 0;
  Histogram audit_seconds;
  std::map<std::string, std::uint64_t> check_violations;  // by check: containers newly not blocked
  std::uint64_t ended_unjudged = 0;
  std::map<std::pair<std::string, int>, std::uint64_t> http_requests;  // by handler and code
};

struct InvalidProfile {
  std::string source;   // "web/api", namespace and name of the ConfigMap, or the file
  std::string profile;  // path below the seccomp root
  std::string reason;   // code of the first error, "E0104"
};

struct Violation {
  std::string namespace_name;
  std::string pod;
  std::string container;
  std::string uid;  // of the pod
  Expected expected = Expected::kUnset;
  Verdict verdict = Verdict::kUnknown;
  Evidence evidence = Evidence::kStatus;
};

struct BuildInfo {
  std::string version;
  std::string revision;
  std::string compiler;
  std::string arch;
};

// What the last audit found.
struct AuditSnapshot {
  Per<Evidence, Per<Expected, Per<Verdict>>> containers;
  std::vector<Violation> violations;  // worst first; the first kMaxViolations are shown
  std::map<std::string, Per<CheckResult>> checks;          // by name
  std::set<std::string> paging_checks;                     // those marked `page: true`
  std::map<std::string, Per<Verdict>> profile_containers;  // by path; the first are shown
  std::uint64_t below_floor = 0;
  std::uint64_t exempt = 0;
  std::uint64_t exemptions_expired = 0;
  Per<SeccompMode> processes;
  Per<Unserved> unserved;
  std::uint64_t invalid_referenced = 0;  // refused profiles that containers here ask for
  std::uint64_t processes_scanned = 0;
  std::uint64_t containers_unresolved = 0;
};

// How much a scrape shows. Minimal leaves out histograms, what is only for looking into an agent,
// and series that are 0: what every alert needs stays.
enum class Level : std::uint8_t { kFull, kMinimal };

// Everything that one scrape shows. What is absent here is absent there.
struct MetricsSnapshot {
  Level level = Level::kFull;
  BuildInfo build;
  Counters counters;
  Evidence evidence = Evidence::kStatus;  // level at work: its container series exist even if 0

  std::optional<bool> config_reload_ok;  // absent: there is no configuration file
  std::optional<base::WallTime> config_last_success;
  bool ready = false;

  Per<ProfileState> profiles;  // sums to profiles_desired
  std::uint64_t profiles_orphaned = 0;
  std::uint64_t removals_held = 0;
  std::uint64_t profiles_hash = 0;               // the low 48 bits are shown
  std::vector<InvalidProfile> invalid_profiles;  // the first kMaxInvalidProfiles are shown
  std::optional<base::WallTime> sync_last_success;

  using Audit = AuditSnapshot;
  std::optional<AuditSnapshot> audit;  // absent before the first
  std::optional<base::WallTime> audit_last_success;

  std::optional<ClusterSnapshot> cluster;  // absent: no API server is talked to

  std::chrono::nanoseconds loop_lag{0};  // the longest lately
  ProcessStats process;
};

// Text exposition format 0.0.4 of one scrape. Label values from outside are made printable, valid
// UTF-8 and short.
std::string RenderMetrics(const MetricsSnapshot& snapshot);

enum class Type : std::uint8_t { kGauge, kCounter, kHistogram };

// One metric: the only place where its name and help stand.
struct Descriptor {
  std::string_view name;
  Type type = Type::kGauge;
  std::string_view labels = {};  // "state" or "expected, verdict"; "" for none
  std::string_view help = {};
  bool detail = false;  // absent at Level::kMinimal, as are all histograms
};
std::span<const Descriptor> Table();

// The README's table, Markdown, a line each.
std::string RenderTable();

}  // namespace seccompd::metrics
