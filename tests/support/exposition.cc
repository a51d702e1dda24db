// SPDX-License-Identifier: Apache-2.0
#include "tests/support/exposition.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>

#include "common/base/strings.h"

namespace seccompd::test_support {
namespace {

using std::chrono::milliseconds;

struct Series {
  std::string_view name;
  std::set<std::string_view> labels;
};

// `name{a="x",b="y"}`; label values with commas or braces do not occur in what tests ask for.
Series ParseSeries(std::string_view text) {
  const std::size_t open = text.find('{');
  Series series{.name = text.substr(0, open), .labels = {}};
  if (open == std::string_view::npos) return series;
  const std::size_t close = text.rfind('}');
  for (const auto label : base::Split(text.substr(open + 1, close - open - 1), ',')) {
    if (!label.empty()) series.labels.insert(label);
  }
  return series;
}

}  // namespace

bool WaitFor(milliseconds timeout, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return condition();
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

std::optional<double> FindSample(std::string_view exposition, std::string_view series) {
  const Series wanted = ParseSeries(series);
  std::optional<double> sum;
  for (const std::string_view line : base::Split(exposition, '\n')) {
    const std::size_t space = line.rfind(' ');
    if (line.empty() || line.front() == '#' || space == std::string_view::npos) continue;
    const Series found = ParseSeries(line.substr(0, space));
    if (found.name != wanted.name || !std::ranges::includes(found.labels, wanted.labels)) continue;
    sum = sum.value_or(0) + std::strtod(std::string(line.substr(space + 1)).c_str(), nullptr);
  }
  return sum;
}

}  // namespace seccompd::test_support
