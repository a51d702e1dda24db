// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include "agent/cli/audit.h"
#include "agent/cli/live_target.h"
#include "common/audit/installed.h"
#include "common/document/document.h"

namespace seccompd::agent {

struct InspectOptions {
  std::string target;  // pid:N, cri:ID or [NS/]POD
  LiveTargetOptions live;
  AuditOptions audit;                              // of a pass of our own where no agent answers
  std::function<base::Result<PodRecords>()> pods;  // for that pass
  bool json = false;
  bool colour = false;
};

// `seccompd inspect`: everything known about one container, from the running agent or, without one,
// from a pass of this process. 0: no finding; 1: there is one; 2: wrong use, or no such container.
int RunInspect(const InspectOptions& options, std::ostream& out, std::ostream& err);

// One container of an audit report (its JSON, as an older or newer agent may have written it, too),
// with its profile's row of the agent's status and the revisions of that profile in the ledger
// (null: not known). Names are escaped.
struct Inspection {
  const document::Node& report;
  const document::Node& row;
  const document::Node* profile = nullptr;
  const audit::InstalledProfile* history = nullptr;
};
[[nodiscard]] std::string RenderInspection(const Inspection& inspection,
                                           std::string_view seccomp_root, bool colour);

// A document as compact JSON.
[[nodiscard]] std::string RenderNode(const document::Node& node);

}  // namespace seccompd::agent
