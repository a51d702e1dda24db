// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/metrics.h"

#include <set>

#include "common/base/strings.h"
#include "common/metrics/exposition.h"
#include "common/metrics/table.h"

namespace seccompd::metrics {
namespace {

constexpr std::array kSyncBounds = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1.0, 2.5, 10.0};
constexpr std::array kAuditBounds = {.01, .025, .05, .1, .25, .5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0};
constexpr std::string_view kThrottled = "429";                     // an alert reads it
constexpr std::uint64_t kHashMask = (std::uint64_t{1} << 48) - 1;  // exact in a double

// A value that somebody else chose: nothing in it can steer a terminal, and it is short.
std::string LabelText(std::string_view text) {
  constexpr std::string_view kCut = "...";
  std::string value = base::Printable(text);
  if (value.size() <= kMaxLabelBytes) return value;
  std::size_t end = kMaxLabelBytes - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return value.substr(0, end).append(kCut);
}

using ByVerdict = Per<Evidence, Per<Expected, Per<Verdict>>>;

// Every combination at the evidence level at work; at the other one only what there is. Minimal: of
// the first only the matches, without which a ratio would have no numerator.
void AddByVerdict(Exposition& out, const Descriptor& metric, const ByVerdict& counts,
                  Evidence evidence) {
  for (std::size_t e = 0; e < ByVerdict::kSize; ++e) {
    const auto level = static_cast<Evidence>(e);
    for (std::size_t x = 0; x < Per<Expected>::kSize; ++x) {
      const auto expected = static_cast<Expected>(x);
      for (std::size_t v = 0; v < Per<Verdict>::kSize; ++v) {
        const auto verdict = static_cast<Verdict>(v);
        const std::uint64_t count = counts[level][expected][verdict];
        if (count == 0 && level != evidence) continue;
        if (count == 0 && out.minimal() && verdict != Verdict::kMatch) continue;
        out.Add(metric, count,
                {{"expected", std::string(LabelName(expected))},
                 {"verdict", std::string(LabelName(verdict))},
                 {"evidence", std::string(LabelName(level))}});
      }
    }
  }
}

// At most `most` series with distinct labels; returns how many rows got none.
std::uint64_t AddCapped(Exposition& out, const Descriptor& metric, const std::vector<Labels>& rows,
                        std::size_t most) {
  std::set<Labels> seen;
  std::uint64_t dropped = 0;
  for (const Labels& labels : rows) {
    if (seen.size() == most) {
      ++dropped;
    } else if (seen.insert(labels).second) {
      out.Add(metric, 1.0, labels);
    }
  }
  return dropped;
}

void AddAgent(Exposition& out, const MetricsSnapshot& snapshot) {
  const BuildInfo& build = snapshot.build;
  out.Add(kBuildInfo, 1.0,
          {{"version", LabelText(build.version)},
           {"revision", LabelText(build.revision)},
           {"compiler", LabelText(build.compiler)},
           {"arch", LabelText(build.arch)}});
  out.Add(kReady, snapshot.ready ? 1.0 : 0.0);
  if (snapshot.config_reload_ok) out.Add(kConfigReloadOk, *snapshot.config_reload_ok ? 1.0 : 0.0);
  out.Add(kConfigLastSuccess, snapshot.config_last_success);
}

void AddProfiles(Exposition& out, const MetricsSnapshot& snapshot) {
  std::uint64_t desired = 0;
  for (std::size_t i = 0; i < Per<ProfileState>::kSize; ++i) {
    desired += snapshot.profiles[static_cast<ProfileState>(i)];
  }
  out.Add(kProfilesDesired, desired);
  out.AddEach(kProfiles, snapshot.profiles);
  out.Add(kProfilesOrphaned, snapshot.profiles_orphaned);
  out.Add(kRemovalsHeld, snapshot.removals_held);
  out.Add(kProfilesHash, snapshot.profiles_hash & kHashMask);
  std::vector<Labels> rows;
  for (const InvalidProfile& profile : snapshot.invalid_profiles) {
    rows.push_back({{"source", LabelText(profile.source)},
                    {"profile", LabelText(profile.profile)},
                    {"reason", LabelText(profile.reason)}});
  }
  const std::uint64_t dropped = AddCapped(out, kProfileInvalid, rows, kMaxInvalidProfiles);
  out.Add(kProfileInvalidDropped, dropped);
  const Counters& counters = snapshot.counters;
  out.AddEach(kProfileWrites, counters.profile_writes);
  out.AddEach(kProfileWriteErrors, counters.profile_write_errors);
  out.AddEach(kProfileDrifts, counters.profile_drifts);
  out.Add(kProfileWeakenings, counters.profile_weakenings);
  out.Add(kSyncs, counters.syncs);
  out.Add(kSyncFailures, counters.sync_failures);
  out.Add(kSyncSeconds, counters.sync_seconds);
  out.Add(kSyncLastSuccess, snapshot.sync_last_success);
}

void AddViolations(Exposition& out, const std::vector<Violation>& violations) {
  std::vector<Labels> rows;
  rows.reserve(violations.size());
  for (const Violation& violation : violations) {
    rows.push_back({{"namespace", LabelText(violation.namespace_name)},
                    {"pod", LabelText(violation.pod)},
                    {"container", LabelText(violation.container)},
                    {"uid", LabelText(violation.uid)},
                    {"expected", std::string(LabelName(violation.expected))},
                    {"verdict", std::string(LabelName(violation.verdict))},
                    {"evidence", std::string(LabelName(violation.evidence))}});
  }
  const std::uint64_t dropped = AddCapped(out, kViolation, rows, kMaxViolations);
  out.Add(kViolationsDropped, dropped);
}

// At most kMaxProfilesOfContainers profiles; of each, the verdicts that there are.
void AddProfileContainers(Exposition& out, const AuditSnapshot& audit) {
  std::size_t shown = 0;
  for (const auto& [profile, verdicts] : audit.profile_containers) {
    if (shown == kMaxProfilesOfContainers) break;
    ++shown;
    for (std::size_t v = 0; v < Per<Verdict>::kSize; ++v) {
      const auto verdict = static_cast<Verdict>(v);
      if (verdicts[verdict] == 0) continue;
      out.Add(kProfileContainers, verdicts[verdict],
              {{"profile", LabelText(profile)}, {"verdict", std::string(LabelName(verdict))}});
    }
  }
  out.Add(kProfileContainersDropped, std::uint64_t{audit.profile_containers.size() - shown});
}

void AddChecks(Exposition& out, const MetricsSnapshot& snapshot) {
  std::size_t shown = 0;
  for (const auto& [check, results] : snapshot.audit->checks) {
    if (shown++ == kMaxChecks) break;
    for (std::size_t r = 0; r < Per<CheckResult>::kSize; ++r) {
      const auto result = static_cast<CheckResult>(r);
      out.Add(kCheckContainers, results[result],
              {{"check", LabelText(check)}, {"result", std::string(LabelName(result))}});
    }
  }
  shown = 0;
  for (const auto& [check, results] : snapshot.audit->checks) {
    if (shown++ == kMaxChecks) break;
    out.Add(kCheckPage, snapshot.audit->paging_checks.contains(check) ? 1.0 : 0.0,
            {{"check", LabelText(check)}});
  }
  // Of the checks that there are: a removed one takes its series with it.
  shown = 0;
  for (const auto& [check, results] : snapshot.audit->checks) {
    if (shown++ == kMaxChecks) break;
    const auto count = snapshot.counters.check_violations.find(check);
    const bool none = count == snapshot.counters.check_violations.end();
    out.Add(kCheckViolations, none ? std::uint64_t{0} : count->second,
            {{"check", LabelText(check)}});
  }
}

void AddPolicy(Exposition& out, const MetricsSnapshot& snapshot) {
  if (snapshot.audit) {
    for (std::size_t e = 0; e < Per<Evidence>::kSize; ++e) {
      const auto level = static_cast<Evidence>(e);
      out.Add(kEvidence, level == snapshot.evidence ? 1.0 : 0.0,
              {{"evidence", std::string(LabelName(level))}});
    }
    AddProfileContainers(out, *snapshot.audit);
    AddChecks(out, snapshot);
    out.Add(kBelowFloor, snapshot.audit->below_floor);
    out.Add(kExempt, snapshot.audit->exempt);
    out.Add(kExemptionsExpired, snapshot.audit->exemptions_expired);
  }
  out.Add(kEndedUnjudged, snapshot.counters.ended_unjudged);
}

void AddAudit(Exposition& out, const MetricsSnapshot& snapshot) {
  const std::optional<MetricsSnapshot::Audit>& audit = snapshot.audit;
  if (audit) {
    AddByVerdict(out, kContainers, audit->containers, snapshot.evidence);
    AddViolations(out, audit->violations);
  }
  AddByVerdict(out, kViolations, snapshot.counters.violations, snapshot.evidence);
  if (audit) {
    out.AddEach(kUnserved, audit->unserved);
    out.Add(kInvalidReferenced, audit->invalid_referenced);
    out.AddEach(kProcesses, audit->processes);
  }
  AddPolicy(out, snapshot);
  out.Add(kAudits, snapshot.counters.audits);
  out.Add(kAuditFailures, snapshot.counters.audit_failures);
  out.Add(kAuditSeconds, snapshot.counters.audit_seconds);
  out.Add(kAuditLastSuccess, snapshot.audit_last_success);
  if (audit) {
    out.Add(kScanned, audit->processes_scanned);
    out.Add(kUnresolved, audit->containers_unresolved);
  }
}

void AddWatches(Exposition& out, const std::map<std::string, WatchStats>& watches) {
  // Family by family: a family's series stand together.
  const auto each = [&](const auto& add) {
    for (const auto& [resource, stats] : watches) add(Labels{{"resource", resource}}, stats);
  };
  each([&](Labels labels, const WatchStats& stats) {
    out.AddEach(kWatchEvents, stats.events, std::move(labels), "event");
  });
  each([&](Labels labels, const WatchStats& stats) {
    out.AddEach(kWatchRestarts, stats.restarts, std::move(labels), "reason");
  });
  each([&](Labels labels, const WatchStats& stats) {
    out.AddEach(kRelists, stats.relists, std::move(labels), "reason");
  });
  each([&](const Labels& labels, const WatchStats& stats) {
    if (!stats.last_activity) return;
    const std::chrono::duration<double> time = stats.last_activity->time_since_epoch();
    out.Add(kWatchLastActivity, time.count(), labels);
  });
  each([&](const Labels& labels, const WatchStats& stats) {
    out.Add(kCacheObjects, stats.objects, labels);
  });
}

void AddApi(Exposition& out, const ApiCounters& api) {
  for (const auto& [key, count] : api.requests) {
    if (out.minimal() && std::get<0>(key) != kThrottled) continue;
    out.Add(kApiRequests, count,
            {{"code", LabelText(std::get<0>(key))},
             {"method", LabelText(std::get<1>(key))},
             {"host", LabelText(std::get<2>(key))}});
  }
  for (const auto& [key, histogram] : api.seconds) {
    out.Add(kApiSeconds, histogram,
            {{"verb", LabelText(key.first)}, {"host", LabelText(key.second)}});
  }
  for (const auto& [key, count] : api.retries) {
    out.Add(kApiRetries, count,
            {{"code", LabelText(std::get<0>(key))},
             {"verb", LabelText(std::get<1>(key))},
             {"host", LabelText(std::get<2>(key))}});
  }
  out.Add(kTokenReloads, api.token_reloads);
  out.Add(kCaReloads, api.ca_reloads);
}

void AddCluster(Exposition& out, const MetricsSnapshot& snapshot) {
  if (!snapshot.cluster) return;
  const ClusterSnapshot& cluster = *snapshot.cluster;
  out.Add(kNodeUnsupported, cluster.unsupported ? 1.0 : 0.0);
  out.Add(kNodeGateOpen, cluster.node_gate_open ? 1.0 : 0.0);
  out.Add(kPropagationSeconds, cluster.propagation_seconds);
  AddWatches(out, cluster.watches);
  if (cluster.events) {
    out.AddEach(kEventsEmitted, cluster.events_emitted);
    out.AddEach(kEventsDropped, cluster.events_dropped);
  }
  AddApi(out, cluster.api);
}

void AddProcess(Exposition& out, const MetricsSnapshot& snapshot) {
  for (const auto& [key, count] : snapshot.counters.http_requests) {
    out.Add(kHttpRequests, count,
            {{"handler", LabelText(key.first)}, {"code", std::to_string(key.second)}});
  }
  out.Add(kLoopLag, std::chrono::duration<double>(snapshot.loop_lag).count());
  const ProcessStats& process = snapshot.process;
  out.Add(kCpu, process.cpu_seconds);
  out.Add(kStartTime, process.start_time_seconds);
  out.Add(kVirtualMemory, process.virtual_memory_bytes);
  out.Add(kVirtualMemoryMax, process.virtual_memory_max_bytes);
  out.Add(kResidentMemory, process.resident_memory_bytes);
  out.Add(kOpenFds, process.open_fds);
  out.Add(kMaxFds, process.max_fds);
  out.Add(kNetworkReceive, process.network_receive_bytes);
  out.Add(kNetworkTransmit, process.network_transmit_bytes);
}

}  // namespace

Counters::Counters() : sync_seconds(kSyncBounds), audit_seconds(kAuditBounds) {}

std::string RenderMetrics(const MetricsSnapshot& snapshot) {
  Exposition out(snapshot.level);
  AddAgent(out, snapshot);
  AddProfiles(out, snapshot);
  AddAudit(out, snapshot);
  AddCluster(out, snapshot);
  AddProcess(out, snapshot);
  return std::move(out).Text();
}

}  // namespace seccompd::metrics
