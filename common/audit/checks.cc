// SPDX-License-Identifier: Apache-2.0
#include "common/audit/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "common/base/strings.h"
#include "common/bpf/call_pattern.h"

namespace seccompd::audit {
namespace {

using bpf::CheckResult;

constexpr std::size_t kMaxNameBytes = 63;
constexpr std::string_view kPageKey = "page:";
constexpr std::size_t kMaxOpenNamed = 32;  // calls named of one check; the rest is counted

// A metric's label value, and a column's title.
bool IsCheckName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != kCriticalCheck &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
             std::string_view::npos;
}

int Badness(CheckResult result) {
  switch (result) {
    case CheckResult::kPermitted:
      return 3;
    case CheckResult::kBypassable:
      return 2;
    case CheckResult::kUnknown:
      return 1;
    case CheckResult::kBlocked:
      break;
  }
  return 0;
}

std::string TextOf(const CheckSet& set) {
  std::string text;
  for (const Check& check : set.checks) {
    text += fmt::format("{}\n{}\n", check.name, check.origin);
    if (check.page) text += "page: true\n";
    for (const bpf::CallPattern& call : check.calls) text += call.name + "\n";
    text += "\n";
  }
  for (const std::string& problem : set.problems) text += problem + "\n";
  return text;
}

void Merge(const std::vector<CheckFinding>& other, std::vector<CheckFinding>& worst) {
  if (worst.empty()) {
    worst = other;
    return;
  }
  for (std::size_t i = 0; i < worst.size() && i < other.size(); ++i) {
    if (IsWorse(other[i].result, worst[i].result)) worst[i] = other[i];
  }
}

// "on i386", "on i386 by socketcall", "by io_uring".
std::string WayText(const bpf::CallPattern& call, const bpf::OpenWay& way) {
  switch (way.way) {
    case bpf::Way::kDirect:
    case bpf::Way::kCompat:
    case bpf::Way::kX32:
      return fmt::format("on {}", seccomp::DisplayName(way.arch));
    case bpf::Way::kHighBits:
      return fmt::format("on {} with high bits set", seccomp::DisplayName(way.arch));
    case bpf::Way::kMultiplexed: {
      const auto multiplexed = bpf::MultiplexedAs(call.syscall);
      return fmt::format("on {} by {}", seccomp::DisplayName(way.arch),
                         multiplexed ? multiplexed->multiplexer : bpf::Name(way.way));
    }
    case bpf::Way::kIoUring:
      break;
  }
  return "by io_uring";
}

// A call that gets through natively needs no way around; of one that does not, every way is told:
// who closes the first one only has closed nothing.
std::string Describe(const bpf::CallPattern& call, const bpf::CheckOutcome& outcome) {
  if (outcome.open.empty() || outcome.result != CheckResult::kBypassable) return call.name;
  std::vector<std::string> ways;
  for (const bpf::OpenWay& way : outcome.open) {
    std::string text = WayText(call, way);
    if (std::find(ways.begin(), ways.end(), text) == ways.end()) ways.push_back(std::move(text));
  }
  return fmt::format("{} ({})", call.name, base::Join(ways, ", "));
}

// Labelled, in the order of namespace and name.
std::vector<const kube::ConfigMap*> Labelled(std::span<const kube::ConfigMap> config_maps) {
  std::vector<const kube::ConfigMap*> maps;
  for (const kube::ConfigMap& map : config_maps) {
    const auto label = map.meta.labels.find(std::string(kChecksLabel));
    if (label != map.meta.labels.end() && label->second == "true") maps.push_back(&map);
  }
  std::sort(maps.begin(), maps.end(), [](const auto* a, const auto* b) {
    return std::tie(a->meta.namespace_name, a->meta.name) <
           std::tie(b->meta.namespace_name, b->meta.name);
  });
  return maps;
}

// Puts one key's check among the others; else why not.
std::string Admit(const std::string& key, base::Result<Check> check,
                  std::map<std::string, Check>& named) {
  if (!IsCheckName(key)) {
    return "a name of at most 63 of a-z, 0-9, '-', '_' and '.' is needed, other than 'critical'";
  }
  if (!check) return check.error().message;
  if (const auto taken = named.find(key); taken != named.end()) {
    return taken->second.origin + " has a check of this name";
  }
  if (named.size() == kMaxChecks) return fmt::format("more than {} checks", kMaxChecks);
  named.emplace(key, *std::move(check));
  return {};
}

base::Result<bool> PageOf(std::string_view value) {
  value = base::TrimSpace(value);
  if (value == "true") return true;
  if (value == "false") return false;
  return base::Fail(base::ErrorCode::kInvalidArgument,
                    fmt::format("page: is true or false, not '{}'", base::Printable(value)));
}

bool IsBare(const procfs::SeccompState& state) { return state.mode == 0; }

}  // namespace

bool IsWorse(CheckResult a, CheckResult b) { return Badness(a) > Badness(b); }

