// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/document/document.h"
#include "common/kube/reflector.h"

namespace seccompd::kube {

// One object of a watch stream that carries data or progress.
struct WatchEvent {
  WatchEventType type = WatchEventType::kBookmark;
  std::string resource_version;
  bool initial_events_end = false;  // a bookmark annotated k8s.io/initial-events-end=true
  document::Node object;            // a bookmark's holds no more than metadata
};
// An event of a type we do not know: logged and skipped, as client-go does.
struct UnknownEvent {
  std::string type;
};
using StreamItem = std::variant<WatchEvent, ApiFailure, UnknownEvent>;

// {"type":"ADDED","object":{...}}; an ERROR event becomes the ApiFailure of its Status.
// kCorrupt if the text is not such an object (apimachinery meta/v1 WatchEvent).
[[nodiscard]] base::Result<StreamItem> ParseWatchEvent(std::string_view text);

// What a failed request means. `body` is a Status object or, from the server's filters, plain text;
// `retry_after` is the header, which a Status's details.retryAfterSeconds backs up.
ApiFailure FailureOfResponse(int http_status, std::string_view body,
                             std::optional<std::chrono::seconds> retry_after);

}  // namespace seccompd::kube
