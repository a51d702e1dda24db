// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/strings.h"
#include "common/base/time.h"

namespace seccompd::document {

// One JSON document, members in the order of the calls. Open and Close take the brackets; an absent
// fact is null, so that every member is always there.
class JsonWriter {
 public:
  void Open(char bracket) {
    Separate();
    out_ += bracket;
    first_ = true;
  }
  void Close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void Key(std::string_view key) {
    Separate();
    out_ += '"';
    out_ += key;
    out_ += "\":";
    first_ = true;  // the value follows without a comma
  }
  void Text(std::string_view value) {
    Separate();
    out_ += '"' + base::EscapeJson(value) + '"';
  }
  void Text(std::string_view key, std::string_view value) {
    Key(key);
    Text(value);
  }
  // "" is null.
  void OptionalText(std::string_view key, std::string_view value) {
    if (value.empty()) {
      Raw(key, "null");
    } else {
      Text(key, value);
    }
  }
  template <std::integral T>
  void Number(std::string_view key, T value) {
    Raw(key, fmt::format("{}", value));
  }
  template <class T>
  void OptionalNumber(std::string_view key, const std::optional<T>& value) {
    Raw(key, value ? fmt::format("{}", *value) : "null");
  }
  void Null(std::string_view key) { Raw(key, "null"); }
  void OptionalFlag(std::string_view key, std::optional<bool> value) {
    Raw(key, !value ? "null" : *value ? "true" : "false");
  }
  void Flag(std::string_view key, bool value) { Raw(key, value ? "true" : "false"); }
  void Time(std::string_view key, const std::optional<base::WallTime>& value) {
    OptionalText(key, value ? base::FormatTime(*value, /*with_millis=*/true) : std::string());
  }
  std::string Take() && { return std::move(out_); }

 private:
  void Separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void Raw(std::string_view key, std::string_view value) {
    Key(key);
    out_ += value;
    first_ = false;
  }

  std::string out_;
  bool first_ = true;
};

// Pieces of JSON, for where each member is written by a format string.
inline std::string JsonText(std::string_view text) { return "\"" + base::EscapeJson(text) + "\""; }

template <class Range, class Write>
std::string JsonList(const Range& range, const Write& write) {
  std::string out = "[";
  for (const auto& item : range) {
    if (out.size() > 1) out += ",";
    out += write(item);
  }
  return out + "]";
}

}  // namespace seccompd::document
