// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/time.h"

namespace seccompd::kube {

inline constexpr std::size_t kMaxEventNote = 1'024;  // apis/core/validation/events.go

// What an Event is about (core/v1 ObjectReference).
struct EventTarget {
  std::string kind;  // "Pod"
  std::string namespace_name;
  std::string name;
  std::string uid = {};
  std::string field_path = {};  // "spec.containers{app}"

  bool operator==(const EventTarget&) const = default;
};

// What is to be said, as of one moment.
struct EventNote {
  std::string reason;  // "SeccompProfileStale"
  std::string action;  // "Audit"
  EventTarget target;
  std::string note;  // a longer one is cut

  bool operator==(const EventNote&) const = default;
};

// Who says it.
struct EventReporter {
  std::string controller = "seccompd.io/agent";
  std::string instance;  // "seccompd-<node>"
};

// "<object>.<hex nanoseconds>", as client-go names them; at most 253 bytes.
[[nodiscard]] std::string EventName(std::string_view object, std::uint64_t nanoseconds);

// The body of a CREATE in events.k8s.io/v1, a Warning.
[[nodiscard]] std::string RenderEvent(const EventNote& note, const std::string& name,
                                      const EventReporter& reporter, base::WallTime time);

// The strategic merge patch that makes an Event a series, or carries it on.
[[nodiscard]] std::string RenderSeriesPatch(std::uint64_t count, base::WallTime last_observed);

}  // namespace seccompd::kube
