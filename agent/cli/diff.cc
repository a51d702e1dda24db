// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/diff.h"

#include <ostream>
#include <utility>

#include "agent/cli/diff_report.h"
#include "common/bpf/cause.h"
#include "common/bpf/compare.h"
#include "common/bpf/compile.h"
#include "common/bpf/decide.h"
#include "common/bpf/runc_stub.h"

namespace seccompd::agent {
namespace {

constexpr int kExitSame = 0;
constexpr int kExitDifferent = 1;
constexpr int kExitUsage = 2;

DiffSide SideOf(Target& target, const bpf::Workspace& workspace, bpf::Diagram diagram) {
  DiffSide side{.name = std::move(target.name),
                .notes = std::move(target.notes),
                .instructions = {},
                .fingerprint = workspace.Fingerprint(diagram).Hex()};
  for (const bpf::Program& program : target.stack) side.instructions.push_back(program.size());
  return side;
}

base::Result<DiffReport> Compared(const DiffOptions& options, const TargetSettings& settings) {
  TargetSettings second = settings;
  if (options.a == "-") second.in = nullptr;
  TRY_ASSIGN(Target a, ResolveTarget(options.a, settings));
  TRY_ASSIGN(Target b, ResolveTarget(options.b, second));
  bpf::Workspace workspace;
  TRY_ASSIGN(const bpf::Diagram from, workspace.Decide(a.stack));
  TRY_ASSIGN(const bpf::Diagram to, workspace.Decide(b.stack));
  bpf::CompareOptions compare;
  for (const Target* target : {&a, &b}) {
    if (!target->profile) continue;
    const auto last = bpf::LastSyscalls(*target->profile, settings.node.arch, *settings.table);
    compare.last_syscalls.insert(compare.last_syscalls.end(), last.begin(), last.end());
    break;  // the tail of the one is judged by what the other names
  }
  DiffReport report;
  TRY_ASSIGN(report.comparison, bpf::Compare(workspace, from, to, compare));
  report.rows = RowsOf(report.comparison, settings.node.arch, *settings.table);
  if (a.profile && report.comparison.relation != bpf::Relation::kEqual) {
    const seccomp::Arch native = settings.node.arch;
    report.causes = bpf::FindCauses(
        workspace, to, report.comparison,
        {.asked = *a.profile,
         .text = a.text,
         .native = native,
         .table = *settings.table,
         .compile = [native](const seccomp::Profile& p) { return bpf::Compile(p, native); }});
  }
  report.a = SideOf(a, workspace, from);
  report.b = SideOf(b, workspace, to);
  report.fails_on_any = options.fail_on == DiffFailOn::kAny;
  report.fails_on_weaker = options.fail_on != DiffFailOn::kNone;
  return report;
}

}  // namespace

int RunDiff(const DiffOptions& options, const TargetSettings& settings, std::ostream& out,
            std::ostream& err) {
  const auto report = Compared(options, settings);
  if (!report) {
    err << "seccompd diff: " << report.error().message << "\n";
    return bpf::IsUndecided(report.error()) ? kExitDifferent : kExitUsage;
  }
  out << (options.json ? RenderJson(*report) : RenderText(*report, options.colour)) << std::flush;
  return report->Fails() ? kExitDifferent : kExitSame;
}

}  // namespace seccompd::agent
