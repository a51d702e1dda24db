// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/log.h"
#include "common/audit/report.h"
#include "common/base/digest.h"
#include "common/install/apply.h"
#include "common/install/plan.h"

namespace seccompd::agent {

// The lines that prove in the morning what happened in the night (schema: agent/README.md). Every
// line has msg "change" and all members of its kind, "" where a fact is absent. Members are added,
// never removed or renamed, within one version of the schema.
inline constexpr std::string_view kChangeSchema = "seccompd.io/change/v1";

// A container's verdict, or what it rests on: its reason, evidence, revisions or fingerprint.
struct VerdictChange {
  std::string namespace_name;
  std::string pod;
  std::string pod_uid;
  std::string container;
  std::string container_id;
  std::string image_id;
  std::string from;  // a verdict, or "new"
  std::string to;    // a verdict, or "ended"
  std::string reason;
  std::string evidence;
  std::string asked;   // "web/api.json@r5"
  std::string digest;  // of the asked revision's bytes
  std::string loaded;  // "r4", "filter", "none"
  std::string fingerprint;
  std::string difference;
  std::string cause;  // "docker-fields, told-otherwise"
  bool finding = false;

  bool operator==(const VerdictChange&) const = default;
};

// The result of one check for one container.
struct CheckChange {
  std::string namespace_name;
  std::string pod;
  std::string pod_uid;
  std::string container;
  std::string container_id;
  std::string check;
  std::string from;  // a result, or "new"
  std::string to;    // a result, or "ended"

  bool operator==(const CheckChange&) const = default;
};

// Names and results of the checks of one row of a report.
using ChecksOf = std::function<std::vector<std::pair<std::string, std::string>>(
    const audit::Report&, const audit::Row&)>;

struct AuditChanges {
  std::vector<VerdictChange> verdicts;
  std::vector<CheckChange> checks;
};

// The checks of the report itself.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> ChecksOfRow(
    const audit::Report& report, const audit::Row& row);

// What one pass says otherwise than the one before (null: there was none).
[[nodiscard]] AuditChanges ChangesBetween(const audit::Report* before, const audit::Report& after,
                                          const ChecksOf& checks_of = ChecksOfRow);

void LogChange(const Log& log, const VerdictChange& change);
void LogChange(const Log& log, const CheckChange& change);

// An installed file that something else changed; `repaired` is what was done about it.
void LogTamper(const Log& log, std::string_view path, install::DriftKind kind,
               const std::optional<install::Revision>& in_force, bool repaired);

// A path's revision in force became another one, or went; `before` is the row of the last pass.
void LogRevision(const Log& log, const install::Step& step, const install::ProfileRow* before,
                 std::string_view origin);

// What a step that was done changed: a tampered file, a revision, both or neither. `before`: the
// rows of the last pass.
void LogStep(const Log& log, const install::Step& step, std::span<const install::ProfileRow> before,
             std::string_view origin);

}  // namespace seccompd::agent