base::Result<Check> ParseCheck(std::string_view name, std::string_view text, std::string origin,
                               seccomp::Arch native) {
  Check check{.name = std::string(name), .calls = {}, .origin = std::move(origin)};
  for (std::string_view line : base::Split(text, '\n')) {
    line = base::TrimSpace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    if (line.starts_with(kPageKey)) {
      TRY_ASSIGN(check.page, PageOf(line.substr(kPageKey.size())));
      continue;
    }
    if (check.calls.size() == kMaxCallsOfACheck) {
      return base::Fail(base::ErrorCode::kResourceExhausted,
                        fmt::format("more than {} calls", kMaxCallsOfACheck));
    }
    TRY_ASSIGN(bpf::CallPattern pattern, bpf::ParseCallPattern(line, native));
    check.calls.push_back(std::move(pattern));
  }
  if (check.calls.empty()) return base::Fail(base::ErrorCode::kInvalidArgument, "it names no call");
  return check;
}

void AddCheck(Check check, CheckSet* set) {
  set->checks.push_back(std::move(check));
  set->digest = base::Sha256(TextOf(*set));
}

CheckSet MakeChecks(std::span<const kube::ConfigMap> config_maps, seccomp::Arch native) {
  CheckSet set;
  set.checks.push_back({.name = std::string(kCriticalCheck),
                        .calls = bpf::CriticalCalls(native),
                        .origin = "built in"});
  std::map<std::string, Check> named;
  for (const kube::ConfigMap* map : Labelled(config_maps)) {
    const std::string origin =
        fmt::format("ConfigMap {}{}{}", map->meta.namespace_name,
                    map->meta.namespace_name.empty() ? "" : "/", map->meta.name);
    for (const auto& [key, text] : map->data) {
      const std::string why = Admit(key, ParseCheck(key, text, origin, native), named);
      if (why.empty()) continue;
      set.problems.push_back(fmt::format("{}, check '{}': {}", origin, base::Printable(key), why));
    }
  }
  for (auto& [name, check] : named) set.checks.push_back(std::move(check));
  set.digest = base::Sha256(TextOf(set));
  return set;
}

void CheckBook::Use(const CheckSet& checks) {
  if (checks.digest == checks_.digest) return;
  checks_ = checks;
  known_.clear();
}

std::vector<CheckFinding> CheckBook::Answer(const bpf::Stack& stack) const {
  std::vector<CheckFinding> findings(checks_.checks.size());
  bpf::Workspace workspace(tools_.limits);
  const auto diagram = workspace.Decide(stack);
  if (!diagram) return findings;
  const auto archs = bpf::EnterableArchs(tools_.arch);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    CheckFinding& finding = findings[i];
    finding.result = CheckResult::kBlocked;
    std::size_t unnamed = 0;
    for (const bpf::CallPattern& call : checks_.checks[i].calls) {
      const bpf::CheckOutcome outcome = bpf::Check(workspace, *diagram, call, *tools_.table, archs);
      if (IsWorse(outcome.result, finding.result)) finding.result = outcome.result;
      if (outcome.result == CheckResult::kBlocked) continue;
      if (finding.open.size() < kMaxOpenNamed) {
        finding.open.push_back(Describe(call, outcome));
      } else {
        ++unnamed;
      }
    }
    if (unnamed != 0) finding.open.push_back(fmt::format("{} more", unnamed));
  }
  return findings;
}

const std::vector<CheckFinding>& CheckBook::Of(const SharedStack& stack) {
  auto found = known_.find(stack.get());
  if (found == known_.end()) {
    Known known{.stack = stack, .findings = Answer(stack == nullptr ? bpf::Stack{} : *stack)};
    found = known_.emplace(stack.get(), std::move(known)).first;
  }
  found->second.used = true;
  return found->second.findings;
}

void CheckBook::EndPass() {
  std::erase_if(known_, [](const auto& entry) { return !entry.second.used; });
  for (auto& [stack, known] : known_) known.used = false;
}

std::vector<CheckFinding> CheckContainer(const Observation& observation,
                                         std::span<const LoadedProcess> loaded, CheckBook& book) {
  std::vector<CheckFinding> worst;
  const std::vector<CheckFinding> unknown(book.checks().checks.size());
  if (observation.unseen_processes != 0) Merge(unknown, worst);
  for (const ObservedProcess& observed : observation.processes) {
    const procfs::Process& process = observed.process;
    if (!process.live || observed.deferred) continue;
    const auto& others = process.other_threads;
    if (IsBare(process.seccomp) || std::any_of(others.begin(), others.end(), IsBare)) {
      Merge(book.Of(nullptr), worst);
    }
    const LoadedProcess* found = FindLoaded(loaded, process.pid);
    if (found == nullptr && !IsBare(process.seccomp)) Merge(unknown, worst);
    if (found == nullptr) continue;
    for (const LoadedThread& thread : found->threads) {
      Merge(thread.stack == nullptr ? unknown : book.Of(thread.stack), worst);
    }
  }
  return worst;
}

}  // namespace seccompd::audit
