// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/compare.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "common/bpf/difference_count.h"
#include "common/bpf/return_value.h"
#include "common/bpf/walk.h"

namespace seccompd::bpf {
namespace {

// More ranges of differing numbers than this are no stub.
constexpr std::size_t kMaxTailRanges = 4'096;
constexpr std::uint32_t kX32Shift = 30;

// The part of a difference that lies in the arguments: shared by all numbers with the same
// remaining diagrams.
struct ArgumentDifference {
  NodePair values;
  Condition condition;
  SeccompData witness;  // arch and nr are to be filled in
};

class Lister {
 public:
  Lister(Workspace& workspace, const CompareOptions& options, std::vector<Difference>& list)
      : workspace_(workspace), store_(workspace.Store()), options_(options), list_(list) {}

  void List(const NodePair& roots) {
    WalkWord(store_, kArchWord, roots, true,
             [&](std::uint32_t first, std::uint32_t last, const NodePair& rest) {
               ListNumbers(first, last, rest);
               return !Full();
             });
  }

 private:
  [[nodiscard]] bool Full() const { return list_.size() >= options_.max_differences; }

  void ListNumbers(std::uint32_t first_arch, std::uint32_t last_arch, const NodePair& roots) {
    WalkWord(store_, kNrWord, roots, true,
             [&](std::uint32_t first, std::uint32_t last, const NodePair& rest) {
               for (const ArgumentDifference& part : ArgumentsOf(rest)) {
                 if (Full()) return false;
                 Difference difference{.first_arch = first_arch,
                                       .last_arch = last_arch,
                                       .first_nr = first,
                                       .last_nr = last,
                                       .condition = part.condition,
                                       .from = store_[part.values.a].low,
                                       .to = store_[part.values.b].low,
                                       .direction = Direction::kOther,
                                       .witness = part.witness};
                 difference.direction = DirectionOf(difference.from, difference.to);
                 difference.witness.arch = first_arch;
                 difference.witness.nr = first;
                 list_.push_back(std::move(difference));
               }
               return !Full();
             });
  }

  const std::vector<ArgumentDifference>& ArgumentsOf(const NodePair& rest) {
    const auto [place, added] = known_.try_emplace(rest.Key());
    if (!added) return place->second;
    auto pairs = TerminalPairs(store_, rest, true, options_.max_differences);
    std::sort(pairs.begin(), pairs.end(), [&](const NodePair& left, const NodePair& right) {
      return std::pair(store_[left.a].low, store_[left.b].low) <
             std::pair(store_[right.a].low, store_[right.b].low);
    });
    for (const NodePair& values : pairs) {
      const Region region{RegionReaching(store_, rest, values)};
      place->second.push_back({.values = values,
                               .condition = DescribeRegion(workspace_, region, options_.max_terms),
                               .witness = workspace_.AnyInput(region).value_or(SeccompData{})});
    }
    return place->second;
  }

  Workspace& workspace_;
  NodeStore& store_;
  const CompareOptions& options_;
  std::vector<Difference>& list_;
  std::unordered_map<std::uint64_t, std::vector<ArgumentDifference>> known_;
};

// Looks for runc's stub: from some number on one side says ENOSYS, whatever the arguments.
class TailFinder {
 public:
  TailFinder(NodeStore& store, const NodePair& roots, const CompareOptions& options)
      : store_(store), roots_(roots), options_(options) {}

  // All differences as tails, or nullopt if they are none.
  std::optional<std::vector<EnosysTail>> Find() {
    bool only_tails = true;
    WalkWord(store_, kArchWord, roots_, true,
             [&](std::uint32_t first, std::uint32_t last, const NodePair& rest) {
               only_tails = first == last && FindOnArch(first, rest);
               return only_tails;
             });
    if (!only_tails || store_.Exhausted()) return std::nullopt;
    return std::move(tails_);
  }

