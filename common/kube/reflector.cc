// SPDX-License-Identifier: Apache-2.0
#include "common/kube/reflector.h"

#include <algorithm>

namespace seccompd::kube {
namespace {

using base::MonoTime;
using std::chrono::milliseconds;

milliseconds Scale(milliseconds duration, double factor) {
  return milliseconds(
      static_cast<milliseconds::rep>(static_cast<double>(duration.count()) * factor));
}

bool IsUnsetVersion(std::string_view version) { return version.empty() || version == "0"; }

}  // namespace

Reflector::Reflector(ReflectorOptions options, Random random, MonoTime now)
    : options_(options),
      random_(std::move(random)),
      not_before_(now + Scale(options_.startup_jitter, random_())),
      use_watch_list_(options_.watch_list),
      backoff_(options_.backoff_first),
      last_backoff_(now) {
  StartList(RelistReason::kStart);
}

std::string Reflector::RelistVersion() const {
  if (version_unavailable_) return "";
  return last_version_.empty() ? "0" : last_version_;
}

void Reflector::StartList(RelistReason reason) {
  retried_list_ = false;
  need_list_ = true;
  initial_events_ = false;
  watch_chosen_ = false;
  phase_ = use_watch_list_ ? Phase::kOpenWatch : Phase::kList;
  original_version_ = RelistVersion();
  list_version_.clear();
  // A limit at a set version other than "0" would bypass the server's watch cache.
  const bool limited = paginated_ || IsUnsetVersion(original_version_);
  list_ = ListRequest{.resource_version = original_version_,
                      .limit = limited ? options_.page_size : 0,
                      .continue_token = {},
                      .reason = reason};
}

void Reflector::BackOff(MonoTime now, std::optional<milliseconds> at_least) {
  if (now - last_backoff_ >= options_.backoff_reset) backoff_ = options_.backoff_first;
  last_backoff_ = now;
  const milliseconds wait = Scale(backoff_, 1.0 + random_());
  backoff_ = std::min(backoff_ * 2, options_.backoff_most);
  not_before_ = now + std::max(wait, at_least.value_or(milliseconds(0)));
}

ReflectorStep Reflector::Next(MonoTime now) {
  if (now < not_before_) return Pause{not_before_};
  if (phase_ == Phase::kList) return list_;
  if (!watch_chosen_) {
    watch_chosen_ = true;
    const double spread = 1.0 + random_();
    watch_.timeout =
        std::chrono::duration_cast<std::chrono::seconds>(Scale(options_.min_watch_timeout, spread));
    watch_.send_initial_events = use_watch_list_ && need_list_;
    watch_.resource_version = version_unavailable_ ? "" : last_version_;
  }
  return watch_;
}

StoreAction Reflector::OnPage(std::string_view resource_version, std::string_view continue_token,
                              MonoTime now) {
  const bool first = list_.continue_token.empty();
  if (first) list_version_ = resource_version;
  if (!continue_token.empty()) {
    if (first && original_version_ == "0") paginated_ = true;
    list_.continue_token = continue_token;
    // With a continue token the server refuses any resourceVersion.
    list_.resource_version.reset();
    return StoreAction::kCollect;
  }
  Synced(list_version_);
  static_cast<void>(now);
  return StoreAction::kReplace;
}

void Reflector::Synced(std::string_view resource_version) {
  last_version_ = resource_version;
  version_unavailable_ = false;
  synced_ = true;
  resync_ = false;
  need_list_ = false;
  initial_events_ = false;
  if (phase_ == Phase::kList) {
    phase_ = Phase::kOpenWatch;
    watch_chosen_ = false;
  }
}

StoreAction Reflector::OnListFailed(const ApiFailure& failure, MonoTime now) {
  const bool expired = failure.kind == ApiFailureKind::kExpired;
  if (expired && !list_.continue_token.empty()) {
    // The snapshot behind the pages is gone: ask for everything at once, at the original version.
    list_.continue_token.clear();
    list_.limit = 0;
    list_.resource_version = original_version_;
    return StoreAction::kDropPending;
  }
  const bool unavailable = expired || failure.kind == ApiFailureKind::kTooLargeResourceVersion;
  if (unavailable) version_unavailable_ = true;
  const RelistReason reason = unavailable ? RelistReason::kExpired : RelistReason::kError;
  const bool retry_now = unavailable && !retried_list_;
  StartList(reason);
  phase_ = Phase::kList;
  retried_list_ = retry_now;
  if (!retry_now) BackOff(now, failure.retry_after);
  return StoreAction::kDropPending;
}

void Reflector::OnWatchOpened(MonoTime now) {
  phase_ = Phase::kWatching;
  watch_opened_ = now;
  events_ = 0;
  initial_events_ = watch_.send_initial_events;
  hold_version_ = IsUnsetVersion(watch_.resource_version) || initial_events_;
}

StoreAction Reflector::FallBackToList(MonoTime now) {
  use_watch_list_ = false;
  static_cast<void>(now);
  StartList(synced_ ? RelistReason::kError : RelistReason::kStart);
  return StoreAction::kDropPending;
}

StoreAction Reflector::OnWatchRefused(const ApiFailure& failure, MonoTime now) {
  watch_chosen_ = false;
  const bool retriable = failure.kind == ApiFailureKind::kConnectionRefused ||
                         failure.kind == ApiFailureKind::kTooManyRequests;
  if (retriable) {
    // The same version is still good: wait, then watch again, no LIST.
    phase_ = Phase::kOpenWatch;
    BackOff(now, failure.retry_after);
    return StoreAction::kNone;
  }
  if (watch_.send_initial_events) {
    const bool unavailable = failure.kind == ApiFailureKind::kExpired ||
                             failure.kind == ApiFailureKind::kTooLargeResourceVersion;
    if (unavailable) version_unavailable_ = true;
    return FallBackToList(now);
  }
  StartList(failure.kind == ApiFailureKind::kExpired ? RelistReason::kExpired
                                                     : RelistReason::kError);
  BackOff(now, failure.retry_after);
  return StoreAction::kNone;
}

StoreAction Reflector::OnEvent(WatchEventType type, std::string_view resource_version,
                               bool initial_events_end, MonoTime now) {
  ++events_;
  internal_errors_since_.reset();
  static_cast<void>(now);
  if (initial_events_) {
    if (type == WatchEventType::kBookmark && initial_events_end) {
      Synced(resource_version);
      hold_version_ = false;
      return StoreAction::kReplace;
    }
    return type == WatchEventType::kBookmark ? StoreAction::kNone : StoreAction::kCollect;
  }
  if (type != WatchEventType::kAdded) hold_version_ = false;
  if (!hold_version_ && !resource_version.empty()) last_version_ = resource_version;
  switch (type) {
    case WatchEventType::kAdded:
    case WatchEventType::kModified:
      return StoreAction::kUpsert;
    case WatchEventType::kDeleted:
      return StoreAction::kRemove;
    case WatchEventType::kBookmark:
      return StoreAction::kNone;
  }
  return StoreAction::kNone;
}

StoreAction Reflector::OnWatchError(const ApiFailure& failure, MonoTime now) {
  if (initial_events_) {
    if (failure.kind == ApiFailureKind::kExpired ||
        failure.kind == ApiFailureKind::kTooLargeResourceVersion) {
      version_unavailable_ = true;
    }
    return FallBackToList(now);
  }
  if (failure.kind == ApiFailureKind::kTooManyRequests) {
    phase_ = Phase::kOpenWatch;
    watch_chosen_ = false;
    BackOff(now, failure.retry_after);
    return StoreAction::kNone;
  }
  if (failure.kind == ApiFailureKind::kInternal) {
    if (!internal_errors_since_) internal_errors_since_ = now;
    if (now - *internal_errors_since_ < options_.internal_error_retry) {
      phase_ = Phase::kOpenWatch;
      watch_chosen_ = false;
      BackOff(now, failure.retry_after);
      return StoreAction::kNone;
    }
    internal_errors_since_.reset();
  }
  // Everything else ends this round; the next LIST starts from the last version seen.
  StartList(failure.kind == ApiFailureKind::kExpired ? RelistReason::kExpired
                                                     : RelistReason::kError);
  BackOff(now, failure.retry_after);
  return StoreAction::kNone;
}

StoreAction Reflector::OnWatchEnded(RewatchReason reason, MonoTime now) {
  static_cast<void>(reason);
  if (initial_events_) return FallBackToList(now);
  if (resync_) {
    StartList(RelistReason::kResync);
    return StoreAction::kNone;
  }
  if (events_ == 0 && now - watch_opened_ < options_.very_short_watch) {
    // A proxy that cuts every watch at once must not be hammered.
    StartList(RelistReason::kError);
    BackOff(now);
    return StoreAction::kNone;
  }
  phase_ = Phase::kOpenWatch;
  watch_chosen_ = false;
  return StoreAction::kNone;
}

std::optional<MonoTime> Reflector::WatchListDeadline() const {
  if (!initial_events_) return std::nullopt;
  return watch_opened_ + options_.watch_list_deadline;
}

void Reflector::RequestResync() { resync_ = true; }

}  // namespace seccompd::kube
