// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/explain_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/text_table.h"
#include "common/bpf/call_pattern.h"
#include "common/bpf/return_value.h"
#include "common/bpf/words.h"
#include "common/document/json_writer.h"

namespace seccompd::agent {
namespace {

using base::Colour;
using base::Coloured;
using base::Counted;
using base::Wrapped;
using document::JsonList;
using document::JsonText;

using bpf::CallName;
using bpf::CheckResult;
using bpf::Outcome;

bool PermitsSome(const std::vector<Outcome>& outcomes) {
  return std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
    return bpf::PermissionOf(outcome.value) != bpf::Permission::kRefused;
  });
}

Colour ColourOf(const ExplainedCall& call) {
  if (!call.critical || !PermitsSome(call.outcomes)) return Colour::kPlain;
  return call.outcomes.size() > 1 ? Colour::kYellow : Colour::kRed;
}

std::string WordsOf(const ExplainedCall& call, seccomp::Arch arch) {
  return InWords(call.outcomes, CallName{.syscall = call.name, .arch = arch});
}

// The calls that are decided in one way, by that way: what lets through first.
using ByAction = std::vector<std::pair<std::string, std::vector<std::string>>>;
ByAction GroupByAction(const ExplainedArch& arch, bool with_critical) {
  struct MorePermissive {
    bool operator()(std::uint32_t a, std::uint32_t b) const {
      const auto order = [](std::uint32_t value) {
        return std::pair(bpf::Precedence(value), -static_cast<std::int64_t>(value));
      };
      return order(a) > order(b);
    }
  };
  std::map<std::uint32_t, std::vector<std::string>, MorePermissive> groups;
  for (const ExplainedCall& call : arch.calls) {
    if (call.outcomes.size() != 1 || (call.critical && !with_critical)) continue;
    groups[call.outcomes.front().value].push_back(call.name);
  }
  ByAction sorted;
  for (auto& [value, names] : groups) {
    std::sort(names.begin(), names.end());
    sorted.emplace_back(bpf::ActionText(value), std::move(names));
  }
  return sorted;
}

std::string UnnamedText(const ExplainedArch& arch) {
  constexpr std::size_t kMost = 6;
  std::string out;
  for (std::size_t i = 0; i < arch.unnamed.size(); ++i) {
    const UnnamedNumbers& numbers = arch.unnamed[i];
    if (i == kMost) return out + fmt::format(", and {} more", arch.unnamed.size() - i);
    if (i > 0) out += ", ";
    out += InWords(numbers.outcomes, CallName{.syscall = "", .arch = arch.arch});
    if (arch.unnamed.size() > 1) {
      out += numbers.first == numbers.last ? fmt::format(" ({})", numbers.first)
                                           : fmt::format(" ({}..{})", numbers.first, numbers.last);
    }
  }
  return out;
}

std::string SummaryText(const ExplainedArch& arch) {
  std::size_t conditional = 0;
  for (const ExplainedCall& call : arch.calls) conditional += call.outcomes.size() > 1 ? 1U : 0U;
  std::string out;
  for (const auto& [action, names] : GroupByAction(arch, true)) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", action, names.size());
  }
  if (conditional > 0) out += fmt::format(", by argument {}", conditional);
  return out;
}

std::string ArchText(const ExplainedArch& arch, bool colour) {
  const std::string name(DisplayName(arch.arch));
  base::TextTable critical(colour);
  base::TextTable conditional(colour);
  critical.AddHeader({"CRITICAL", "ON " + name});
  conditional.AddHeader({"CONDITIONAL", "ON " + name});
  bool any_conditional = false;
  for (const ExplainedCall& call : arch.calls) {
    if (call.critical) {
      critical.AddRow({call.name, WordsOf(call, arch.arch)}, 1, ColourOf(call));
    } else if (call.outcomes.size() > 1) {
      conditional.AddRow({call.name, WordsOf(call, arch.arch)});
      any_conditional = true;
    }
  }
  std::string out = critical.Render();
  if (any_conditional) out += "\n" + conditional.Render();
  for (const auto& [action, names] : GroupByAction(arch, false)) {
    out +=
        fmt::format("\n{}\n", Coloured(fmt::format("{} {}", action, Counted(names.size(), "call")),
                                       Colour::kBold, colour));
    out += Wrapped(names, 2);
  }
  if (!arch.unnamed.empty()) out += fmt::format("\nother numbers: {}\n", UnnamedText(arch));
  return out;
}

