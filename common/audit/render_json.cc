// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "common/audit/report.h"
#include "common/document/json_writer.h"

namespace seccompd::audit {
namespace {

using document::JsonWriter;

std::string_view AskedKindName(AskedKind kind) {
  switch (kind) {
    case AskedKind::kRuntimeDefault:
      return "RuntimeDefault";
    case AskedKind::kLocalhost:
      return "Localhost";
    case AskedKind::kUnconfined:
      return "Unconfined";
    case AskedKind::kUndecided:
      return "undecided";
    case AskedKind::kInvalid:
      return "invalid";
  }
  return "undecided";
}

std::string DigestText(const std::optional<base::Digest>& digest) {
  return digest ? "sha256:" + digest->Hex() : std::string();
}

void WriteConfinement(JsonWriter& json, const std::optional<OwnConfinement>& own) {
  if (!own) return json.Null("confinement");
  json.Key("confinement");
  json.Open('{');
  json.Text("permitted", fmt::format("{:016x}", own->permitted));
  json.Text("effective", fmt::format("{:016x}", own->effective));
  json.Text("bounding", fmt::format("{:016x}", own->bounding));
  json.Flag("no_new_privs", own->no_new_privs);
  json.Number("seccomp_mode", own->seccomp_mode);
  json.Number("seccomp_filters", own->seccomp_filters);
  json.Close('}');
}

void WriteExemption(JsonWriter& json, const Exemption& exemption) {
  json.Open('{');
  json.Text("namespace", exemption.namespace_name);
  json.Text("workload", exemption.workload);
  json.Text("container", exemption.container);
  json.Text("reason", exemption.reason);
  json.Text("owner", exemption.owner);
  json.Time("expires", exemption.expires);
  json.Close('}');
}

void WritePolicy(JsonWriter& json, const PassFacts& facts) {
  json.Key("policy");
  json.Open('{');
  json.Text("floor", FloorText(facts.policy.floor));
  json.Text("exemptions_digest", DigestText(DigestOf(facts.policy.exemptions)));
  json.Key("exemptions");
  json.Open('[');
  for (const Exemption& exemption : facts.policy.exemptions) WriteExemption(json, exemption);
  json.Close(']');
  json.Close('}');
  json.Key("checks");
  json.Open('{');
  json.Text("digest", DigestText(facts.checks.digest));
  json.Key("list");
  json.Open('[');
  for (const Check& check : facts.checks.checks) {
    json.Open('{');
    json.Text("name", check.name);
    json.Text("origin", check.origin);
    json.Key("calls");
    json.Open('[');
    for (const bpf::CallPattern& call : check.calls) json.Text(call.name);
    json.Close(']');
    json.Close('}');
  }
  json.Close(']');
  json.Close('}');
}

void WriteRowPolicy(JsonWriter& json, const PassFacts& facts, const Row& row) {
  json.Key("checks");
  json.Open('[');
  for (std::size_t i = 0; i < row.checks.size() && i < facts.checks.checks.size(); ++i) {
    json.Open('{');
    json.Text("name", facts.checks.checks[i].name);
    json.Text("result", bpf::Name(row.checks[i].result));
    json.Key("open");
    json.Open('[');
    for (const std::string& call : row.checks[i].open) json.Text(call);
    json.Close(']');
    json.Close('}');
  }
  json.Close(']');
  json.OptionalText("floor", row.floor ? FloorResultName(row.floor->result) : "");
  json.OptionalText("floor_difference", row.floor ? row.floor->difference : "");
  json.Flag("exempt", row.exempt);
  if (!row.exemption) return json.Null("exemption");
  json.Key("exemption");
  WriteExemption(json, *row.exemption);
}

void WriteNode(JsonWriter& json, const PassFacts& facts) {
  json.OptionalText("cluster_uid", facts.cluster_uid);
  json.OptionalText("cluster_uid_unknown",
                    facts.cluster_uid.empty() ? facts.cluster_uid_unknown : "");
  json.Key("node");
  json.Open('{');
  json.OptionalText("name", facts.node_name);
  json.OptionalText("uid", facts.node_uid);
  json.OptionalText("boot_id", facts.boot_id);
  json.OptionalText("kernel", facts.kernel);
  json.OptionalText("os", facts.os);
  json.OptionalText("arch", facts.arch);
  json.OptionalText("runtime", facts.runtime);
  json.Text("default", NodeDefaultName(facts.node_default));
  json.Flag("default_inferred", facts.node_default_inferred);
  json.Close('}');
  json.Key("agent");
  json.Open('{');
  json.OptionalText("version", facts.agent_version);
  json.OptionalText("image", facts.agent_image);
  json.OptionalText("image_unknown", facts.agent_image.empty() ? facts.agent_image_unknown : "");
  WriteConfinement(json, facts.confinement);
  json.Close('}');
}

void WriteCounts(JsonWriter& json, const Report& report) {
  const Counts& counts = report.counts;
  json.Key("counts");
  json.Open('{');
  json.Number("found", counts.found);
  json.Number("judged", counts.judged);
  json.Number("unknown", counts.unknown);
  json.Number("not_applicable", counts.not_applicable);
  json.Number("unresolved", counts.unresolved);
  json.Number("findings", counts.alarms + report.findings.size());
  json.Number("ended_unjudged", report.facts.ended_unjudged);
  json.Number("exempt", counts.exempt);
  json.Number("below_floor", counts.below_floor);
  json.Number("processes", report.facts.processes);
  json.Key("verdicts");
  json.Open('{');
  for (const Verdict verdict : kVerdicts) json.Number(VerdictName(verdict), counts.Of(verdict));
  json.Close('}');
  json.Close('}');
}

void WriteAskedAndLoaded(JsonWriter& json, const Row& row) {
  json.Key("asked");
  json.Open('{');
  json.Text("kind", AskedKindName(row.asked.kind));
  json.Text("level", AskedLevelName(row.asked.level));
  json.OptionalText("path", row.asked.path);
  json.OptionalNumber("revision", row.judgement.asked_revision);
  json.OptionalText("digest", DigestText(row.judgement.asked_digest));
  json.OptionalText("fingerprint", DigestText(row.judgement.asked_fingerprint));
  json.Flag("privileged", row.asked.privileged);
  json.Close('}');
  if (row.judgement.told_digest) {
    json.Key("told");
    json.Open('{');
    json.Text("digest", DigestText(row.judgement.told_digest));
    json.OptionalText("fingerprint", DigestText(row.judgement.told_fingerprint));
    json.Close('}');
  } else {
    json.Null("told");
  }
  const Loaded& loaded = row.judgement.loaded;
  json.Key("loaded");
  json.Open('{');
  json.Text("mode", LoadedModeName(loaded.mode));
  json.OptionalNumber("filters", loaded.filters);
  json.OptionalNumber("revision", loaded.revision);
  json.OptionalText("fingerprint", DigestText(loaded.fingerprint));
  json.Number("own_filters", loaded.own_filters);
  json.OptionalText("same_as", loaded.same_as);
  json.Flag("runc_enosys", loaded.runc_enosys);
  json.OptionalFlag("no_new_privs", loaded.no_new_privs);
  json.Close('}');
}

void WriteWitness(JsonWriter& json, const std::optional<Witness>& witness) {
  if (!witness) return json.Null("witness");
  json.Key("witness");
  json.Open('{');
  json.Number("pid", witness->pid);
  json.Number("tid", witness->tid);
  json.Number("start_ticks", witness->start_ticks);
  json.Text("comm", witness->comm);
  json.Close('}');
}

void WriteThreadsAndCauses(JsonWriter& json, const Judgement& judgement) {
  if (judgement.threads) {
    json.Key("threads");
    json.Open('{');
    json.Number("total", judgement.threads->total);
    json.Number("same", judgement.threads->same);
    json.Close('}');
  } else {
    json.Null("threads");
  }
  json.Key("causes");
  json.Open('[');
  for (const bpf::CauseFound& found : judgement.causes) {
    json.Open('{');
    json.Text("cause", bpf::Name(found.cause));
    json.Text("detail", found.detail);
    json.Text("text", bpf::Sentence(found.cause));
    json.Close('}');
  }
  json.Close(']');
}

void WriteRow(JsonWriter& json, const PassFacts& facts, const Row& row) {
  const Judgement& judgement = row.judgement;
  json.Open('{');
  json.OptionalText("namespace", row.namespace_name);
  json.OptionalText("pod", row.pod);
  json.OptionalText("pod_uid", row.pod_uid);
  json.OptionalText("container", row.container);
  json.OptionalText("kind", row.kind ? WorkloadKindName(*row.kind) : "");
  json.Text("naming", NamingName(row.naming));
  json.OptionalText("owner", row.owner);
  json.OptionalText("runtime_class", row.runtime_class);
  json.OptionalText("container_id", row.container_id);
  json.OptionalText("image_id", row.image_id);
  json.OptionalText("cgroup", row.cgroup_path);
  json.Number("processes", row.processes);
  WriteAskedAndLoaded(json, row);
  json.Text("verdict", VerdictName(judgement.verdict));
  json.OptionalText("missing", judgement.missing ? VerdictName(*judgement.missing) : "");
  json.OptionalText("reason", ReasonName(judgement.reason));
  json.OptionalText("why", judgement.why);
  json.OptionalText("difference", judgement.filter_witness);
  WriteThreadsAndCauses(json, judgement);
  json.Text("evidence", EvidenceName(judgement.evidence));
  json.Flag("finding", judgement.alarm);
  json.Time("since", judgement.since);
  WriteWitness(json, judgement.witness);
  WriteRowPolicy(json, facts, row);
  json.Close('}');
}

void WriteFinding(JsonWriter& json, const Finding& finding) {
  json.Open('{');
  json.Text("kind", FindingKindName(finding.kind));
  json.OptionalText("namespace", finding.namespace_name);
  json.Text("pod", finding.pod);
  json.Text("container", finding.container);
  json.Text("path", finding.path);
  json.OptionalText("nearest", finding.nearest);
  json.Text("state", finding.state);
  json.Time("since", finding.since);
  json.Close('}');
}

}  // namespace

std::string RenderJson(const Report& report) {
  JsonWriter json;
  json.Open('{');
  json.Text("schema", kReportSchema);
  WriteNode(json, report.facts);
  json.Text("evidence", EvidenceName(report.facts.evidence));
  json.Time("start", report.facts.start);
  json.Time("end", report.facts.end);
  json.Flag("complete", report.facts.complete);
  json.Key("notes");
  json.Open('[');
  for (const std::string& note : report.facts.notes) json.Text(note);
  json.Close(']');
  WritePolicy(json, report.facts);
  WriteCounts(json, report);
  json.Key("containers");
  json.Open('[');
  for (const Row& row : report.rows) WriteRow(json, report.facts, row);
  json.Close(']');
  json.Key("findings");
  json.Open('[');
  for (const Finding& finding : report.findings) WriteFinding(json, finding);
  json.Close(']');
  json.Key("restarts");
  json.Open('[');
  for (const RestartHint& hint : report.restarts) {
    json.Open('{');
    json.Text("namespace", hint.namespace_name);
    json.Text("command", hint.command);
    json.Close('}');
  }
  json.Close(']');
  json.Close('}');
  return std::move(json).Take() + "\n";
}

}  // namespace seccompd::audit
