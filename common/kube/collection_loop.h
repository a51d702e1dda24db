// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/document/document.h"
#include "common/kube/api_client.h"
#include "common/kube/list_framer.h"
#include "common/kube/reflector.h"
#include "common/kube/watch_event.h"
#include "common/kube/watch_silence.h"

namespace seccompd::kube {

// Which objects: a collection of the API, narrowed by selectors.
struct CollectionSpec {
  std::string resource;  // "configmaps": for metrics and messages
  std::string path;      // "/api/v1/namespaces/seccompd/configmaps"
  std::string field_selector = {};
  std::string label_selector = {};
  bool metadata_only = false;         // PartialObjectMetadata
  std::string impersonate_user = {};  // "system:node:NAME", "" for none
};

struct CollectionOptions {
  ReflectorOptions reflector = {};
  SilenceLimits silence = {};
  std::chrono::milliseconds list_timeout{120'000};  // for the body of one page
  std::size_t max_object_bytes = std::size_t{4} << 20;
};

// Takes what the server says. Objects come one at a time and are gone when the call returns: keep
// only what matters. The same object may come twice, and a version may be older than one seen.
class CollectionSink {
 public:
  virtual ~CollectionSink() = default;
  // An object of the set that is being listed; it does not count before Replace.
  virtual void Collect(document::Node object) = 0;
  // What was collected is now the whole set, and the next pending set is empty.
  virtual void Replace() = 0;
  // The list failed: forget what was collected.
  virtual void DropPending() = 0;
  virtual void Upsert(document::Node object) = 0;
  // With the object's last content, or its old one if it merely stopped matching.
  virtual void Remove(document::Node object) = 0;
};

enum class CollectionState : std::uint8_t { kWaiting, kListing, kOpening, kWatching };

struct CollectionHealth {
  CollectionState state = CollectionState::kWaiting;
  bool synced = false;          // a complete set was given at least once
  bool forbidden = false;       // the last answer was 401 or 403
  bool unavailable = false;     // the last request failed; cleared by the next success
  std::string last_error = {};  // of the last failure, "" since the last success
  std::optional<base::MonoTime> last_byte = {};
  std::optional<base::MonoTime> next_try = {};  // while kWaiting: when the timer fires
  std::string resource_version = {};
};

struct CollectionCounters {
  std::array<std::uint64_t, 4> events{};  // by WatchEventType
  std::uint64_t error_events = 0;
  std::uint64_t unknown_events = 0;
  std::array<std::uint64_t, 6> restarts{};  // by RewatchReason
  std::array<std::uint64_t, 4> relists{};   // by RelistReason
  std::uint64_t pages = 0;
};

// One quorum LIST: what really exists ("namespace/name"), as of `resource_version`.
struct QuorumList {
  std::string resource_version;
  std::set<std::string, std::less<>> names;
};

// Follows one collection with the Reflector's rules: LIST, WATCH from there, again after a failure
// with its backoff. Every wait is bounded. The sink is called from the loop, never at another time.
class CollectionLoop {
 public:
  // All are borrowed and must outlive the loop.
  CollectionLoop(ApiClient& client, CollectionSpec spec, CollectionOptions options,
                 CollectionSink& sink);
  CollectionLoop(const CollectionLoop&) = delete;
  CollectionLoop& operator=(const CollectionLoop&) = delete;

  // Ends only as kCancelled.
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Run();

  // Ends the watch, if there is one, and asks for everything again, without waiting for either.
  void RequestResync();

  // One LIST past every cache, for the names alone, beside the loop: before a removal of many
  // objects is believed (design section 2.4). The sink is not called.
  [[nodiscard]] boost::asio::awaitable<base::Result<QuorumList>> ConfirmByQuorum();

  [[nodiscard]] const CollectionSpec& spec() const { return spec_; }
  [[nodiscard]] const CollectionHealth& health() const { return health_; }
  [[nodiscard]] const CollectionCounters& counters() const { return counters_; }

 private:
  struct Stream;  // one watch under way

  using Take = std::function<void(document::Node object)>;
  [[nodiscard]] boost::asio::awaitable<base::Result<>> ListPage(ListRequest request);
  [[nodiscard]] boost::asio::awaitable<base::Result<ListMeta>> ReadPage(ApiStream* stream,
                                                                        Take take,
                                                                        ApiFailure* failure);
  [[nodiscard]] boost::asio::awaitable<base::Result<ListMeta>> ReadNames(
      ApiStream* stream, std::set<std::string, std::less<>>* names, ApiFailure* failure);
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Watch(WatchRequest request);
  [[nodiscard]] boost::asio::awaitable<base::Result<>> Refused(ApiStream* stream);
  [[nodiscard]] boost::asio::awaitable<base::Result<>> FollowStream(Stream* watch);
  void NotOpened(const Stream& watch, const base::Error& error);
  // False when the stream is of no more use.
  [[nodiscard]] bool OnPiece(Stream* watch, std::string_view piece);
  [[nodiscard]] bool OnItem(Stream* watch, StreamItem item);
  void OnErrorEvent(const ApiFailure& failure);
  void OnReadFailure(const Stream& watch, const base::Error& error);
  void Ended(const Stream& watch, RewatchReason reason);
  void Obey(StoreAction action, std::optional<document::Node> object);
  void Failed(int status, const std::string& message);
  void Succeeded();
  [[nodiscard]] ApiCall CallOf(std::string verb, const std::string& query) const;
  [[nodiscard]] std::chrono::milliseconds PatienceOf(const Stream& watch, base::MonoTime now) const;

  ApiClient& client_;
  CollectionSpec spec_;
  CollectionOptions options_;
  CollectionSink& sink_;
  Reflector reflector_;
  CollectionHealth health_;
  CollectionCounters counters_;
  ApiStream* open_watch_ = nullptr;  // for RequestResync
  bool resync_ = false;
  WatchSilence silence_;
};

[[nodiscard]] std::string_view CollectionStateName(CollectionState state);
[[nodiscard]] std::string_view WatchEventTypeName(WatchEventType type);
[[nodiscard]] std::string_view RewatchReasonName(RewatchReason reason);
[[nodiscard]] std::string_view RelistReasonName(RelistReason reason);

}  // namespace seccompd::kube
