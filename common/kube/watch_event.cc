// SPDX-License-Identifier: Apache-2.0
#include "common/kube/watch_event.h"

#include "common/base/strings.h"

namespace seccompd::kube {
namespace {

using document::Kind;
using document::Node;

constexpr std::size_t kMostMessage = 512;  // of a server's text that goes into ours

std::string_view Text(const Node* node) {
  return node != nullptr && node->kind == Kind::kString ? std::string_view(node->scalar)
                                                        : std::string_view();
}
const Node* Child(const Node* node, std::string_view key) {
  return node == nullptr || node->kind != Kind::kObject ? nullptr : node->Find(key);
}
std::optional<int> Number(const Node* node) {
  if (node == nullptr || node->kind != Kind::kNumber) return std::nullopt;
  return base::ParseInt<int>(node->scalar);
}

bool HasTooLargeCause(const Node* details) {
  const Node* causes = Child(details, "causes");
  if (causes == nullptr) return false;
  for (const Node& cause : causes->items) {
    if (Text(Child(&cause, "reason")) == "ResourceVersionTooLarge") return true;
  }
  return false;
}

ApiFailureKind KindOf(int code, const Node* status) {
  const std::string_view reason = Text(Child(status, "reason"));
  if (reason == "Expired" || reason == "Gone" || code == 410) return ApiFailureKind::kExpired;
  // Servers before 1.20 tell it only in words.
  const bool too_large =
      HasTooLargeCause(Child(status, "details")) ||
      Text(Child(status, "message")).find("Too large resource version") != std::string_view::npos;
  if (code == 504 && too_large) return ApiFailureKind::kTooLargeResourceVersion;
  if (code == 429) return ApiFailureKind::kTooManyRequests;
  if (code == 500) return ApiFailureKind::kInternal;
  if (code == 422) return ApiFailureKind::kInvalid;
  return ApiFailureKind::kOther;
}

ApiFailure FailureOfStatus(int code, const Node* status, std::string_view text,
                           std::optional<std::chrono::seconds> retry_after) {
  ApiFailure failure;
  failure.kind = KindOf(code, status);
  const auto seconds = Number(Child(Child(status, "details"), "retryAfterSeconds"));
  if (!retry_after && seconds && *seconds > 0) retry_after = std::chrono::seconds(*seconds);
  failure.retry_after = retry_after;
  const std::string_view message = Text(Child(status, "message"));
  failure.message = std::to_string(code) + ' ' +
                    base::Printable((message.empty() ? text : message).substr(0, kMostMessage));
  return failure;
}

std::optional<WatchEventType> TypeOf(std::string_view type) {
  if (type == "ADDED") return WatchEventType::kAdded;
  if (type == "MODIFIED") return WatchEventType::kModified;
  if (type == "DELETED") return WatchEventType::kDeleted;
  if (type == "BOOKMARK") return WatchEventType::kBookmark;
  return std::nullopt;
}

}  // namespace

base::Result<StreamItem> ParseWatchEvent(std::string_view text) {
  TRY_ASSIGN(Node event, document::ParseJson(text));
  const std::string_view type_text = Text(Child(&event, "type"));
  const Node* object = Child(&event, "object");
  if (type_text.empty() || object == nullptr || object->kind != Kind::kObject) {
    return base::Fail(base::ErrorCode::kCorrupt, "watch event without type and object");
  }
  if (type_text == "ERROR") {
    return FailureOfStatus(Number(Child(object, "code")).value_or(0), object, "", std::nullopt);
  }
  const auto type = TypeOf(type_text);
  if (!type) return UnknownEvent{std::string(type_text)};
  const Node* metadata = Child(object, "metadata");
  WatchEvent parsed;
  parsed.type = *type;
  parsed.resource_version = Text(Child(metadata, "resourceVersion"));
  parsed.initial_events_end =
      Text(Child(Child(metadata, "annotations"), "k8s.io/initial-events-end")) == "true";
  for (document::Member& member : event.members) {
    if (member.key == "object") parsed.object = std::move(member.value);
  }
  return parsed;
}

ApiFailure FailureOfResponse(int http_status, std::string_view body,
                             std::optional<std::chrono::seconds> retry_after) {
  if (document::LooksLikeJson(body)) {
    const auto status = document::ParseJson(body);
    if (status) return FailureOfStatus(http_status, &*status, "", retry_after);
  }
  return FailureOfStatus(http_status, nullptr, base::TrimSpace(body), retry_after);
}

}  // namespace seccompd::kube
