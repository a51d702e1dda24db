// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/value_set.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/bpf/walk.h"

namespace seccompd::bpf {
namespace {

constexpr std::size_t kMaxBranches = 32;  // different low halves of one argument
constexpr std::uint32_t kWholeBits = 2 * kWordBits;

using Tests = std::vector<ArgTest>;
using Alternatives = std::vector<Tests>;

// One way to say it; absent if it takes too many tests.
using Candidate = std::optional<Alternatives>;

std::size_t CostOf(const Candidate& candidate) {
  if (!candidate) return ~std::size_t{0};
  std::size_t cost = 0;
  for (const Tests& tests : *candidate) cost += tests.size();
  return cost;
}

// Describes truth functions of the variables [first, first + width).
class ValueSet {
 public:
  ValueSet(NodeStore& store, std::uint32_t argument, ArgPart part, std::size_t max_terms)
      : store_(store), argument_(argument), part_(part), max_terms_(max_terms) {
    first_ = FirstVariable(argument) + (part == ArgPart::kLow32 ? kWordBits : 0);
    width_ = part == ArgPart::kWhole ? kWholeBits : kWordBits;
  }

  Candidate Describe(NodeId values) {
    const NodeId others = store_.Not(values);
    const Pairs gaps = RangesOf(others);
    Candidate outside = NoneOf(gaps, ArgRelation::kNotInRange);
    // "!= 0" rather than ">= 1".
    if (gaps && gaps->size() == 1 && gaps->front().first == gaps->front().second) return outside;
    Candidate best = AnyOf(RangesOf(values), ArgRelation::kInRange);
    Prefer(best, std::move(outside));
    Prefer(best, AnyOf(CubesOf(values), ArgRelation::kMasked));
    Prefer(best, NoneOf(CubesOf(others), ArgRelation::kNotMasked));
    return best;
  }

 private:
  using Pair = std::pair<std::uint64_t, std::uint64_t>;  // ArgTest::first and second
  using Pairs = std::optional<std::vector<Pair>>;

  static void Prefer(Candidate& best, Candidate other) {
    if (CostOf(other) < CostOf(best)) best = std::move(other);
  }

  [[nodiscard]] ArgTest TestOf(const Pair& pair, ArgRelation relation) const {
    return {.index = static_cast<std::uint8_t>(argument_),
            .part = part_,
            .relation = relation,
            .first = pair.first,
            .second = pair.second};
  }

  [[nodiscard]] Candidate AnyOf(const Pairs& pairs, ArgRelation relation) const {
    if (!pairs) return std::nullopt;
    Alternatives result;
    for (const Pair& pair : *pairs) result.push_back({TestOf(pair, relation)});
    return result;
  }

  [[nodiscard]] Candidate NoneOf(const Pairs& pairs, ArgRelation relation) const {
    if (!pairs) return std::nullopt;
    Tests tests;
    for (const Pair& pair : *pairs) tests.push_back(TestOf(pair, relation));
    return Alternatives{std::move(tests)};
  }

  Pairs RangesOf(NodeId values) {
    std::vector<Pair> ranges;
    if (!AppendRanges(values, 0, 0, ranges)) return std::nullopt;
    return ranges;
  }

  bool AppendRanges(NodeId id, std::uint32_t depth, std::uint64_t value,
                    std::vector<Pair>& ranges) {
    store_.Spend(1);
    if (id == kFalseNode) return true;
    if (store_.Exhausted()) return false;
    const std::uint32_t left = width_ - depth;
    if (id == kTrueNode) {
      const std::uint64_t last =
          value + (left == kWholeBits ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1);
      if (!ranges.empty() && ranges.back().second + 1 == value) {
        ranges.back().second = last;
        return true;
      }
      ranges.emplace_back(value, last);
      return ranges.size() <= max_terms_;
    }
    const Node node = store_[id];
    const bool here = node.variable == first_ + depth;
    return AppendRanges(here ? node.low : id, depth + 1, value, ranges) &&
           AppendRanges(here ? node.high : id, depth + 1, value | (std::uint64_t{1} << (left - 1)),
                        ranges);
  }

  // An irredundant cover by (value, mask) cubes.
  Pairs CubesOf(NodeId values) {
    cubes_.clear();
    too_many_ = false;
    CoverByCubes(values, values, {0, 0});
    if (too_many_) return std::nullopt;
    return cubes_;
  }

