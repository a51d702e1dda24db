// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_map>

#include "common/bpf/compare.h"
#include "common/bpf/walk.h"

namespace seccompd::bpf {

// Numbers of differing blocks by direction; sums stay at the maximum instead of wrapping.
struct BlockCounts {
  std::uint64_t weaker = 0;
  std::uint64_t stricter = 0;
  std::uint64_t other = 0;

  [[nodiscard]] std::uint64_t Total() const;
  bool operator==(const BlockCounts&) const = default;
};

// Counts the blocks that Compare lists, without listing them: there may be 2^32 of them (a filter
// that looks at the lowest bit of nr). Each range of archs counts its ranges of numbers, each of
// these its pairs of return values.
class DifferenceCounter {
 public:
  explicit DifferenceCounter(NodeStore& store) : store_(store) {}

  BlockCounts Count(const NodePair& roots);

 private:
  // Of all values of the bits from some variable to the end of the word.
  struct Summary {
    NodePair first;  // remaining diagrams at the least and the greatest value
    NodePair last;
    BlockCounts counts;
  };
  Summary Summarize(Word word, const NodePair& pair);
  Summary From(Word word, std::uint32_t variable, const NodePair& pair);
  Summary Join(Word word, const Summary& low, const Summary& high);
  BlockCounts Weight(Word word, const NodePair& rest);

  NodeStore& store_;
  std::unordered_map<std::uint64_t, Summary> summaries_[2];
  std::unordered_map<std::uint64_t, BlockCounts> weights_[2];
};

}  // namespace seccompd::bpf
