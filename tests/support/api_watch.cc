// SPDX-License-Identifier: Apache-2.0
#include "tests/support/api_watch.h"

#include <algorithm>
#include <boost/json.hpp>

#include "common/base/strings.h"

namespace seccompd::test_support {
namespace {

namespace json = boost::json;

std::string ErrorEvent(const std::string& status) {
  return R"({"type":"ERROR","object":)" + status + "}\n";
}

}  // namespace

std::string ApiWatch::Event(const char* type, const json::object& object,
                            std::uint64_t version) const {
  json::object shown = object;
  shown["kind"] = kind_.kind;
  shown["apiVersion"] = kind_.api_version;
  shown["metadata"].as_object()["resourceVersion"] = std::to_string(version);
  return std::string(R"({"type":")") + type + R"(","object":)" + json::serialize(shown) + "}\n";
}

std::string ApiWatch::Bookmark(std::uint64_t version, bool initial_events_end) const {
  const std::string annotation =
      initial_events_end ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "";
  return R"({"type":"BOOKMARK","object":{"kind":")" + kind_.kind + R"(","apiVersion":")" +
         kind_.api_version + R"(","metadata":{"resourceVersion":")" + std::to_string(version) +
         R"(","creationTimestamp":null)" + annotation + "}}}\n";
}

// cache_watcher.go convertToWatchEvent.
std::optional<std::string> ApiWatch::EventOf(const ApiChange& change) const {
  if (change.resource != request_.resource) return std::nullopt;
  if (!request_.name_space.empty() && change.name_space != request_.name_space) {
    return std::nullopt;
  }
  const bool was = change.before && selector_->Matches(*change.before);
  const bool is = change.after && selector_->Matches(*change.after);
  if (is) return Event(was ? "MODIFIED" : "ADDED", *change.after, change.version);
  // It went, or it merely stopped matching: its old content under the new version.
  if (was) return Event("DELETED", *change.before, change.version);
  return std::nullopt;
}

void ApiWatch::AddCurrent(const ApiState& state, std::uint64_t version,
                          std::vector<std::string>* lines) {
  const std::string scope = request_.name_space.empty()
                                ? request_.resource + "/"
                                : ApiKey(request_.resource, request_.name_space, "");
  for (const auto& [key, object] : state.store.At(version)) {
    if (!key.starts_with(scope) || !selector_->Matches(object)) continue;
    const auto own = base::ParseInt<std::uint64_t>(MetaText(object, "resourceVersion"));
    lines->push_back(Event("ADDED", object, own.value_or(version)));
  }
}

std::variant<ApiResponse, ApiWatch> ApiWatch::Open(const ApiState& state, const ApiRequest& request,
                                                   Time now) {
  const ApiBehaviour& behaviour = state.behaviour;
  const auto kind = KindOf(request.group, request.resource);
  ApiWatch watch;
  watch.selector_ =
      ApiSelector::Parse(request.Query("labelSelector"), request.Query("fieldSelector"));
  if (!kind || !watch.selector_) {
    return StatusResponse(400, "BadRequest", "unable to parse requirement");
  }
  watch.kind_ = *kind;
  watch.request_ = request;
  const auto seconds = base::ParseInt<int>(request.Query("timeoutSeconds")).value_or(1800);
  watch.deadline_ = now + std::chrono::seconds(seconds);
  const std::string allow = request.Query("allowWatchBookmarks");
  const bool allowed = allow == "true" || allow == "1";
  watch.bookmarks_ = allowed && behaviour.bookmarks;
  watch.bookmark_period_ = behaviour.bookmark_period;
  watch.next_bookmark_ = now + behaviour.bookmark_period;
  const std::string text = request.Query("resourceVersion");
  const auto asked = base::ParseInt<std::uint64_t>(text).value_or(0);
  if (!text.empty() && !base::ParseInt<std::uint64_t>(text)) {
    return StatusResponse(400, "BadRequest", "Invalid value: \"" + text + "\"");
  }
  const bool initial = request.Query("sendInitialEvents") == "true" &&
                       behaviour.initial_events != InitialEvents::kIgnore;
  if (initial && behaviour.initial_events == InitialEvents::kInvalid) {
    return StatusResponse(422, "Invalid",
                          "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: "
                          "sendInitialEvents is forbidden for watch unless the WatchList feature "
                          "gate is enabled");
  }
  if (initial && (request.Query("resourceVersionMatch") != "NotOlderThan" || !allowed)) {
    return StatusResponse(422, "Invalid",
                          "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for "
                          "watch unless sendInitialEvents is provided");
  }
  const std::uint64_t current = state.CacheVersion();
  if (initial && asked > current) {
    watch.first_.push_back(
        ErrorEvent(StatusJson(504, "Timeout", "Timeout: Too large resource version: " + text,
                              R"({"causes":[{"reason":"ResourceVersionTooLarge","message":)"
                              R"("Too large resource version"}],"retryAfterSeconds":1})")));
    watch.ended_ = true;
  } else if (initial || asked == 0) {
    // "Get state and start": what exists comes as ADDED, by key, not by version.
    watch.version_ = current;
    watch.AddCurrent(state, current, &watch.first_);
    if (initial) watch.first_.push_back(watch.Bookmark(current, true));
  } else if (asked < state.store.compacted()) {
    const std::string message =
        "too old resource version: " + text + " (" + std::to_string(state.store.compacted()) + ")";
    if (behaviour.expired_as_status) return StatusResponse(410, behaviour.expired_reason, message);
    watch.first_.push_back(ErrorEvent(StatusJson(410, behaviour.expired_reason, message)));
    watch.ended_ = true;
  } else {
    watch.version_ = asked;
  }
  return watch;
}

std::vector<std::string> ApiWatch::Due(const ApiState& state, Time now) {
  std::vector<std::string> lines = std::exchange(first_, {});
  if (ended_) return lines;
  const std::uint64_t current = state.CacheVersion();
  const auto& history = state.store.history();
  if (version_ < state.store.compacted()) {
    ended_ = true;  // too slow: a server gives up such a watcher
    return lines;
  }
  auto at = std::upper_bound(
      history.begin(), history.end(), version_,
      [](std::uint64_t version, const ApiChange& change) { return version < change.version; });
  for (; at != history.end() && at->version <= current; ++at) {
    const auto event = EventOf(*at);
    if (event) lines.push_back(*event);
  }
  version_ = std::max(version_, current);
  // A server whose versions are behind the client's sends it no bookmark (cache_watcher.go).
  const bool bookmark = now >= next_bookmark_ || now >= deadline_;
  if (bookmark) next_bookmark_ = now + bookmark_period_;
  if (bookmark && bookmarks_ && version_ <= current) lines.push_back(Bookmark(version_, false));
  return lines;
}

ApiWatch::Time ApiWatch::NextTime() const {
  return bookmarks_ ? std::min(next_bookmark_, deadline_) : deadline_;
}

}  // namespace seccompd::test_support
