// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "common/bpf/walk.h"

namespace seccompd::bpf {
namespace {

constexpr std::size_t kMaxOutcomes = 256;

std::size_t CostOf(const Condition& condition) {
  if (!condition.complete) return ~std::size_t{0};
  std::size_t cost = condition.any_of.size();
  for (const auto& tests : condition.any_of) cost += tests.size();
  return cost;
}

// The outcomes of a diagram that looks neither at arch nor at nr.
std::vector<Outcome> OutcomesOf(Workspace& workspace, NodeId rest) {
  NodeStore& store = workspace.Store();
  const NodePair roots{rest, rest};
  auto values = TerminalPairs(store, roots, false, kMaxOutcomes + 1);
  if (values.size() > kMaxOutcomes) {
    store.Spend(store.OperationsLeft());  // far too many to be read
    return {};
  }
  std::vector<Outcome> outcomes;
  for (const NodePair& value : values) {
    const Region region{RegionReaching(store, roots, value)};
    outcomes.push_back({.value = store[value.a].low,
                        .otherwise = false,
                        .condition = DescribeRegion(workspace, region)});
  }
  std::stable_sort(outcomes.begin(), outcomes.end(), [](const Outcome& a, const Outcome& b) {
    return std::pair(CostOf(a.condition), b.value) < std::pair(CostOf(b.condition), a.value);
  });
  if (outcomes.size() > 1) {
    outcomes.back().otherwise = true;
    outcomes.back().condition = {};
  }
  return outcomes;
}

}  // namespace

base::Result<std::vector<DecidedRange>> Explain(Workspace& workspace, Diagram diagram,
                                                std::uint32_t arch, std::size_t max_ranges) {
  workspace.Begin();
  NodeStore& store = workspace.Store();
  const NodeId on_arch = CofactorWord(store, diagram.root, kArchWord, arch);
  std::unordered_map<NodeId, std::vector<Outcome>> known;
  std::vector<DecidedRange> ranges;
  bool too_many = false;
  WalkWord(store, kNrWord, {on_arch, on_arch}, false,
           [&](std::uint32_t first, std::uint32_t last, const NodePair& rest) {
             too_many = ranges.size() == max_ranges;
             if (too_many) return false;
             const auto [place, added] = known.try_emplace(rest.a);
             if (added) place->second = OutcomesOf(workspace, rest.a);
             ranges.push_back({.first_nr = first, .last_nr = last, .outcomes = place->second});
             return true;
           });
  if (too_many) {
    return base::Fail(base::ErrorCode::kResourceExhausted,
                      fmt::format("more than {} ranges of system calls", max_ranges));
  }
  return workspace.Finish(std::move(ranges));
}

base::Result<std::vector<Outcome>> ExplainSyscall(Workspace& workspace, Diagram diagram,
                                                  std::uint32_t arch, std::uint32_t nr) {
  workspace.Begin();
  NodeStore& store = workspace.Store();
  const NodeId on_arch = CofactorWord(store, diagram.root, kArchWord, arch);
  return workspace.Finish(OutcomesOf(workspace, CofactorWord(store, on_arch, kNrWord, nr)));
}

}  // namespace seccompd::bpf
