// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <utility>

#include "agent/cli/explain_report.h"
#include "common/base/strings.h"
#include "common/bpf/call_pattern.h"
#include "common/bpf/layout.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::agent {
namespace {

using base::Result;
using bpf::DecidedRange;
using seccomp::Arch;

constexpr int kExitTold = 0;
constexpr int kExitFindings = 1;
constexpr int kExitUsage = 2;

bool IsCritical(std::string_view name) {
  const auto critical = seccomp::CriticalSyscalls();
  return std::find(critical.begin(), critical.end(), name) != critical.end();
}

// x86_64 and x32 share one AUDIT_ARCH and split its numbers.
bool InAbi(Arch arch, std::uint32_t nr) {
  const bool x32 = nr >= seccomp::kX32Bit && nr < 2 * seccomp::kX32Bit;
  if (arch == Arch::kX32) return x32;
  return arch != Arch::kX86_64 || !x32;
}

// All numbers of one architecture, by name where there is one.
class ArchReader {
 public:
  ArchReader(Arch arch, const std::vector<DecidedRange>& ranges, const seccomp::SyscallTable& table)
      : arch_(arch), ranges_(ranges) {
    for (const std::string_view name : table.Names(arch)) {
      const auto number = table.Number(arch, name);
      if (number && *number >= 0) named_.emplace(static_cast<std::uint32_t>(*number), name);
    }
  }

  ExplainedArch Read() const {
    ExplainedArch explained{.arch = arch_, .summary = false, .calls = {}, .unnamed = {}};
    for (const auto& [nr, name] : named_) {
      explained.calls.push_back({.name = std::string(name),
                                 .nr = nr,
                                 .critical = IsCritical(name),
                                 .outcomes = RangeOf(nr).outcomes});
    }
    std::stable_sort(explained.calls.begin(), explained.calls.end(),
                     [](const auto& a, const auto& b) { return a.critical > b.critical; });
    for (const DecidedRange& range : ranges_) AddUnnamed(range, explained.unnamed);
    return explained;
  }

 private:
  [[nodiscard]] const DecidedRange& RangeOf(std::uint32_t nr) const {
    return *std::partition_point(ranges_.begin(), ranges_.end(),
                                 [nr](const DecidedRange& range) { return range.last_nr < nr; });
  }

  // The numbers of the range that have no name, from the first to the last, joined with what came
  // before if that is decided alike.
  void AddUnnamed(const DecidedRange& range, std::vector<UnnamedNumbers>& unnamed) const {
    std::uint64_t first = range.first_nr;
    std::uint64_t last = range.last_nr;
    const auto skip = [&](std::uint64_t nr) {
      const auto number = static_cast<std::uint32_t>(nr);
      return !InAbi(arch_, number) || std::any_of(named_.begin(), named_.end(),
                                                  [&](const auto& n) { return n.first == number; });
    };
    // The other ABI of x86_64 is one block of numbers: stepped over, not walked through.
    if (arch_ == Arch::kX32) {
      first = std::max<std::uint64_t>(first, seccomp::kX32Bit);
      last = std::min<std::uint64_t>(last, 2ULL * seccomp::kX32Bit - 1);
    } else if (arch_ == Arch::kX86_64 && first < seccomp::kX32Bit && last >= seccomp::kX32Bit) {
      last = seccomp::kX32Bit - 1;
    } else if (arch_ == Arch::kX86_64 && first >= seccomp::kX32Bit) {
      return;  // bit 30 or 31: no system call of this ABI
    }
    while (first <= last && skip(first)) ++first;
    while (first < last && skip(last)) --last;
    if (first > last) return;
    if (!unnamed.empty() && unnamed.back().outcomes == range.outcomes) {
      unnamed.back().last = static_cast<std::uint32_t>(last);
      return;
    }
    unnamed.push_back({.first = static_cast<std::uint32_t>(first),
                       .last = static_cast<std::uint32_t>(last),
                       .outcomes = range.outcomes});
  }

