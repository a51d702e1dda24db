// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/base/text_table.h"
#include "common/document/json_writer.h"

namespace seccompd::agent {
namespace {

using document::JsonWriter;

std::vector<StatusProfile> ProfilesOf(const NodeState& state) {
  std::map<std::string_view, std::size_t> used;
  std::map<std::string_view, std::map<std::uint32_t, std::size_t>> loaded;
  if (state.audit) {
    for (const audit::Row& row : state.audit->rows) {
      if (row.asked.kind != audit::AskedKind::kLocalhost) continue;
      ++used[row.asked.path];
      if (row.judgement.loaded.revision) {
        ++loaded[row.asked.path][*row.judgement.loaded.revision];
      }
    }
    for (const audit::Finding& finding : state.audit->findings) {
      if (finding.state != "running") ++used[finding.path];
    }
  }
  std::vector<StatusProfile> profiles;
  for (const install::ProfileRow& row : state.profiles) {
    StatusProfile profile{.path = row.path,
                          .state = row.state,
                          .revision = row.revision,
                          .digest = row.revision == 0 ? "" : "sha256:" + row.digest.Hex(),
                          .since = row.since,
                          .origin = row.origin,
                          .note = row.note,
                          .used = used[row.path],
                          .older = loaded[row.path]};
    profile.older.erase(row.revision);
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

StatusSource SourceOf(const WatchHealth& watch, base::MonoTime now) {
  StatusSource source;
  source.name = watch.resource;
  if (!watch.namespace_name.empty()) source.name += " of " + watch.namespace_name;
  switch (watch.health.state) {
    case kube::CollectionState::kWaiting:
      source.state = "waiting";
      break;
    case kube::CollectionState::kListing:
      source.state = "listing";
      break;
    case kube::CollectionState::kOpening:
      source.state = "opening";
      break;
    case kube::CollectionState::kWatching:
      source.state = "watching";
      break;
  }
  if (watch.health.forbidden) source.state = "forbidden";
  if (watch.health.last_byte) {
    source.idle =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - *watch.health.last_byte);
  }
  source.problem = watch.health.last_error;
  return source;
}

std::vector<StatusSource> SourcesOf(const NodeState& state, const RunConfig& config,
                                    base::MonoTime now) {
  std::vector<StatusSource> sources;
  StatusSource profiles{.name = config.source, .state = "ok", .idle = {}, .problem = {}};
  if (!state.source_complete || !state.source_problems.empty()) profiles.state = "problem";
  if (!state.source_problems.empty()) {
    const SourceProblem& first = state.source_problems.front();
    profiles.problem = first.path + ": " + first.error.message;
  }
  sources.push_back(std::move(profiles));
  if (!state.pod_source_problem.empty()) {
    sources.push_back({.name = "pods " + config.pods,
                       .state = "problem",
                       .idle = {},
                       .problem = state.pod_source_problem});
  }
  for (const WatchHealth& watch : state.watches) sources.push_back(SourceOf(watch, now));
  return sources;
}

std::string ProblemOf(const NodeState& state) {
  if (state.install_error) return state.install_error->message;
  if (state.audit_error) return "audit: " + state.audit_error->message;
  if (!state.last_sync) return "the first sync is not done";
  return "";
}

bool IsBad(install::ProfileState state) {
  return state != install::ProfileState::kInstalled && state != install::ProfileState::kOrphaned;
}

std::string NoteOf(const StatusProfile& profile) {
  std::vector<std::string> notes;
  for (const auto& [revision, count] : profile.older) {
    notes.push_back(fmt::format("{} {} r{}", base::Counted(count, "container"),
                                revision < profile.revision ? "still" : "on", revision));
  }
  if (!profile.note.empty()) notes.push_back(profile.note);
  if (profile.state == install::ProfileState::kInvalid) {
    notes.push_back(profile.revision == 0
                        ? std::string("no file")
                        : fmt::format("r{} in force; NEW NODES HAVE NO FILE", profile.revision));
  }
  return base::Join(notes, "; ");
}

// A line of which something is to be looked at is yellow.
void AddTable(const AgentStatus& status, bool colour, std::string* out) {
  base::TextTable table(false);
  table.AddRow({"PROFILE", "REV", "STATE", "USED", "SINCE", "NOTE"});
  for (const StatusProfile& profile : status.profiles) {
    table.AddRow({base::Printable(profile.path),
                  profile.revision == 0 ? "-" : fmt::format("r{}", profile.revision),
                  std::string(install::ProfileStateName(profile.state)),
                  std::to_string(profile.used),
                  profile.since ? base::FormatAge(status.now - *profile.since) : "-",
                  base::Printable(NoteOf(profile))});
  }
  const std::string text = table.Render();
  const std::vector<std::string_view> lines = base::Split(text, '\n');
  *out += std::string(lines[0]) + '\n';
  for (std::size_t i = 0; i < status.profiles.size(); ++i) {
    const bool bad = IsBad(status.profiles[i].state);
    *out += base::Coloured(lines[i + 1], base::Colour::kYellow, colour && bad) + '\n';
  }
}

std::string DriftText(const AgentStatus& status) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : status.drift) total += count;
  std::string text = fmt::format("drift {}", total);
  if (status.last_drift) {
    text +=
        fmt::format(" (last: {} of {}, {} ago)", install::DriftKindName(status.last_drift->kind),
                    base::Printable(status.last_drift->path),
                    base::FormatAge(status.now - status.last_drift->time));
  }
  return text;
}

std::string SourcesText(const AgentStatus& status) {
  std::vector<std::string> texts;
  for (const StatusSource& source : status.sources) {
    std::string text = base::Printable(source.name) + " " + base::Printable(source.state);
    if (source.idle) text += ", last byte " + base::FormatAge(*source.idle) + " ago";
    if (!source.problem.empty()) text += ": " + base::Printable(source.problem);
    texts.push_back(std::move(text));
  }
  return base::Join(texts, " · ");
}

void WriteAgent(JsonWriter& json, const AgentStatus& status) {
  json.Key("agent");
  json.Open('{');
  json.Text("version", status.version);
  json.Text("node", status.node);
  json.Time("started", status.started);
  json.Text("evidence", status.evidence);
  json.Key("confinement");
  json.Open('{');
  json.Text("mode", status.confinement_mode);
  json.Flag("filter", status.confinement.filter);
  json.Number("landlock_abi", status.confinement.landlock_abi);
  json.Flag("signals_scoped", status.confinement.signals_scoped);
  json.Text("capabilities", CapabilityNames(status.confinement.capabilities));
  json.Text("bounding", CapabilityNames(status.confinement.bounding));
  json.Close('}');
  json.Text("seccomp_root", status.seccomp_root);
  json.Text("source", status.source);
  json.Text("pods", status.pods);
  json.Close('}');
}

void WriteProfiles(JsonWriter& json, const AgentStatus& status) {
  json.Key("profiles");
  json.Open('[');
  for (const StatusProfile& profile : status.profiles) {
    json.Open('{');
    json.Text("path", profile.path);
    json.Text("state", install::ProfileStateName(profile.state));
    json.Number("revision", profile.revision);
    json.OptionalText("digest", profile.digest);
    json.Time("since", profile.since);
    json.Number("used", profile.used);
    json.Key("other_revisions");
    json.Open('[');
    for (const auto& [revision, count] : profile.older) {
      json.Open('{');
      json.Number("revision", revision);
      json.Number("containers", count);
      json.Close('}');
    }
    json.Close(']');
    json.Text("origin", profile.origin);
    json.OptionalText("note", profile.note);
    json.Close('}');
  }
  json.Close(']');
}

void WriteSources(JsonWriter& json, const AgentStatus& status) {
  json.Key("sources");
  json.Open('[');
  for (const StatusSource& source : status.sources) {
    json.Open('{');
    json.Text("name", source.name);
    json.Text("state", source.state);
    json.OptionalNumber("idle_milliseconds",
                        source.idle ? std::optional(source.idle->count()) : std::nullopt);
    json.OptionalText("problem", source.problem);
    json.Close('}');
  }
  json.Close(']');
}

void WriteDriftAndAudit(JsonWriter& json, const AgentStatus& status) {
  json.Key("drift");
  json.Open('{');
  for (std::size_t i = 0; i < status.drift.size(); ++i) {
    json.Number(install::DriftKindName(static_cast<install::DriftKind>(i)), status.drift.at(i));
  }
  json.Key("last");
  json.Open('{');
  json.OptionalText("path", status.last_drift ? status.last_drift->path : "");
  json.OptionalText("kind",
                    status.last_drift ? install::DriftKindName(status.last_drift->kind) : "");
  json.Time("time", status.last_drift ? std::optional(status.last_drift->time) : std::nullopt);
  json.Close('}');
  json.Close('}');
  json.Key("audit");
  json.Open('{');
  json.Time("last", status.last_audit);
  json.Number("containers", status.containers);
  json.Number("unjudged", status.unjudged);
  json.Number("findings", status.findings);
  json.Key("verdicts");
  json.Open('{');
  for (const audit::Verdict verdict : audit::kVerdicts) {
    json.Number(audit::VerdictName(verdict), status.verdicts.at(static_cast<std::size_t>(verdict)));
  }
  json.Close('}');
  json.Close('}');
}

}  // namespace

