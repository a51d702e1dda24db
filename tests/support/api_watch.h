// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/support/api_state.h"

namespace seccompd::test_support {

// One open watch of the test API server, as a machine without I/O (apiserver storage/cacher).
class ApiWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Or the answer that a server gives instead of a stream.
  static std::variant<ApiResponse, ApiWatch> Open(const ApiState& state, const ApiRequest& request,
                                                  Time now);

  // The events that are due at `now`, each a line.
  std::vector<std::string> Due(const ApiState& state, Time now);
  // When Due has something to say even if nothing changes.
  [[nodiscard]] Time NextTime() const;
  [[nodiscard]] bool over(Time now) const { return ended_ || now >= deadline_; }
  [[nodiscard]] const std::string& resource() const { return request_.resource; }

 private:
  ApiWatch() = default;
  void AddCurrent(const ApiState& state, std::uint64_t version, std::vector<std::string>* lines);
  [[nodiscard]] std::string Event(const char* type, const boost::json::object& object,
                                  std::uint64_t version) const;
  [[nodiscard]] std::string Bookmark(std::uint64_t version, bool initial_events_end) const;
  [[nodiscard]] std::optional<std::string> EventOf(const ApiChange& change) const;

  ApiRequest request_;
  ApiKind kind_;
  std::optional<ApiSelector> selector_;
  std::uint64_t version_ = 0;  // everything up to it was sent
  std::vector<std::string> first_;
  bool bookmarks_ = false;
  bool ended_ = false;
  std::chrono::milliseconds bookmark_period_{0};
  Time next_bookmark_;
  Time deadline_;
};

}  // namespace seccompd::test_support
