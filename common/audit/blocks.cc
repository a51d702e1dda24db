// SPDX-License-Identifier: Apache-2.0
#include "common/audit/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/audit/report_cells.h"
#include "common/base/strings.h"
#include "common/base/text_table.h"

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

std::string Summary(const Answers& answers) {
  const std::string elsewhere =
      "not asked: " + base::Counted(answers.elsewhere, "container") + " with another kernel";
  if (answers.asked == 0) {
    return answers.elsewhere == 0 ? "nothing runs in a container here, so nothing was asked"
                                  : elsewhere;
  }
  std::string text;
  if (!answers.open.empty()) {
    text = fmt::format("NOT BLOCKED by {} of {}", answers.open.size(),
                       base::Counted(answers.asked, "container"));
    if (answers.exempt != 0) text += fmt::format(", {} of them exempt", answers.exempt);
  } else if (answers.asked == 1) {
    text = "the only container asked blocks it";
  } else {
    text = fmt::format("all {} containers block it", answers.asked);
  }
  return answers.elsewhere == 0 ? text : text + "; " + elsewhere;
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

std::string TableOf(const std::vector<Answer>& open) {
  base::TextTable table(false, 2);
  table.AddRow({"RESULT", "NAMESPACE/POD/CONTAINER", "OPEN WAY"});
  for (const Answer& answer : open) {
    table.AddRow({std::string(bpf::Name(answer.finding->result)), Cell(TargetText(*answer.row)),
                  Cell(WhyText(answer))});
  }
  return table.Render();
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