bool AgentStatus::HasProblem() const {
  const bool bad = std::any_of(profiles.begin(), profiles.end(),
                               [](const StatusProfile& each) { return IsBad(each.state); });
  const bool away = std::any_of(sources.begin(), sources.end(), [](const StatusSource& each) {
    return !each.problem.empty() || each.state == "problem";
  });
  return !ready || !problem.empty() || bad || away;
}

AgentStatus MakeStatus(const NodeState& state, const RunConfig& config, std::string version,
                       const StatusTimes& times) {
  AgentStatus status;
  status.version = std::move(version);
  status.node = config.node_name;
  status.now = times.now;
  status.started = times.started;
  status.evidence = audit::EvidenceName(state.evidence);
  status.confinement_mode = config.confinement;
  status.confinement = state.confinement;
  status.seccomp_root = config.seccomp_root;
  status.source = config.source;
  status.pods = state.pod_source.empty() ? config.pods : state.pod_source;
  status.ready = state.Ready();
  status.problem = ProblemOf(state);
  status.sources = SourcesOf(state, config, times.mono_now);
  status.profiles = ProfilesOf(state);
  for (std::size_t i = 0; i < status.drift.size(); ++i) {
    status.drift.at(i) = state.counters.profile_drifts[static_cast<metrics::DriftKind>(i)];
  }
  status.last_drift = state.last_drift;
  status.held_removals = state.held_removals;
  status.last_audit = state.last_audit;
  if (state.audit) {
    const audit::Counts& counts = state.audit->counts;
    status.containers = counts.found;
    status.unjudged = counts.unknown;
    status.findings = counts.alarms + state.audit->findings.size();
    status.verdicts = counts.by_verdict;
  }
  return status;
}

