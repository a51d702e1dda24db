// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/difference_count.h"

#include <algorithm>
#include <limits>

namespace seccompd::bpf {
namespace {

constexpr std::size_t kMaxTerminalPairs = 100'000;
constexpr std::uint64_t kSummaryCost = 8;  // in operations of the store

std::uint64_t AddSaturated(std::uint64_t a, std::uint64_t b) {
  return b > std::numeric_limits<std::uint64_t>::max() - a
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

BlockCounts Sum(const BlockCounts& a, const BlockCounts& b) {
  return {.weaker = AddSaturated(a.weaker, b.weaker),
          .stricter = AddSaturated(a.stricter, b.stricter),
          .other = AddSaturated(a.other, b.other)};
}

// `b` is part of `a`, unless `a` is saturated.
BlockCounts Without(const BlockCounts& a, const BlockCounts& b) {
  return {.weaker = a.weaker - std::min(a.weaker, b.weaker),
          .stricter = a.stricter - std::min(a.stricter, b.stricter),
          .other = a.other - std::min(a.other, b.other)};
}

}  // namespace

std::uint64_t BlockCounts::Total() const {
  return AddSaturated(weaker, AddSaturated(stricter, other));
}

BlockCounts DifferenceCounter::Count(const NodePair& roots) {
  return From(kArchWord, 0, roots).counts;
}

DifferenceCounter::Summary DifferenceCounter::Join(Word word, const Summary& low,
                                                   const Summary& high) {
  Summary result{.first = low.first, .last = high.last, .counts = Sum(low.counts, high.counts)};
  // A range that goes on across the middle was counted twice.
  if (low.last == high.first) result.counts = Without(result.counts, Weight(word, low.last));
  return result;
}

// The pair seen from `variable` on: each bit it does not look at doubles it.
DifferenceCounter::Summary DifferenceCounter::From(Word word, std::uint32_t variable,
                                                   const NodePair& pair) {
  Summary summary = Summarize(word, pair);
  const std::uint32_t end = (word + 1) * kWordBits;
  const std::uint32_t top = std::min({end, store_[pair.a].variable, store_[pair.b].variable});
  for (std::uint32_t skipped = variable; skipped < top; ++skipped) {
    summary = Join(word, summary, summary);
  }
  return summary;
}

DifferenceCounter::Summary DifferenceCounter::Summarize(Word word, const NodePair& pair) {
  if (pair.a == pair.b) return {.first = pair, .last = pair, .counts = {}};
  const std::uint32_t top = std::min(store_[pair.a].variable, store_[pair.b].variable);
  if (top >= (word + 1) * kWordBits) {
    return {.first = pair, .last = pair, .counts = Weight(word, pair)};
  }
  if (const auto found = summaries_[word].find(pair.Key()); found != summaries_[word].end()) {
    return found->second;
  }
  store_.Spend(kSummaryCost);
  if (store_.Exhausted()) return {};
  const Node a = store_[pair.a];
  const Node b = store_[pair.b];
  const NodePair low = {a.variable == top ? a.low : pair.a, b.variable == top ? b.low : pair.b};
  const NodePair high = {a.variable == top ? a.high : pair.a, b.variable == top ? b.high : pair.b};
  const Summary summary = Join(word, From(word, top + 1, low), From(word, top + 1, high));
  summaries_[word].emplace(pair.Key(), summary);
  return summary;
}

BlockCounts DifferenceCounter::Weight(Word word, const NodePair& rest) {
  if (rest.a == rest.b) return {};
  if (const auto found = weights_[word].find(rest.Key()); found != weights_[word].end()) {
    return found->second;
  }
  BlockCounts counts;
  if (word == kArchWord) {
    counts = From(kNrWord, kNrWord * kWordBits, rest).counts;
  } else {
    for (const NodePair& pair : TerminalPairs(store_, rest, true, kMaxTerminalPairs)) {
      switch (DirectionOf(store_[pair.a].low, store_[pair.b].low)) {
        case Direction::kWeaker:
          ++counts.weaker;
          break;
        case Direction::kStricter:
          ++counts.stricter;
          break;
        case Direction::kOther:
          ++counts.other;
      }
    }
  }
  weights_[word].emplace(rest.Key(), counts);
  return counts;
}

}  // namespace seccompd::bpf
