// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/histogram.h"

#include <gmock/gmock.h>

#include <array>
#include <limits>

namespace seccompd::metrics {
namespace {

using testing::ElementsAre;

constexpr std::array kBounds = {0.1, 1.0};

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram(kBounds);
  EXPECT_THAT(histogram.Cumulative(), ElementsAre(0, 0, 0));
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.sum(), 0.0);
}

TEST(Histogram, BoundBelongsToItsBucket) {
  Histogram histogram(kBounds);
  histogram.Observe(0.1);
  histogram.Observe(1.0);
  EXPECT_THAT(histogram.Cumulative(), ElementsAre(1, 2, 2));
}

TEST(Histogram, GreaterThanAllBoundsCountsInTheLast) {
  Histogram histogram(kBounds);
  histogram.Observe(1.5);
  histogram.Observe(std::numeric_limits<double>::infinity());
  EXPECT_THAT(histogram.Cumulative(), ElementsAre(0, 0, 2));
}

TEST(Histogram, SumsWhatItCounts) {
  Histogram histogram(kBounds);
  histogram.Observe(0.25);
  histogram.Observe(0.5);
  EXPECT_EQ(histogram.sum(), 0.75);
  EXPECT_EQ(histogram.count(), 2U);
}

TEST(Histogram, NegativeCountsAsZero) {
  Histogram histogram(kBounds);
  histogram.Observe(-3.0);
  EXPECT_THAT(histogram.Cumulative(), ElementsAre(1, 1, 1));
  EXPECT_EQ(histogram.sum(), 0.0);
}

TEST(Histogram, NanIsIgnored) {
  Histogram histogram(kBounds);
  histogram.Observe(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(histogram.count(), 0U);
}

}  // namespace
}  // namespace seccompd::metrics
