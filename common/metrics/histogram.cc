// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/histogram.h"

#include <algorithm>
#include <cmath>

namespace seccompd::metrics {

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {}

void Histogram::Observe(double value) {
  if (std::isnan(value)) return;
  value = std::max(value, 0.0);
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
  sum_ += value;
  ++count_;
}

std::vector<std::uint64_t> Histogram::Cumulative() const {
  std::vector<std::uint64_t> cumulative;
  cumulative.reserve(counts_.size());
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts_) {
    total += count;
    cumulative.push_back(total);
  }
  return cumulative;
}

}  // namespace seccompd::metrics