std::string NamedText(const ExplainReport& report, bool colour) {
  base::TextTable table(colour);
  table.AddHeader({"SYSCALL", "ARCH", "NUMBER", "ACTION"});
  for (const ExplainedArch& arch : report.archs) {
    for (const ExplainedCall& call : arch.calls) {
      table.AddRow({call.name, std::string(DisplayName(arch.arch)), fmt::format("{}", call.nr),
                    WordsOf(call, arch.arch)},
                   3, ColourOf(call));
    }
  }
  return table.Render();
}

std::string WayText(const bpf::OpenWay& way, const ExplainedCheck& check) {
  const bpf::SeccompData& data = way.witness;
  std::string action = bpf::ActionText(way.value);
  const std::string_view arch = DisplayName(way.arch);
  switch (way.way) {
    case bpf::Way::kDirect:
    case bpf::Way::kCompat:
    case bpf::Way::kX32:
      return fmt::format("{} {}({:#x}, {:#x}, {:#x}): {}", arch, check.pattern.syscall,
                         data.args[0], data.args[1], data.args[2], action);
    case bpf::Way::kHighBits:
      return fmt::format("{} {}({:#x}, {:#x}, {:#x}), high bits are not seen by the kernel: {}",
                         arch, check.pattern.syscall, data.args[0], data.args[1], data.args[2],
                         action);
    case bpf::Way::kMultiplexed:
      return fmt::format("{} {}: {}", arch,
                         data.nr == 102 ? "socketcall(2)" : "multiplexed in one call", action);
    case bpf::Way::kIoUring:
      return fmt::format("io_uring: {}", action);
  }
  return action;
}

Colour ColourOf(CheckResult result) {
  switch (result) {
    case CheckResult::kBlocked:
      return Colour::kGreen;
    case CheckResult::kPermitted:
      return Colour::kRed;
    case CheckResult::kBypassable:
    case CheckResult::kUnknown:
      break;
  }
  return Colour::kYellow;
}

// The other open ways of a call that gets through directly, in short.
std::string AlsoText(const std::vector<bpf::OpenWay>& open) {
  std::string out;
  for (std::size_t i = 1; i < open.size(); ++i) {
    const bool direct = open[i].way == bpf::Way::kCompat || open[i].way == bpf::Way::kX32;
    const std::string way(direct ? DisplayName(open[i].arch) : Name(open[i].way));
    if (out.find(way) != std::string::npos) continue;
    out += (out.empty() ? "; also " : ", ") + way;
  }
  return out;
}

std::vector<std::string> WayTexts(const ExplainedCheck& check) {
  const auto& open = check.outcome.open;
  if (open.empty()) return {check.outcome.reason};
  if (check.outcome.result == CheckResult::kPermitted) {
    return {WayText(open.front(), check) + AlsoText(open)};
  }
  std::vector<std::string> texts;
  bool io_uring = false;
  for (const bpf::OpenWay& way : open) {
    if (way.way == bpf::Way::kIoUring && std::exchange(io_uring, true)) continue;  // once is enough
    texts.push_back(WayText(way, check));
  }
  return texts;
}

std::string ChecksText(const ExplainReport& report, bool colour) {
  base::TextTable table(colour);
  table.AddHeader({"CHECK", "RESULT", "OPEN WAY"});
  std::map<CheckResult, std::size_t> counts;
  for (const ExplainedCheck& check : report.checks) {
    const CheckResult result = check.outcome.result;
    ++counts[result];
    std::string name = check.pattern.name;
    std::string shown(bpf::Name(result));
    for (const std::string& way : WayTexts(check)) {
      table.AddRow({std::exchange(name, {}), std::exchange(shown, {}), way}, 1, ColourOf(result));
    }
  }
  std::string out = table.Render();
  for (const auto& [result, count] : counts) {
    out += fmt::format("{}{} {}", result == counts.begin()->first ? "" : ", ", count,
                       bpf::Name(result));
  }
  return out + "\n";
}

