// SPDX-License-Identifier: Apache-2.0
#include "common/audit/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/audit/report_cells.h"
#include "common/base/strings.h"

namespace seccompd::audit {
namespace {

using bpf::CheckResult;

struct Answer {
  const Row* row = nullptr;
  const CheckFinding* finding = nullptr;
};

// Of one call.
struct Answers {
  std::vector<Answer> open;   // the worst first, then in the order of the report
  std::size_t asked = 0;      // containers in which something runs
  std::size_t exempt = 0;     // of `open`
  std::size_t elsewhere = 0;  // containers whose calls another kernel answers
};

bool WasAskedOnce(const Check& check) { return check.origin == kAskedOnce; }

Answers AnswersTo(const Report& report, std::size_t check) {
  Answers answers;
  for (const Row& row : report.rows) {
    if (row.judgement.verdict == Verdict::kNotApplicable) ++answers.elsewhere;
    if (check >= row.checks.size()) continue;
    ++answers.asked;
    const CheckFinding& finding = row.checks[check];
    if (finding.result == CheckResult::kBlocked) continue;
    answers.open.push_back({.row = &row, .finding = &finding});
    if (row.exempt) ++answers.exempt;
  }
  std::stable_sort(answers.open.begin(), answers.open.end(), [](const auto& a, const auto& b) {
    return IsWorse(a.finding->result, b.finding->result);
  });
  return answers;
}

std::string SummaryOfAsked(const Answers& answers) {
  if (answers.asked == 0) return "nothing runs in a container here, so nothing was asked";
  const std::string_view plural = answers.asked == 1 ? "" : "s";
  if (answers.open.empty()) {
    return answers.asked == 1 ? "the only container here blocks it"
                              : fmt::format("all {} containers block it", answers.asked);
  }
  std::string text = fmt::format("NOT BLOCKED by {} of {} container{}", answers.open.size(),
                                 answers.asked, plural);
  if (answers.exempt != 0) text += fmt::format(", {} of them exempt", answers.exempt);
  return text;
}

std::string Summary(const Answers& answers) {
  std::string text = SummaryOfAsked(answers);
  if (answers.elsewhere != 0) {
    text += fmt::format("; {} with a kernel of their own not asked", answers.elsewhere);
  }
  return text;
}

// The way in; what is not known has none.
std::string WayText(const CheckFinding& finding) {
  if (finding.result == CheckResult::kUnknown) return "its filter could not be read or decided";
  return base::Join(finding.open, ", ");
}

std::string WhyText(const Answer& answer) {
  std::string text = WayText(*answer.finding);
  if (!answer.row->exempt) return text;
  text += "; exempt";
  if (!answer.row->exemption) return text;
  return text + fmt::format(" until {} ({})", base::FormatTime(answer.row->exemption->expires),
                            answer.row->exemption->owner);
}

using Cells = std::array<std::string, 3>;

std::string TableOf(const std::vector<Answer>& open) {
  std::vector<Cells> lines = {{"RESULT", "NAMESPACE/POD/CONTAINER", "OPEN WAY"}};
  for (const Answer& answer : open) {
    lines.push_back({std::string(bpf::Name(answer.finding->result)), Cell(TargetText(*answer.row)),
                     Cell(WhyText(answer))});
  }
  std::array<std::size_t, std::tuple_size_v<Cells>> widths{};
  for (const Cells& cells : lines) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], Width(cells[i]));
    }
  }
  std::string out;
  for (const Cells& cells : lines) {
    std::string line = "  ";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += cells[i];
      line.append(widths[i] - Width(cells[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

}  // namespace

bool SomeDoNotBlock(const Report& report) {
  const auto& checks = report.facts.checks.checks;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (!WasAskedOnce(checks[i])) continue;
    const Answers answers = AnswersTo(report, i);
    if (answers.open.size() != answers.exempt) return true;
  }
  return false;
}

std::string RenderBlocks(const Report& report) {
  const auto& checks = report.facts.checks.checks;
  std::string text;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (!WasAskedOnce(checks[i])) continue;
    const Answers answers = AnswersTo(report, i);
    text += fmt::format("{} {}: {}\n", kAskedOnce, Cell(checks[i].name), Summary(answers));
    if (!answers.open.empty()) text += TableOf(answers.open);
  }
  return text;
}

}  // namespace seccompd::audit
