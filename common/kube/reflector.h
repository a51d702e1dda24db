// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/time.h"

namespace seccompd::kube {

// What an API failure means to a reflector; made from an HTTP status and the Status object in its
// body, or from the Status of a watch's ERROR event (k8s.io/apimachinery api/errors).
enum class ApiFailureKind : std::uint8_t {
  kExpired,                  // 410, reason Expired (>= 1.18) or Gone (<= 1.17)
  kTooLargeResourceVersion,  // 504, cause ResourceVersionTooLarge or, before 1.20, its message
  kTooManyRequests,          // 429
  kInternal,                 // 500
  kInvalid,                  // 422: the WatchList gate is off
  kConnectionRefused,        //
  kOther,
};

struct ApiFailure {
  ApiFailureKind kind = ApiFailureKind::kOther;
  std::optional<std::chrono::milliseconds> retry_after;
  std::string message;
};

// Why the whole collection is asked for; label values of seccompd_relists_total.
enum class RelistReason : std::uint8_t { kStart, kExpired, kError, kResync };
// Why a watch was opened again; label values of seccompd_watch_restarts_total.
enum class RewatchReason : std::uint8_t { kTimeout, kEof, kExpired, kError, kIdle, kThrottled };

// What the shell does next.
struct Pause {
  base::MonoTime until;
};
// LIST with resourceVersion (absent with a continue token), limit (0: none), continue.
struct ListRequest {
  std::optional<std::string> resource_version;
  std::size_t limit = 0;
  std::string continue_token;
  RelistReason reason = RelistReason::kStart;

  bool operator==(const ListRequest&) const = default;
};
// WATCH with allowWatchBookmarks=true; with `send_initial_events` also
// resourceVersionMatch=NotOlderThan, and a resourceVersion only if it is not empty.
struct WatchRequest {
  std::string resource_version;
  std::chrono::seconds timeout{0};
  bool send_initial_events = false;

  bool operator==(const WatchRequest&) const = default;
};
using ReflectorStep = std::variant<Pause, ListRequest, WatchRequest>;

// What becomes of the items of a page and of the object of an event.
enum class StoreAction : std::uint8_t {
  kNone,
  kCollect,      // into the pending set, which replaces the store when it is complete
  kReplace,      // the pending set with this page: the store is now exactly that
  kDropPending,  // forget what was collected
  kUpsert,       // into the store
  kRemove,       // from the store
};

enum class WatchEventType : std::uint8_t { kAdded, kModified, kDeleted, kBookmark };

struct ReflectorOptions {
  std::chrono::milliseconds startup_jitter{0};  // the first request comes in 0..this
  std::chrono::seconds min_watch_timeout{300};  // a watch lasts 1..2 times this
  std::size_t page_size = 500;
  bool watch_list = false;                                // try sendInitialEvents first
  std::chrono::milliseconds watch_list_deadline{10'000};  // servers before 1.27 never send the mark
  std::chrono::milliseconds internal_error_retry{30'000};  // re-watch this long after a 500
  std::chrono::milliseconds backoff_first{800};
  std::chrono::milliseconds backoff_most{30'000};
  std::chrono::milliseconds backoff_reset{120'000};   // of quiet
  std::chrono::milliseconds very_short_watch{1'000};  // without an event: a broken proxy
};

// client-go's Reflector (tools/cache/reflector.go) as a machine without I/O: Next() says what to
// do, the On...() calls say what came of it. It holds the protocol only; objects stay with the
// caller, who obeys the StoreAction. Random numbers in [0, 1) come from outside. Constants are
// client-go's.
class Reflector {
 public:
  using Random = std::function<double()>;
  Reflector(ReflectorOptions options, Random random, base::MonoTime now);

  // The same answer until an On...() call or, for a Pause, until its time has come.
  [[nodiscard]] ReflectorStep Next(base::MonoTime now);

  // `resource_version` and `continue_token` of the list's metadata.
  StoreAction OnPage(std::string_view resource_version, std::string_view continue_token,
                     base::MonoTime now);
  StoreAction OnListFailed(const ApiFailure& failure, base::MonoTime now);

  void OnWatchOpened(base::MonoTime now);
  StoreAction OnWatchRefused(const ApiFailure& failure, base::MonoTime now);
  // `initial_events_end`: the bookmark's annotation k8s.io/initial-events-end.
  StoreAction OnEvent(WatchEventType type, std::string_view resource_version,
                      bool initial_events_end, base::MonoTime now);
  // An ERROR event; the stream is over.
  StoreAction OnWatchError(const ApiFailure& failure, base::MonoTime now);
  // The stream ended without an error: end of file, our deadline, or silence.
  StoreAction OnWatchEnded(RewatchReason reason, base::MonoTime now);

  // While initial events stream in: when to give up on the mark and fall back to LIST.
  [[nodiscard]] std::optional<base::MonoTime> WatchListDeadline() const;

  // Everything is to be asked for again at the next opportunity (never on a timer: design section
  // 4).
  void RequestResync();

  [[nodiscard]] bool synced() const { return synced_; }
  [[nodiscard]] const std::string& resource_version() const { return last_version_; }
  // Why the collection is asked for, by LIST or by a watch with initial events.
  [[nodiscard]] RelistReason relist_reason() const { return list_.reason; }

 private:
  enum class Phase : std::uint8_t { kList, kOpenWatch, kWatching };

  [[nodiscard]] std::string RelistVersion() const;
  void StartList(RelistReason reason);
  void BackOff(base::MonoTime now, std::optional<std::chrono::milliseconds> at_least = {});
  void Synced(std::string_view resource_version);
  StoreAction FallBackToList(base::MonoTime now);

  ReflectorOptions options_;
  Random random_;
  Phase phase_ = Phase::kList;
  base::MonoTime not_before_;
  std::string last_version_;
  bool version_unavailable_ = false;  // the server has forgotten last_version_
  bool synced_ = false;
  bool resync_ = false;
  bool need_list_ = true;  // the store is not yet what the server last listed

  ListRequest list_;
  std::string list_version_;      // of the first page: what a later watch starts from
  std::string original_version_;  // what the first page was asked at
  bool retried_list_ = false;     // an Expired list is retried at once, once
  bool paginated_ = false;        // a LIST at "0" came in pages: keep the limit

  WatchRequest watch_;
  bool watch_chosen_ = false;
  bool use_watch_list_ = false;
  bool initial_events_ = false;  // streaming, not yet marked complete
  bool hold_version_ = false;    // synthetic ADDED events come in no order
  base::MonoTime watch_opened_;
  std::size_t events_ = 0;
  std::optional<base::MonoTime> internal_errors_since_;

  std::chrono::milliseconds backoff_;
  base::MonoTime last_backoff_;
};

}  // namespace seccompd::kube
