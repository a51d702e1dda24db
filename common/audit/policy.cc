// SPDX-License-Identifier: Apache-2.0
#include "common/audit/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/strings.h"
#include "common/document/document.h"

namespace seccompd::audit {
namespace {

using document::Kind;
using document::Node;

base::Error Refusal(const Node& node, std::string_view why) {
  return {.code = base::ErrorCode::kInvalidArgument,
          .message = fmt::format("line {}: exemptions: {}", node.line, why)};
}

std::optional<base::WallTime> ParseExpiry(const std::string& text) {
  constexpr std::size_t kDateLength = 10;  // "2026-12-31": until its beginning, UTC
  return base::ParseTime(text.size() == kDateLength ? text + "T00:00:00Z" : text);
}

base::Result<Exemption> ParseExemption(const Node& item) {
  if (item.kind != Kind::kObject) return base::Fail(Refusal(item, "each must be a mapping"));
  Exemption exemption;
  std::string expires;
  const std::array<std::pair<std::string_view, std::string*>, 6> fields = {
      {{"namespace", &exemption.namespace_name},
       {"workload", &exemption.workload},
       {"container", &exemption.container},
       {"reason", &exemption.reason},
       {"owner", &exemption.owner},
       {"expires", &expires}}};
  for (const document::Member& member : item.members) {
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const auto& f) { return f.first == member.key; });
    if (field == fields.end()) {
      return base::Fail(Refusal(member.value, "unknown key '" + base::Printable(member.key) + "'"));
    }
    if (member.value.kind != Kind::kString) {
      return base::Fail(Refusal(member.value, fmt::format("{} must be text", field->first)));
    }
    *field->second = member.value.scalar;
  }
  for (const auto& [name, value] : fields) {
    if (!base::TrimSpace(*value).empty()) continue;
    return base::Fail(Refusal(item, fmt::format("{} is missing", name)));
  }
  const auto time = ParseExpiry(expires);
  if (!time) {
    return base::Fail(Refusal(item, "expires '" + base::Printable(expires) +
                                        "' is no date: 2026-12-31 or 2026-12-31T12:00:00Z"));
  }
  exemption.expires = *time;
  return exemption;
}

bool Covers(std::string_view wanted, std::string_view name) {
  return wanted == "*" || wanted == name;
}

int Badness(FloorResult result) {
  switch (result) {
    case FloorResult::kBelow:
      return 2;
    case FloorResult::kUnknown:
      return 1;
    case FloorResult::kAbove:
      break;
  }
  return 0;
}

FloorFinding Compare(const SharedStack& stack, const Expected& expected, Meanings& meanings) {
  FloorFinding finding;
  bool undecided = expected.candidates.empty();
  for (const Candidate& candidate : expected.candidates) {
    const ProfileMeaning& floor = meanings.Of(candidate.key, candidate.make);
    const ProgramRelation& relation =
        meanings.Compare(candidate.key, floor, stack, Meanings::kWholeStack);
    if (relation.verdict == Verdict::kUnknown) {
      undecided = true;
    } else if (relation.verdict != Verdict::kWeaker) {
      return {.result = FloorResult::kAbove, .difference = {}};
    } else if (finding.difference.empty()) {
      finding.difference = relation.words;
    }
    if (expected.kind == Expected::Kind::kRevisions) break;  // the one in force
  }
  finding.result = undecided ? FloorResult::kUnknown : FloorResult::kBelow;
  return finding;
}

void Take(FloorFinding finding, std::optional<FloorFinding>& worst) {
  if (!worst || Badness(finding.result) > Badness(worst->result)) worst = std::move(finding);
}

bool IsBare(const procfs::SeccompState& state) { return state.mode == 0; }

}  // namespace

base::Result<std::vector<Exemption>> ParseExemptions(std::string_view config) {
  TRY_ASSIGN(const auto documents, document::ParseYaml(config));
  std::vector<Exemption> exemptions;
  const Node* list = documents.empty() ? nullptr : documents.front().Find("exemptions");
  if (list == nullptr || list->kind == Kind::kNull) return exemptions;
  if (list->kind != Kind::kArray) return base::Fail(Refusal(*list, "must be a list"));
  if (list->items.size() > kMaxExemptions) return base::Fail(Refusal(*list, "too many"));
  for (const Node& item : list->items) {
    TRY_ASSIGN(Exemption exemption, ParseExemption(item));
    exemptions.push_back(std::move(exemption));
  }
  return exemptions;
}

Floor ParseFloor(std::string_view text) {
  if (text.empty() || text == "none") return {};
  if (text == "runtime-default") return {.kind = Floor::Kind::kRuntimeDefault, .path = {}};
  return {.kind = Floor::Kind::kProfile, .path = CleanProfilePath(text)};
}

std::string FloorText(const Floor& floor) {
  switch (floor.kind) {
    case Floor::Kind::kRuntimeDefault:
      return "runtime-default";
    case Floor::Kind::kProfile:
      return floor.path;
    case Floor::Kind::kNone:
      break;
  }
  return "none";
}

std::string_view FloorResultName(FloorResult result) {
  switch (result) {
    case FloorResult::kAbove:
      return "above";
    case FloorResult::kBelow:
      return "below";
    case FloorResult::kUnknown:
      break;
  }
  return "unknown";
}

std::optional<FloorFinding> JudgeFloor(const Observation& observation,
                                       std::span<const LoadedProcess> loaded, const Floor& floor,
                                       Expectations& expectations, Meanings& meanings) {
  if (floor.kind == Floor::Kind::kNone) return std::nullopt;
  const Expected& expected = expectations.OfFloor(floor.kind == Floor::Kind::kProfile, floor.path);
  static const SharedStack kNoFilter = std::make_shared<const bpf::Stack>();
  std::optional<FloorFinding> worst;
  for (const ObservedProcess& observed : observation.processes) {
    const procfs::Process& process = observed.process;
    if (!process.live || observed.deferred) continue;
    const auto& others = process.other_threads;
    if (IsBare(process.seccomp) || std::any_of(others.begin(), others.end(), IsBare)) {
      Take(Compare(kNoFilter, expected, meanings), worst);
    }
    const LoadedProcess* found = FindLoaded(loaded, process.pid);
    if (found == nullptr && !IsBare(process.seccomp)) Take({}, worst);
    if (found == nullptr) continue;
    for (const LoadedThread& thread : found->threads) {
      Take(thread.stack == nullptr ? FloorFinding{} : Compare(thread.stack, expected, meanings),
           worst);
    }
  }
  return worst;
}

const Exemption* FindExemption(std::span<const Exemption> exemptions,
                               std::string_view namespace_name, std::string_view owner,
                               std::string_view pod, std::string_view container) {
  const Exemption* best = nullptr;
  for (const Exemption& exemption : exemptions) {
    const bool covers = Covers(exemption.namespace_name, namespace_name) &&
                        Covers(exemption.workload, owner.empty() ? pod : owner) &&
                        Covers(exemption.container, container);
    if (covers && (best == nullptr || exemption.expires > best->expires)) best = &exemption;
  }
  return best;
}

base::Digest DigestOf(std::span<const Exemption> exemptions) {
  std::string text;
  for (const Exemption& e : exemptions) {
    for (const std::string& field : {e.namespace_name, e.workload, e.container, e.reason, e.owner,
                                     base::FormatTime(e.expires)}) {
      text += fmt::format("{}:{},", field.size(), field);
    }
  }
  return base::Sha256(text);
}

}  // namespace seccompd::audit