  Arch arch_;
  const std::vector<DecidedRange>& ranges_;
  std::map<std::uint32_t, std::string_view> named_;
};

struct Question {
  const ExplainOptions& options;
  const TargetSettings& settings;
  bpf::Workspace& workspace;
  bpf::Diagram diagram;
};

Result<> ExplainArchs(const Question& question, ExplainReport& report) {
  std::vector<Arch> archs = question.options.archs;
  const bool chosen = !archs.empty();
  if (!chosen) archs = bpf::EnterableArchs(question.settings.node.arch);
  for (const Arch arch : archs) {
    TRY_ASSIGN(const auto ranges,
               bpf::Explain(question.workspace, question.diagram, seccomp::AuditArch(arch)));
    ExplainedArch explained = ArchReader(arch, ranges, *question.settings.table).Read();
    explained.summary = !chosen && arch != archs.front();
    report.archs.push_back(std::move(explained));
  }
  return {};
}

// Calls by name, on every architecture that has them.
Result<> ExplainNamed(const Question& question, ExplainReport& report) {
  std::vector<Arch> archs = question.options.archs;
  if (archs.empty()) archs = bpf::EnterableArchs(question.settings.node.arch);
  std::set<std::string> found;
  for (const Arch arch : archs) {
    ExplainedArch explained{.arch = arch, .summary = false, .calls = {}, .unnamed = {}};
    for (const std::string& name : question.options.syscalls) {
      const auto number = question.settings.table->Number(arch, name);
      if (!number || *number < 0) continue;
      found.insert(name);
      const auto nr = static_cast<std::uint32_t>(*number);
      TRY_ASSIGN(auto outcomes, bpf::ExplainSyscall(question.workspace, question.diagram,
                                                    seccomp::AuditArch(arch), nr));
      explained.calls.push_back(
          {.name = name, .nr = nr, .critical = IsCritical(name), .outcomes = std::move(outcomes)});
    }
    report.archs.push_back(std::move(explained));
  }
  for (const std::string& name : question.options.syscalls) {
    if (found.contains(name)) continue;
    const auto known = question.settings.table->Names(archs.front());
    const auto nearest = base::Nearest(name, known);
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("no system call {} here{}", base::Printable(name),
                                  nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
  }
  return {};
}

Result<> RunChecks(const Question& question, ExplainReport& report) {
  const Arch native = question.settings.node.arch;
  std::vector<bpf::CallPattern> patterns;
  if (question.options.checks) patterns = bpf::CriticalCalls(native);
  for (const std::string& text : question.options.patterns) {
    auto pattern = bpf::ParseCallPattern(text, native);
    if (!pattern) return base::Fail(base::WithContext(std::move(pattern).error(), "--check"));
    patterns.push_back(*std::move(pattern));
  }
  const std::vector<Arch> archs = bpf::EnterableArchs(native);
  for (bpf::CallPattern& pattern : patterns) {
    bpf::CheckOutcome outcome =
        bpf::Check(question.workspace, question.diagram, pattern, *question.settings.table, archs);
    report.checks.push_back({.pattern = std::move(pattern), .outcome = std::move(outcome)});
  }
  return {};
}

Result<ExplainReport> Explained(const ExplainOptions& options, const TargetSettings& settings) {
  TRY_ASSIGN(Target target, ResolveTarget(options.target, settings));
  bpf::Workspace workspace;
  TRY_ASSIGN(const bpf::Diagram diagram, workspace.Decide(target.stack));
  ExplainReport report{.target = std::move(target.name),
                       .notes = std::move(target.notes),
                       .instructions = {},
                       .fingerprint = workspace.Fingerprint(diagram).Hex(),
                       .named = !options.syscalls.empty(),
                       .archs = {},
                       .checks = {}};
  for (const bpf::Program& program : target.stack) report.instructions.push_back(program.size());
  const Question question{options, settings, workspace, diagram};
  if (options.checks || !options.patterns.empty()) {
    TRY(RunChecks(question, report));
  } else if (report.named) {
    TRY(ExplainNamed(question, report));
  } else {
    TRY(ExplainArchs(question, report));
  }
  return report;
}

}  // namespace

int RunExplain(const ExplainOptions& options, const TargetSettings& settings, std::ostream& out,
               std::ostream& err) {
  const auto report = Explained(options, settings);
  if (!report) {
    err << "seccompd explain: " << report.error().message << "\n";
    return bpf::IsUndecided(report.error()) ? kExitFindings : kExitUsage;
  }
  out << (options.json ? RenderJson(*report) : RenderText(*report, options.colour)) << std::flush;
  return report->HasFindings() ? kExitFindings : kExitTold;
}

}  // namespace seccompd::agent
