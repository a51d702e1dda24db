// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/exposition.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace seccompd::metrics {
namespace {

constexpr double kExact = 9007199254740992;  // below, a double counts every integer

std::string_view NameOf(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kHistogram:
      return "histogram";
    case Type::kGauge:
      break;
  }
  return "gauge";
}

void AppendEscaped(std::string_view text, bool quotes, std::string* out) {
  for (const char c : text) {
    if (c == '\\') {
      *out += "\\\\";
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '"' && quotes) {
      *out += "\\\"";
    } else {
      *out += c;
    }
  }
}

template <class T>
std::string Digits(T value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return std::string(digits.data(), end.ptr);
}

}  // namespace

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const bool integer = std::abs(value) < kExact && std::trunc(value) == value;
  return integer ? Digits(static_cast<std::int64_t>(value)) : Digits(value);
}

void Exposition::Begin(const Descriptor& metric) {
  if (current_ == metric.name) return;
  current_ = metric.name;
  text_.append("# HELP ").append(metric.name).append(" ");
  AppendEscaped(metric.help, false, &text_);
  text_.append("\n# TYPE ").append(metric.name).append(" ").append(NameOf(metric.type));
  text_ += '\n';
}

void Exposition::Line(std::string_view name, std::string_view suffix, const Labels& labels,
                      std::string_view value) {
  text_.append(name).append(suffix);
  char before = '{';
  for (const Label& label : labels) {
    text_ += before;
    text_.append(label.name).append("=\"");
    AppendEscaped(label.value, true, &text_);
    text_ += '"';
    before = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_.append(" ").append(value).append("\n");
}

void Exposition::Add(const Descriptor& metric, double value, const Labels& labels) {
  if (minimal_ && metric.detail) return;
  Begin(metric);
  Line(metric.name, "", labels, NumberText(value));
}

void Exposition::Add(const Descriptor& metric, std::uint64_t value, const Labels& labels) {
  if (minimal_ && metric.detail) return;
  Begin(metric);
  Line(metric.name, "", labels, Digits(value));
}

void Exposition::Add(const Descriptor& metric, const std::optional<base::WallTime>& time) {
  if (!time) return;
  Add(metric, std::chrono::duration<double>(time->time_since_epoch()).count());
}

void Exposition::Add(const Descriptor& metric, const Histogram& histogram, const Labels& labels) {
  if (minimal_) return;
  Begin(metric);
  const std::vector<std::uint64_t> cumulative = histogram.Cumulative();
  Labels bucket = labels;
  bucket.push_back({"le", ""});
  for (std::size_t i = 0; i < cumulative.size(); ++i) {
    const bool last = i == histogram.bounds().size();
    bucket.back().value = last ? "+Inf" : NumberText(histogram.bounds()[i]);
    Line(metric.name, "_bucket", bucket, Digits(cumulative[i]));
  }
  Line(metric.name, "_sum", labels, NumberText(histogram.sum()));
  Line(metric.name, "_count", labels, Digits(histogram.count()));
}

}  // namespace seccompd::metrics
