// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "common/metrics/metrics.h"

namespace seccompd::metrics {

// Names follow facts of the Prometheus documentation (naming, promlint). Private to this folder.

inline constexpr Descriptor kBuildInfo{.name = "seccompd_build_info",
                                       .labels = "version, revision, compiler, arch",
                                       .help = "Constant 1, labelled by what was built."};
inline constexpr Descriptor kReady{
    .name = "seccompd_ready",
    .help = "Whether the first complete sync was done; stays 1 afterwards."};
inline constexpr Descriptor kConfigReloadOk{
    .name = "seccompd_config_last_reload_successful",
    .help = "Whether the configuration file could be used when it was last read."};
inline constexpr Descriptor kConfigLastSuccess{
    .name = "seccompd_config_last_reload_success_timestamp_seconds",
    .help = "Unix time of the last use of a new configuration file."};

inline constexpr Descriptor kProfilesDesired{
    .name = "seccompd_profiles_desired",
    .help = "Profiles that the sources ask for on this node.",
    .detail = true};
inline constexpr Descriptor kProfiles{
    .name = "seccompd_profiles", .labels = "state", .help = "Desired profiles by state."};
inline constexpr Descriptor kProfilesOrphaned{
    .name = "seccompd_profiles_orphaned",
    .help = "Installed profiles that no source asks for any more and that are not yet removed."};
inline constexpr Descriptor kRemovalsHeld{
    .name = "seccompd_profile_removals_held",
    .help = "Removals held back because too many profiles vanished from the sources at once."};
inline constexpr Descriptor kProfilesHash{
    .name = "seccompd_profiles_hash",
    .help = "48 bits of a hash of the installed set; equal on nodes with the same set."};
inline constexpr Descriptor kProfileInvalid{.name = "seccompd_profile_invalid",
                                            .labels = "source, profile, reason",
                                            .help = "1 for each refused profile, up to a limit."};
inline constexpr Descriptor kProfileInvalidDropped{
    .name = "seccompd_profile_invalid_dropped",
    .help = "Refused profiles without a series of their own because of the limit."};
inline constexpr Descriptor kProfileWrites{.name = "seccompd_profile_writes_total",
                                           .type = Type::kCounter,
                                           .labels = "operation",
                                           .help = "Profile files written or removed.",
                                           .detail = true};
inline constexpr Descriptor kProfileWriteErrors{
    .name = "seccompd_profile_write_errors_total",
    .type = Type::kCounter,
    .labels = "operation",
    .help = "Profile files that could not be written or removed."};
inline constexpr Descriptor kProfileDrifts{
    .name = "seccompd_profile_drifts_total",
    .type = Type::kCounter,
    .labels = "kind",
    .help = "Installed files found changed by something else."};

inline constexpr Descriptor kProfileWeakenings{
    .name = "seccompd_profile_weakenings_total",
    .type = Type::kCounter,
    .help = "Updates that permit more than the revision in force, refused ones included."};

inline constexpr Descriptor kSyncs{.name = "seccompd_syncs_total",
                                   .type = Type::kCounter,
                                   .help = "Reconciliations of the sources with the disk.",
                                   .detail = true};
inline constexpr Descriptor kSyncFailures{.name = "seccompd_sync_failures_total",
                                          .type = Type::kCounter,
                                          .help = "Reconciliations that failed in part."};
inline constexpr Descriptor kSyncSeconds{.name = "seccompd_sync_duration_seconds",
                                         .type = Type::kHistogram,
                                         .help = "Time of a reconciliation."};
inline constexpr Descriptor kSyncLastSuccess{
    .name = "seccompd_sync_last_success_timestamp_seconds",
    .help = "Unix time of the last complete reconciliation."};

inline constexpr Descriptor kContainers{
    .name = "seccompd_containers",
    .labels = "expected, verdict, evidence",
    .help = "Running containers by what they ask for and what was found."};
inline constexpr Descriptor kViolation{
    .name = "seccompd_container_violation",
    .labels = "namespace, pod, container, uid, expected, verdict, evidence",
    .help = "1 for each container that is not as it should be, worst first, up to a limit."};
inline constexpr Descriptor kViolationsDropped{
    .name = "seccompd_container_violations_dropped",
    .help = "Violating containers without a series of their own because of the limit."};
inline constexpr Descriptor kViolations{.name = "seccompd_violations_total",
                                        .type = Type::kCounter,
                                        .labels = "expected, verdict, evidence",
                                        .help = "Containers newly found in violation.",
                                        .detail = true};
inline constexpr Descriptor kUnserved{
    .name = "seccompd_unserved_references",
    .labels = "reason",
    .help = "Containers whose localhostProfile has no file on this node."};
inline constexpr Descriptor kInvalidReferenced{
    .name = "seccompd_profiles_invalid_referenced",
    .help =
        "Refused profiles that containers on this node ask for; nodes born later have no file."};
inline constexpr Descriptor kProcesses{
    .name = "seccompd_processes",
    .labels = "mode",
    .help = "Processes in containers by the kernel's seccomp mode.",
    .detail = true};
inline constexpr Descriptor kEvidence{
    .name = "seccompd_evidence",
    .labels = "evidence",
    .help = "1 for the evidence level that the last audit worked at."};
inline constexpr Descriptor kProfileContainers{
    .name = "seccompd_profile_containers",
    .labels = "profile, verdict",
    .help =
        "Containers that ask for a profile by what was found, for profiles in use, up to a "
        "limit.",
    .detail = true};
inline constexpr Descriptor kProfileContainersDropped{
    .name = "seccompd_profile_containers_dropped",
    .help = "Profiles in use without series of their own because of the limit.",
    .detail = true};
inline constexpr Descriptor kCheckContainers{
    .name = "seccompd_check_containers",
    .labels = "check, result",
    .help = "Containers by whether they block every call of a check."};
inline constexpr Descriptor kCheckPage{
    .name = "seccompd_check_page",
    .labels = "check",
    .help = "1 for a check marked `page: true`: a container that permits it wakes somebody."};
inline constexpr Descriptor kCheckViolations{
    .name = "seccompd_check_violations_total",
    .type = Type::kCounter,
    .labels = "check",
    .help = "Containers newly found not to block every call of a check."};
inline constexpr Descriptor kBelowFloor{
    .name = "seccompd_containers_below_floor",
    .help = "Containers whose loaded filter permits what policy.floor refuses."};
inline constexpr Descriptor kExempt{
    .name = "seccompd_containers_exempt",
    .help = "Containers that would be findings, were they not exempt by the configuration."};
inline constexpr Descriptor kExemptionsExpired{
    .name = "seccompd_exemptions_expired",
    .help = "Exemptions of the configuration that have expired."};
inline constexpr Descriptor kEndedUnjudged{
    .name = "seccompd_containers_ended_unjudged_total",
    .type = Type::kCounter,
    .help = "Containers that ended before they could be judged."};
inline constexpr Descriptor kAudits{.name = "seccompd_audits_total",
                                    .type = Type::kCounter,
                                    .help = "Audit passes.",
                                    .detail = true};
inline constexpr Descriptor kAuditFailures{.name = "seccompd_audit_failures_total",
                                           .type = Type::kCounter,
                                           .help = "Audit passes that did not see everything."};
inline constexpr Descriptor kAuditSeconds{.name = "seccompd_audit_duration_seconds",
                                          .type = Type::kHistogram,
                                          .help = "Time of an audit pass."};
inline constexpr Descriptor kAuditLastSuccess{
    .name = "seccompd_audit_last_success_timestamp_seconds",
    .help = "Unix time of the last complete audit pass."};
inline constexpr Descriptor kScanned{.name = "seccompd_audit_processes_scanned",
                                     .help = "Processes examined by the last audit pass.",
                                     .detail = true};
inline constexpr Descriptor kUnresolved{.name = "seccompd_containers_unresolved",
                                        .help = "Containers of pods that no source knows."};

inline constexpr Descriptor kNodeUnsupported{
    .name = "seccompd_node_unsupported",
    .help = "Whether this is a node where the agent does nothing, such as Windows or Autopilot."};
inline constexpr Descriptor kNodeGateOpen{
    .name = "seccompd_node_gate_open",
    .help = "1 once this node's start-up taint is gone, or where none is used."};
inline constexpr Descriptor kPropagationSeconds{
    .name = "seccompd_propagation_duration_seconds",
    .type = Type::kHistogram,
    .help = "From the arrival of a changed ConfigMap to its files being in place."};
inline constexpr Descriptor kWatchEvents{.name = "seccompd_watch_events_total",
                                         .type = Type::kCounter,
                                         .labels = "resource, event",
                                         .help = "Watch events received.",
                                         .detail = true};
inline constexpr Descriptor kWatchRestarts{.name = "seccompd_watch_restarts_total",
                                           .type = Type::kCounter,
                                           .labels = "resource, reason",
                                           .help = "Watches opened again.",
                                           .detail = true};
inline constexpr Descriptor kRelists{.name = "seccompd_relists_total",
                                     .type = Type::kCounter,
                                     .labels = "resource, reason",
                                     .help = "Whole collections asked for.",
                                     .detail = true};
inline constexpr Descriptor kWatchLastActivity{
    .name = "seccompd_watch_last_activity_timestamp_seconds",
    .labels = "resource",
    .help = "Unix time of the last byte of the quietest watch, bookmarks included."};
inline constexpr Descriptor kCacheObjects{.name = "seccompd_cache_objects",
                                          .labels = "resource",
                                          .help = "Objects kept in memory.",
                                          .detail = true};
inline constexpr Descriptor kEventsEmitted{.name = "seccompd_events_emitted_total",
                                           .type = Type::kCounter,
                                           .labels = "reason",
                                           .help = "Kubernetes Events written.",
                                           .detail = true};
inline constexpr Descriptor kEventsDropped{
    .name = "seccompd_events_dropped_total",
    .type = Type::kCounter,
    .labels = "reason",
    .help = "Kubernetes Events not written: beyond the budget, not sampled, or refused.",
    .detail = true};
inline constexpr Descriptor kApiRequests{.name = "rest_client_requests_total",
                                         .type = Type::kCounter,
                                         .labels = "code, method, host",
                                         .help = "Requests to the API server or the kubelet."};
inline constexpr Descriptor kApiSeconds{.name = "rest_client_request_duration_seconds",
                                        .type = Type::kHistogram,
                                        .labels = "verb, host",
                                        .help = "Time to the head of an answer, without watches."};
inline constexpr Descriptor kApiRetries{.name = "rest_client_request_retries_total",
                                        .type = Type::kCounter,
                                        .labels = "code, verb, host",
                                        .help = "Requests sent again.",
                                        .detail = true};
inline constexpr Descriptor kTokenReloads{.name = "seccompd_token_reloads_total",
                                          .type = Type::kCounter,
                                          .help = "Service account tokens taken into use.",
                                          .detail = true};
inline constexpr Descriptor kCaReloads{.name = "seccompd_ca_reloads_total",
                                       .type = Type::kCounter,
                                       .help = "Cluster CAs taken into use.",
                                       .detail = true};

inline constexpr Descriptor kHttpRequests{.name = "seccompd_http_requests_total",
                                          .type = Type::kCounter,
                                          .labels = "handler, code",
                                          .help = "Requests to the agent's own HTTP server.",
                                          .detail = true};
inline constexpr Descriptor kLoopLag{
    .name = "seccompd_event_loop_lag_seconds",
    .help = "Longest time in the last minute that a due event had to wait for the loop."};

inline constexpr Descriptor kCpu{.name = "process_cpu_seconds_total",
                                 .type = Type::kCounter,
                                 .help = "User and system CPU time spent."};
inline constexpr Descriptor kStartTime{.name = "process_start_time_seconds",
                                       .help = "Unix time at which the process started."};
inline constexpr Descriptor kVirtualMemory{
    .name = "process_virtual_memory_bytes", .help = "Virtual memory size.", .detail = true};
inline constexpr Descriptor kVirtualMemoryMax{.name = "process_virtual_memory_max_bytes",
                                              .help = "Limit of the virtual memory size.",
                                              .detail = true};
inline constexpr Descriptor kResidentMemory{.name = "process_resident_memory_bytes",
                                            .help = "Resident memory size."};
inline constexpr Descriptor kOpenFds{.name = "process_open_fds", .help = "Open file descriptors."};
inline constexpr Descriptor kMaxFds{
    .name = "process_max_fds", .help = "Limit of open file descriptors.", .detail = true};
inline constexpr Descriptor kNetworkReceive{
    .name = "process_network_receive_bytes_total",
    .type = Type::kCounter,
    .help = "Bytes received in the network namespace of the process.",
    .detail = true};
inline constexpr Descriptor kNetworkTransmit{
    .name = "process_network_transmit_bytes_total",
    .type = Type::kCounter,
    .help = "Bytes sent in the network namespace of the process.",
    .detail = true};

// In the order of a scrape.
inline constexpr std::array kTable = {kBuildInfo,
                                      kReady,
                                      kConfigReloadOk,
                                      kConfigLastSuccess,
                                      kProfilesDesired,
                                      kProfiles,
                                      kProfilesOrphaned,
                                      kRemovalsHeld,
                                      kProfilesHash,
                                      kProfileInvalid,
                                      kProfileInvalidDropped,
                                      kProfileWrites,
                                      kProfileWriteErrors,
                                      kProfileDrifts,
                                      kProfileWeakenings,
                                      kSyncs,
                                      kSyncFailures,
                                      kSyncSeconds,
                                      kSyncLastSuccess,
                                      kContainers,
                                      kViolation,
                                      kViolationsDropped,
                                      kViolations,
                                      kUnserved,
                                      kInvalidReferenced,
                                      kProcesses,
                                      kEvidence,
                                      kProfileContainers,
                                      kProfileContainersDropped,
                                      kCheckContainers,
                                      kCheckPage,
                                      kCheckViolations,
                                      kBelowFloor,
                                      kExempt,
                                      kExemptionsExpired,
                                      kEndedUnjudged,
                                      kAudits,
                                      kAuditFailures,
                                      kAuditSeconds,
                                      kAuditLastSuccess,
                                      kScanned,
                                      kUnresolved,
                                      kNodeUnsupported,
                                      kNodeGateOpen,
                                      kPropagationSeconds,
                                      kWatchEvents,
                                      kWatchRestarts,
                                      kRelists,
                                      kWatchLastActivity,
                                      kCacheObjects,
                                      kEventsEmitted,
                                      kEventsDropped,
                                      kApiRequests,
                                      kApiSeconds,
                                      kApiRetries,
                                      kTokenReloads,
                                      kCaReloads,
                                      kHttpRequests,
                                      kLoopLag,
                                      kCpu,
                                      kStartTime,
                                      kVirtualMemory,
                                      kVirtualMemoryMax,
                                      kResidentMemory,
                                      kOpenFds,
                                      kMaxFds,
                                      kNetworkReceive,
                                      kNetworkTransmit};

}  // namespace seccompd::metrics
