// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/condition.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/bpf/value_set.h"
#include "common/bpf/walk.h"

namespace seccompd::bpf {
namespace {

constexpr std::size_t kMaxBranches = 64;  // different continuations of one argument

// Covers a set of inputs argument by argument, in the manner of Minato and Morreale but with whole
// arguments as variables: anything between `least` and `most` may be said.
class Coverer {
 public:
  Coverer(NodeStore& store, std::size_t max_terms) : store_(store), max_terms_(max_terms) {}

  NodeId Cover(NodeId least, NodeId most, const std::vector<ArgTest>& prefix) {
    if (least == kFalseNode || !result.complete) return kFalseNode;
    if (most == kTrueNode) {
      if (result.any_of.size() == max_terms_) {
        result.complete = false;
      } else {
        result.any_of.push_back(prefix);
      }
      return kTrueNode;
    }
    const std::uint32_t top = std::min(store_[least].variable, store_[most].variable);
    const std::uint32_t argument = ArgumentOfVariable(top);
    const std::uint32_t end = FirstVariable(argument) + 2 * kWordBits;
    const auto branches = PairsBelow(store_, {least, most}, end, false, kMaxBranches + 1);
    if (branches.size() > kMaxBranches || store_.Exhausted()) {
      result.complete = false;
      return kFalseNode;
    }
    NodeId common = kTrueNode;  // may be said whatever this argument is
    for (const NodePair& branch : branches) common = store_.And(common, branch.b);
    NodeId covered = kFalseNode;
    NodeId left = kFalseNode;
    for (const NodePair& branch : branches) {
      const NodeId needed = store_.IfThenElse(common, kFalseNode, branch.a);
      NodeId said = kFalseNode;
      if (needed != kFalseNode) {
        const NodeId values = RegionReaching(store_, {least, most}, branch, end);
        for (const auto& tests :
             DescribeValues(store_, argument, values, max_terms_, result.complete)) {
          std::vector<ArgTest> extended = prefix;
          extended.insert(extended.end(), tests.begin(), tests.end());
          said = Cover(needed, branch.b, extended);
        }
        covered = store_.Or(covered, store_.And(values, said));
      }
      left = store_.Or(left, store_.IfThenElse(said, kFalseNode, branch.a));
    }
    return store_.Or(covered, Cover(left, common, prefix));
  }

  Condition result;

 private:
  NodeStore& store_;
  std::size_t max_terms_;
};

// least <= x <= greatest for the 64 bits from the word on, or for the one word.
NodeId AtMost(NodeStore& store, const ArgTest& test, std::uint64_t bound) {
  const auto low = static_cast<std::uint32_t>(bound);
  const Word low_word = FirstVariable(test.index) / kWordBits + 1;
  if (test.part == ArgPart::kLow32) {
    return store.IfWordGreater(low_word, low, kFalseNode, kTrueNode);
  }
  if (test.part == ArgPart::kHigh32) {
    return store.IfWordGreater(low_word - 1, low, kFalseNode, kTrueNode);
  }
  const auto high = static_cast<std::uint32_t>(bound >> kWordBits);
  const NodeId low_fits = store.IfWordGreater(low_word, low, kFalseNode, kTrueNode);
  const NodeId high_fits = store.IfWordEqual(low_word - 1, high, low_fits, kTrueNode);
  return store.IfWordGreater(low_word - 1, high, kFalseNode, high_fits);
}

NodeId Range(NodeStore& store, const ArgTest& test) {
  const NodeId not_above = AtMost(store, test, test.second);
  if (test.first == 0) return not_above;
  return store.IfThenElse(AtMost(store, test, test.first - 1), kFalseNode, not_above);
}

NodeId Masked(NodeStore& store, const ArgTest& test) {
  std::uint64_t mask = test.second;
  std::uint64_t value = test.first;
  if (test.part == ArgPart::kHigh32) {
    mask <<= kWordBits;
    value <<= kWordBits;
  }
  if ((value & ~mask) != 0) return kFalseNode;
  NodeId result = kTrueNode;
  for (std::uint32_t bit = 0; bit < 2 * kWordBits; ++bit) {
    if (((mask >> bit) & 1) == 0) continue;
    const std::uint32_t variable = FirstVariable(test.index) + 2 * kWordBits - 1 - bit;
    const bool one = ((value >> bit) & 1) != 0;
    result =
        one ? store.Make(variable, kFalseNode, result) : store.Make(variable, result, kFalseNode);
  }
  return result;
}

NodeId NodeOf(NodeStore& store, const ArgTest& test) {
  switch (test.relation) {
    case ArgRelation::kInRange:
      return Range(store, test);
    case ArgRelation::kNotInRange:
      return store.Not(Range(store, test));
    case ArgRelation::kMasked:
      return Masked(store, test);
    case ArgRelation::kNotMasked:
      return store.Not(Masked(store, test));
  }
  return kFalseNode;
}

}  // namespace

Condition DescribeRegion(Workspace& workspace, Region region, std::size_t max_terms) {
  Coverer coverer(workspace.Store(), max_terms);
  coverer.Cover(region.root, region.root, {});
  if (workspace.Store().Exhausted()) coverer.result.complete = false;
  return std::move(coverer.result);
}

base::Result<Region> RegionOf(Workspace& workspace, const ArgTest& test) {
  workspace.Begin();
  return workspace.Finish(Region{NodeOf(workspace.Store(), test)});
}

base::Result<Region> RegionOf(Workspace& workspace, const Condition& condition) {
  if (!condition.complete) {
    return base::Fail(base::ErrorCode::kInvalidArgument, "the condition was cut at its limit");
  }
  workspace.Begin();
  NodeStore& store = workspace.Store();
  NodeId any = kFalseNode;
  for (const auto& tests : condition.any_of) {
    NodeId all = kTrueNode;
    for (const ArgTest& test : tests) all = store.And(all, NodeOf(store, test));
    any = store.Or(any, all);
  }
  return workspace.Finish(Region{any});
}

}  // namespace seccompd::bpf
