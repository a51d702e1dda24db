// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/diff_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/text_table.h"
#include "common/bpf/words.h"
#include "common/document/json_writer.h"

namespace seccompd::agent {
namespace {

using base::Colour;
using base::Counted;
using document::JsonList;
using document::JsonText;

using bpf::Direction;
using bpf::Relation;

// Longer names would make columns that nobody can read across.
constexpr std::size_t kLongestHeading = 28;

Colour ColourOf(Direction direction) {
  switch (direction) {
    case Direction::kWeaker:
      return Colour::kRed;
    case Direction::kStricter:
      return Colour::kGreen;
    case Direction::kOther:
      break;
  }
  return Colour::kYellow;
}

bool FailsOn(const DiffReport& report, Direction direction) {
  return report.fails_on_any || (report.fails_on_weaker && direction == Direction::kWeaker);
}

std::string SideText(char letter, const DiffSide& side) {
  std::string out = fmt::format("{}  {}", letter, side.name);
  if (side.instructions.empty()) out += "  no filter";
  for (const std::size_t count : side.instructions) out += "  " + Counted(count, "instruction");
  out += "  meaning " + side.fingerprint.substr(0, 12) + "\n";
  for (const std::string& note : side.notes) out += "   note: " + note + "\n";
  return out;
}

std::string TailsText(const bpf::Comparison& comparison) {
  std::string out;
  for (const bpf::EnosysTail& tail : comparison.enosys) {
    const auto arch = tail.x32 ? seccomp::Arch::kX32 : seccomp::Arch::kX86_64;
    std::string name;
    for (std::size_t i = 0; i < seccomp::kArchCount; ++i) {
      const auto known = static_cast<seccomp::Arch>(i);
      if (seccomp::AuditArch(known) == tail.arch && known != seccomp::Arch::kX32) {
        name = DisplayName(known);
      }
    }
    if (tail.x32) name = DisplayName(arch);
    out += fmt::format("  {} from {} on: ENOSYS in {}, which refuses in another way in {}\n",
                       name.empty() ? fmt::format("{:#x}", tail.arch) : name, tail.first_nr,
                       tail.in_second ? "B" : "A", tail.in_second ? "A" : "B");
  }
  return out;
}

std::string SummaryText(const DiffReport& report) {
  const bpf::Comparison& comparison = report.comparison;
  if (comparison.relation == Relation::kEqual) {
    return "equal: both decide the same for every input (exact)\n";
  }
  if (comparison.relation == Relation::kEqualExceptEnosys) {
    return "equal but for ENOSYS above the last system call, as runc does it (exact)\n" +
           TailsText(comparison);
  }
  const bool listed = comparison.total <= comparison.differences.size();
  std::string out = Counted(report.rows.size(), "difference");
  out += fmt::format(": {} weaker, {} stricter, {} differs", report.Count(Direction::kWeaker),
                     report.Count(Direction::kStricter), report.Count(Direction::kOther));
  out += listed ? "; all other inputs equal (exact)"
                : fmt::format("; the first {} of {} blocks of inputs are shown",
                              comparison.differences.size(), comparison.total);
  return out + "\n";
}

std::string JsonSide(const DiffSide& side) {
  return fmt::format(R"({{"name":{},"notes":{},"instructions":{},"fingerprint":{}}})",
                     JsonText(side.name),
                     JsonList(side.notes, [](const std::string& s) { return JsonText(s); }),
                     JsonList(side.instructions, [](std::size_t n) { return std::to_string(n); }),
                     JsonText(side.fingerprint));
}

std::string JsonRow(const DiffRow& row) {
  const auto hex = [](std::uint64_t value) { return fmt::format("\"{:#x}\"", value); };
  return fmt::format(
      R"({{"direction":{},"archs":{},"call":{},"when":{},"a":{},"b":{},"witness":{{"arch":"{:#x}","nr":{},"args":{}}}}})",
      JsonText(DirectionName(row.direction)), JsonText(row.archs), JsonText(row.call),
      JsonText(row.when), JsonText(bpf::ActionText(row.from)), JsonText(bpf::ActionText(row.to)),
      row.witness.arch, row.witness.nr, JsonList(row.witness.args, hex));
}

std::string_view RelationName(Relation relation) {
  switch (relation) {
    case Relation::kEqual:
      return "equal";
    case Relation::kEqualExceptEnosys:
      return "equal-except-enosys";
    case Relation::kDifferent:
      break;
  }
  return "different";
}

}  // namespace

std::string_view DirectionName(Direction direction) {
  switch (direction) {
    case Direction::kWeaker:
      return "weaker";
    case Direction::kStricter:
      return "stricter";
    case Direction::kOther:
      break;
  }
  return "differs";
}

bool DiffReport::Fails() const {
  if (comparison.relation != Relation::kDifferent) return false;
  return fails_on_any || (fails_on_weaker && comparison.weaker > 0);
}

std::size_t DiffReport::Count(Direction direction) const {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(),
                    [direction](const DiffRow& row) { return row.direction == direction; }));
}

std::string RenderText(const DiffReport& report, bool colour) {
  std::string out = SideText('A', report.a) + SideText('B', report.b) + "\n";
  if (report.comparison.relation == Relation::kDifferent) {
    const bool long_names = report.a.name.size() > kLongestHeading ||
                            report.b.name.size() > kLongestHeading ||
                            report.a.name == report.b.name;
    base::TextTable table(colour);
    table.AddHeader({"DIRECTION", "ARCH", "SYSCALL", "WHEN", long_names ? "A" : report.a.name,
                     long_names ? "B" : report.b.name});
    for (const DiffRow& row : report.rows) {
      table.AddRow({std::string(DirectionName(row.direction)), row.archs, row.call, row.when,
                    bpf::ActionText(row.from), bpf::ActionText(row.to),
                    FailsOn(report, row.direction) ? "<- fails" : ""},
                   0, ColourOf(row.direction));
    }
    out += table.Render();
  }
  out += SummaryText(report);
  if (report.comparison.relation != Relation::kDifferent) return out;
  for (const bpf::CauseFound& found : report.causes) {
    out += fmt::format("cause: {}{}\n", Sentence(found.cause),
                       found.detail.empty() ? "" : ": " + found.detail);
  }
  return out;
}

std::string RenderJson(const DiffReport& report) {
  const bpf::Comparison& comparison = report.comparison;
  const auto tail = [](const bpf::EnosysTail& one) {
    return fmt::format(R"({{"arch":"{:#x}","x32":{},"first":{},"in":{}}})", one.arch, one.x32,
                       one.first_nr, one.in_second ? "\"b\"" : "\"a\"");
  };
  const auto cause = [](const bpf::CauseFound& found) {
    return fmt::format(R"({{"name":{},"detail":{}}})", JsonText(Name(found.cause)),
                       JsonText(found.detail));
  };
  return fmt::format(
      R"({{"version":1,"a":{},"b":{},"relation":{},"fails":{},"complete":{},"blocks":{{"total":{},"weaker":{},"stricter":{},"differs":{}}},"enosys":{},"causes":{},"differences":{}}})"
      "\n",
      JsonSide(report.a), JsonSide(report.b), JsonText(RelationName(comparison.relation)),
      report.Fails(), comparison.total <= comparison.differences.size(), comparison.total,
      comparison.weaker, comparison.stricter, comparison.other, JsonList(comparison.enosys, tail),
      JsonList(report.causes, cause), JsonList(report.rows, JsonRow));
}

}  // namespace seccompd::agent
