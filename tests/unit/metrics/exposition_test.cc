// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/exposition.h"

#include <gmock/gmock.h>

#include <array>
#include <limits>

namespace seccompd::metrics {
namespace {

constexpr Descriptor kGauge{.name = "g", .labels = "state", .help = "A \\ of\nlines."};
constexpr Descriptor kCounter{.name = "c_total", .type = Type::kCounter, .help = "Counts."};
constexpr Descriptor kSeconds{.name = "s_seconds", .type = Type::kHistogram, .help = "Time."};

TEST(Exposition, AFamilyHasOneHeadAndEscapedValues) {
  Exposition out;
  out.Add(kGauge, 1.0, {{"state", "a\"b\\c\nd"}, {"x", ""}});
  out.Add(kGauge, 0.25, {{"state", "e"}});
  out.Add(kCounter, std::uint64_t{18'446'744'073'709'551'615U});
  EXPECT_EQ(std::move(out).Text(),
            "# HELP g A \\\\ of\\nlines.\n# TYPE g gauge\n"
            "g{state=\"a\\\"b\\\\c\\nd\",x=\"\"} 1\ng{state=\"e\"} 0.25\n"
            "# HELP c_total Counts.\n# TYPE c_total counter\nc_total 18446744073709551615\n");
}

TEST(Exposition, BucketsAreCumulativeAndEndWithInfinity) {
  constexpr std::array kBounds = {0.005, 10.0};
  Histogram histogram(kBounds);
  histogram.Observe(0.001);
  histogram.Observe(0.5);
  histogram.Observe(60);
  Exposition out;
  out.Add(kSeconds, histogram, {{"verb", "get"}});
  EXPECT_EQ(std::move(out).Text(),
            "# HELP s_seconds Time.\n# TYPE s_seconds histogram\n"
            "s_seconds_bucket{verb=\"get\",le=\"0.005\"} 1\n"
            "s_seconds_bucket{verb=\"get\",le=\"10\"} 2\n"
            "s_seconds_bucket{verb=\"get\",le=\"+Inf\"} 3\n"
            "s_seconds_sum{verb=\"get\"} 60.501\ns_seconds_count{verb=\"get\"} 3\n");
}

TEST(NumberText, ReadsBackAsTheSameNumber) {
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(-3), "-3");
  EXPECT_EQ(NumberText(281'474'976'710'655.0), "281474976710655");
  EXPECT_EQ(NumberText(1'700'000'000.5), "1700000000.5");
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(1e300), "1e+300");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(NumberText(-std::numeric_limits<double>::infinity()), "-Inf");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

}  // namespace
}  // namespace seccompd::metrics
