// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/metrics/histogram.h"
#include "common/metrics/labels.h"
#include "common/metrics/metrics.h"

namespace seccompd::metrics {

struct Label {
  std::string name;
  std::string value;

  auto operator<=>(const Label&) const = default;  // NOLINT(modernize-use-nullptr): no pointer
};
using Labels = std::vector<Label>;

// One scrape in text format 0.0.4, written as series are added; those of one metric come one after
// the other. Private to this folder.
class Exposition {
 public:
  explicit Exposition(Level level = Level::kFull) : minimal_(level == Level::kMinimal) {}

  // Histograms and what the table calls detail are left out.
  [[nodiscard]] bool minimal() const { return minimal_; }

  void Add(const Descriptor& metric, double value, const Labels& labels = {});
  void Add(const Descriptor& metric, std::uint64_t value, const Labels& labels = {});
  void Add(const Descriptor& metric, const std::optional<base::WallTime>& time);
  void Add(const Descriptor& metric, const Histogram& histogram, const Labels& labels = {});
  template <class T>
  void Add(const Descriptor& metric, const std::optional<T>& value) {
    if (value) Add(metric, *value);
  }
  // One series for each value of a closed set.
  template <class E>
  void AddEach(const Descriptor& metric, const Per<E>& values) {
    AddEach(metric, values, {}, metric.labels);
  }
  // The same beside other labels.
  template <class E>
  void AddEach(const Descriptor& metric, const Per<E>& values, Labels others,
               std::string_view label) {
    others.push_back({std::string(label), ""});
    for (std::size_t i = 0; i < Per<E>::kSize; ++i) {
      const E value = static_cast<E>(i);
      others.back().value = std::string(LabelName(value));
      Add(metric, values[value], others);
    }
  }

  [[nodiscard]] std::string Text() && { return std::move(text_); }

 private:
  void Begin(const Descriptor& metric);
  void Line(std::string_view name, std::string_view suffix, const Labels& labels,
            std::string_view value);

  bool minimal_;
  std::string text_;
  std::string_view current_;  // the metric whose series are being added
};

// As the format wants it: the shortest text that reads back as the same number, "NaN", "+Inf".
[[nodiscard]] std::string NumberText(double value);

}  // namespace seccompd::metrics