 private:
  // The least number of the ABI (x32 or not) in [first, last].
  static std::optional<std::uint32_t> LeastInAbi(bool x32, std::uint32_t first,
                                                 std::uint32_t last) {
    if (((first >> kX32Shift) & 1) == (x32 ? 1U : 0U)) return first;
    const std::uint64_t next = (std::uint64_t{first >> kX32Shift} + 1) << kX32Shift;
    if (next > last) return std::nullopt;
    return static_cast<std::uint32_t>(next);
  }

  bool FindOnArch(std::uint32_t arch, const NodePair& rest) {
    const bool two_abis = arch == kAuditArchX86_64;
    std::optional<std::uint32_t> least[2];
    std::size_t ranges = 0;
    WalkWord(store_, kNrWord, rest, true,
             [&](std::uint32_t first, std::uint32_t last, const NodePair&) {
               for (const bool x32 : {false, true}) {
                 if (least[x32 ? 1 : 0]) continue;
                 if (two_abis) {
                   least[x32 ? 1 : 0] = LeastInAbi(x32, first, last);
                 } else if (!x32) {
                   least[0] = first;
                 }
               }
               return ++ranges < kMaxTailRanges && !(least[0] && (least[1] || !two_abis));
             });
    if (ranges >= kMaxTailRanges) return false;
    for (const bool x32 : {false, true}) {
      const auto& first = least[x32 ? 1 : 0];
      if (first && !AddTail({.arch = arch, .x32 = x32, .first_nr = *first}, rest)) return false;
    }
    return true;
  }

  bool AddTail(EnosysTail tail, const NodePair& rest) {
    for (const LastSyscall& last : options_.last_syscalls) {
      if (last.arch == tail.arch && last.x32 == tail.x32 && tail.first_nr <= last.nr) return false;
    }
    NodeId inside = kTrueNode;
    if (tail.arch == kAuditArchX86_64) {
      const std::uint32_t variable = kNrWord * kWordBits + (kWordBits - 1 - kX32Shift);
      inside = tail.x32 ? store_.Literal(variable) : store_.Not(store_.Literal(variable));
    }
    if (tail.first_nr > 0) {
      inside = store_.And(inside,
                          store_.IfWordGreater(kNrWord, tail.first_nr - 1, kTrueNode, kFalseNode));
    }
    const NodeId enosys = store_.Terminal(kRetErrno | kEnosys);
    if (store_.IfThenElse(inside, rest.b, enosys) == enosys) {
      tail.in_second = true;
    } else if (store_.IfThenElse(inside, rest.a, enosys) == enosys) {
      tail.in_second = false;
    } else {
      return false;
    }
    tails_.push_back(tail);
    return true;
  }

  NodeStore& store_;
  NodePair roots_;
  const CompareOptions& options_;
  std::vector<EnosysTail> tails_;
};

}  // namespace

Direction DirectionOf(std::uint32_t from, std::uint32_t to) {
  const Permission before = PermissionOf(from);
  const Permission after = PermissionOf(to);
  if (after > before) return Direction::kWeaker;
  if (after < before) return Direction::kStricter;
  return Direction::kOther;
}

base::Result<Comparison> Compare(Workspace& workspace, Diagram from, Diagram to,
                                 const CompareOptions& options) {
  Comparison result;
  if (from == to) return result;
  workspace.Begin();
  NodeStore& store = workspace.Store();
  const NodePair roots{from.root, to.root};
  result.relation = Relation::kDifferent;
  const BlockCounts counts = DifferenceCounter(store).Count(roots);
  result.weaker = counts.weaker;
  result.stricter = counts.stricter;
  result.other = counts.other;
  result.total = counts.Total();
  Lister(workspace, options, result.differences).List(roots);
  if (counts.weaker == 0 && counts.stricter == 0) {
    if (auto tails = TailFinder(store, roots, options).Find()) {
      result.relation = Relation::kEqualExceptEnosys;
      result.enosys = std::move(*tails);
    }
  }
  return workspace.Finish(std::move(result));
}

}  // namespace seccompd::bpf