  NodeId CoverByCubes(NodeId least, NodeId most, const Pair& cube) {
    store_.Spend(1);
    too_many_ = too_many_ || store_.Exhausted();
    if (least == kFalseNode || too_many_) return kFalseNode;
    if (most == kTrueNode) {
      too_many_ = cubes_.size() == max_terms_;
      cubes_.push_back(cube);
      return kTrueNode;
    }
    const Node a = store_[least];
    const Node b = store_[most];
    const std::uint32_t top = std::min(a.variable, b.variable);
    const std::uint64_t bit = std::uint64_t{1} << (first_ + width_ - 1 - top);
    const NodePair low = {a.variable == top ? a.low : least, b.variable == top ? b.low : most};
    const NodePair high = {a.variable == top ? a.high : least, b.variable == top ? b.high : most};
    const NodeId only_low = CoverByCubes(store_.IfThenElse(high.b, kFalseNode, low.a), low.b,
                                         {cube.first, cube.second | bit});
    const NodeId only_high = CoverByCubes(store_.IfThenElse(low.b, kFalseNode, high.a), high.b,
                                          {cube.first | bit, cube.second | bit});
    const NodeId rest = store_.Or(store_.IfThenElse(only_low, kFalseNode, low.a),
                                  store_.IfThenElse(only_high, kFalseNode, high.a));
    const NodeId both = CoverByCubes(rest, store_.And(low.b, high.b), cube);
    return store_.Or(both, store_.Make(top, only_low, only_high));
  }

  NodeStore& store_;
  std::uint32_t argument_;
  ArgPart part_;
  std::size_t max_terms_;
  std::uint32_t first_ = 0;
  std::uint32_t width_ = 0;
  std::vector<Pair> cubes_;
  bool too_many_ = false;
};

// The halves apart: for each remainder of the low half, the high halves that lead to it.
Candidate DescribeByHalves(NodeStore& store, std::uint32_t argument, NodeId values,
                           std::size_t max_terms) {
  const std::uint32_t middle = FirstVariable(argument) + kWordBits;
  const auto branches = PairsBelow(store, {values, values}, middle, false, kMaxBranches + 1);
  if (branches.size() > kMaxBranches) return std::nullopt;
  ValueSet high(store, argument, ArgPart::kHigh32, max_terms);
  ValueSet low(store, argument, ArgPart::kLow32, max_terms);
  Alternatives result;
  for (const NodePair& branch : branches) {
    if (branch.a == kFalseNode) continue;
    const NodeId leading = RegionReaching(store, {values, values}, branch, middle);
    const Candidate highs = high.Describe(leading);
    const Candidate lows =
        branch.a == kTrueNode ? Candidate(Alternatives{Tests{}}) : low.Describe(branch.a);
    if (!highs || !lows || highs->size() * lows->size() > max_terms) return std::nullopt;
    for (const Tests& of_high : *highs) {
      for (const Tests& of_low : *lows) {
        Tests tests = of_high;
        tests.insert(tests.end(), of_low.begin(), of_low.end());
        result.push_back(std::move(tests));
      }
    }
  }
  return result;
}

// Which halves does the function look at?
ArgPart PartOf(NodeStore& store, std::uint32_t argument, NodeId values) {
  const std::uint32_t middle = FirstVariable(argument) + kWordBits;
  if (store[values].variable >= middle) return ArgPart::kLow32;
  const auto branches = PairsBelow(store, {values, values}, middle, false, kMaxBranches);
  const bool low_matters = std::any_of(branches.begin(), branches.end(),
                                       [](const NodePair& pair) { return pair.a > kTrueNode; });
  return low_matters ? ArgPart::kWhole : ArgPart::kHigh32;
}

}  // namespace

std::vector<std::vector<ArgTest>> DescribeValues(NodeStore& store, std::uint32_t argument,
                                                 NodeId values, std::size_t max_terms,
                                                 bool& complete) {
  const ArgPart part = PartOf(store, argument, values);
  Candidate best = ValueSet(store, argument, part, max_terms).Describe(values);
  if (part == ArgPart::kWhole) {
    Candidate halves = DescribeByHalves(store, argument, values, max_terms);
    if (CostOf(halves) < CostOf(best)) best = std::move(halves);
  }
  if (!best || best->size() > max_terms) {
    complete = false;
    return {};
  }
  return std::move(*best);
}

}  // namespace seccompd::bpf
