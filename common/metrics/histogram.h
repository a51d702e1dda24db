// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace seccompd::metrics {

// Counts of observations by upper bound, as a plain value. Bounds are fixed at construction,
// strictly rising and finite; +Inf is implied.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds);

  // NaN is ignored, a negative value counts as 0: a duration is never negative.
  void Observe(double value);

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  // Observations at or below each bound, then all of them: one more than bounds.
  [[nodiscard]] std::vector<std::uint64_t> Cumulative() const;
  [[nodiscard]] double sum() const { return sum_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }

  bool operator==(const Histogram&) const = default;

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;  // not cumulative; the last is +Inf
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace seccompd::metrics