std::string HeadText(const ExplainReport& report, bool colour) {
  std::string out = Coloured(report.target, Colour::kBold, colour);
  if (report.instructions.empty()) out += "  no filter";
  for (const std::size_t count : report.instructions) {
    out += "  " + Counted(count, "instruction");
  }
  out += "  meaning " + report.fingerprint.substr(0, 12) + "\n";
  for (const std::string& note : report.notes) out += "note: " + note + "\n";
  return out + "\n";
}

std::string JsonOutcomes(const std::vector<Outcome>& outcomes, const CallName& call) {
  return JsonList(outcomes, [&](const Outcome& outcome) {
    return fmt::format(R"({{"action":{},"when":{},"otherwise":{},"complete":{}}})",
                       JsonText(bpf::ActionText(outcome.value)),
                       JsonText(outcome.otherwise ? "otherwise" : InWords(outcome.condition, call)),
                       outcome.otherwise, outcome.condition.complete);
  });
}

std::string JsonArch(const ExplainedArch& arch) {
  const auto call = [&](const ExplainedCall& one) {
    const CallName name{.syscall = one.name, .arch = arch.arch};
    return fmt::format(R"({{"name":{},"number":{},"critical":{},"text":{},"outcomes":{}}})",
                       JsonText(one.name), one.nr, one.critical,
                       JsonText(InWords(one.outcomes, name)), JsonOutcomes(one.outcomes, name));
  };
  const auto unnamed = [&](const UnnamedNumbers& numbers) {
    return fmt::format(R"({{"first":{},"last":{},"outcomes":{}}})", numbers.first, numbers.last,
                       JsonOutcomes(numbers.outcomes, CallName{.syscall = "", .arch = arch.arch}));
  };
  return fmt::format(R"({{"arch":{},"syscalls":{},"unnamed":{}}})",
                     JsonText(DisplayName(arch.arch)), JsonList(arch.calls, call),
                     JsonList(arch.unnamed, unnamed));
}

std::string JsonCheck(const ExplainedCheck& check) {
  const auto way = [](const bpf::OpenWay& open) {
    const auto hex = [](std::uint64_t value) { return fmt::format("\"{:#x}\"", value); };
    return fmt::format(
        R"({{"way":{},"arch":{},"action":{},"witness":{{"arch":"{:#x}","nr":{},"args":{}}}}})",
        JsonText(Name(open.way)), JsonText(DisplayName(open.arch)),
        JsonText(bpf::ActionText(open.value)), open.witness.arch, open.witness.nr,
        JsonList(open.witness.args, hex));
  };
  return fmt::format(R"({{"name":{},"call":{},"result":{},"reason":{},"open":{}}})",
                     JsonText(check.pattern.name),
                     JsonText(ToText(check.pattern, seccomp::Arch::kX86_64)),
                     JsonText(bpf::Name(check.outcome.result)), JsonText(check.outcome.reason),
                     JsonList(check.outcome.open, way));
}

}  // namespace

bool ExplainReport::HasFindings() const {
  return std::any_of(checks.begin(), checks.end(), [](const ExplainedCheck& check) {
    return check.outcome.result != CheckResult::kBlocked;
  });
}

std::string RenderText(const ExplainReport& report, bool colour) {
  std::string out = HeadText(report, colour);
  if (!report.checks.empty()) return out + ChecksText(report, colour);
  if (report.named) return out + NamedText(report, colour);
  bool others = false;
  for (const ExplainedArch& arch : report.archs) {
    if (!arch.summary) out += ArchText(arch, colour) + "\n";
    others = others || arch.summary;
  }
  base::TextTable table(colour);
  for (const ExplainedArch& arch : report.archs) {
    if (arch.summary) table.AddRow({std::string(DisplayName(arch.arch)), SummaryText(arch)});
  }
  if (others) out += "other architectures (--arch NAME shows their calls)\n" + table.Render();
  return out;
}

std::string RenderJson(const ExplainReport& report) {
  const auto number = [](std::size_t value) { return std::to_string(value); };
  return fmt::format(
      R"({{"version":1,"target":{},"notes":{},"instructions":{},"fingerprint":{},"archs":{},"checks":{}}})"
      "\n",
      JsonText(report.target),
      JsonList(report.notes, [](const std::string& s) { return JsonText(s); }),
      JsonList(report.instructions, number), JsonText(report.fingerprint),
      JsonList(report.archs, JsonArch), JsonList(report.checks, JsonCheck));
}

}  // namespace seccompd::agent