std::string RenderStatusJson(const AgentStatus& status) {
  JsonWriter json;
  json.Open('{');
  json.Text("schema", kStatusSchema);
  json.Time("time", status.now);
  json.Flag("ready", status.ready);
  json.OptionalText("problem", status.problem);
  WriteAgent(json, status);
  WriteSources(json, status);
  WriteProfiles(json, status);
  json.Number("held_removals", status.held_removals);
  WriteDriftAndAudit(json, status);
  json.Close('}');
  return std::move(json).Take() + "\n";
}

std::string RenderStatusText(const AgentStatus& status, bool colour) {
  std::string out =
      fmt::format("agent {} up {} · evidence {} · {} · pods: {} · {}\n", status.version,
                  base::FormatAge(status.now - status.started), status.evidence,
                  Describe(status.confinement), base::Printable(status.pods), SourcesText(status));
  if (!status.problem.empty()) {
    const std::string text =
        (status.ready ? "problem: " : "NOT READY: ") + base::Printable(status.problem);
    out += colour ? "\x1b[31m" + text + "\x1b[0m\n" : text + '\n';
  }
  AddTable(status, colour, &out);
  if (status.held_removals != 0) {
    out +=
        fmt::format("{} profiles are gone from the source at once: waiting before they go here\n",
                    status.held_removals);
  }
  out += fmt::format("{} · last full audit {} · containers {} · findings {} · unjudged {}\n",
                     DriftText(status),
                     status.last_audit ? base::FormatAge(status.now - *status.last_audit) + " ago"
                                       : std::string("never"),
                     status.containers, status.findings, status.unjudged);
  return out;
}

}  // namespace seccompd::agent
