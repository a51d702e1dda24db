// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/kube/reflector.h"
#include "common/kube/watch_silence.h"
#include "tests/unit/kube/simulated_api.h"

namespace seccompd::kube {

inline constexpr base::MonoTime kWorldBegin{std::chrono::seconds(1000)};
inline constexpr std::size_t kWorldRunaway = 50'000;  // requests of one reflector: it spins

// One reflector, its mirror of the collection, and the server, all at one virtual instant.
class World {
 public:
  World(std::uint64_t seed, bool watch_list)
      : now(kWorldBegin),
        api(seed, kWorldBegin),
        random_(seed + 1),
        next_change_(now + std::chrono::seconds(1)),
        reflector(
            {.page_size = 10, .watch_list = watch_list}, [this] { return Chance(); }, now) {}

  double Chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

  void RunUntil(base::MonoTime until) {
    while (now < until && requests.size() < kWorldRunaway) {
      const ReflectorStep step = reflector.Next(now);
      if (const auto* pause = std::get_if<Pause>(&step)) {
        AdvanceTo(std::min(pause->until, until));
      } else if (const auto* list = std::get_if<ListRequest>(&step)) {
        Ask();
        List(*list);
      } else if (watching_) {
        Follow(until);
      } else {
        Ask();
        Open(std::get<WatchRequest>(step));
      }
    }
  }
  void Begin(Fault fault) {
    fault_ = fault;
    if (fault == Fault::kSilence) dead_ = true;
    const bool cuts = fault != Fault::kNone && fault != Fault::kSilence && fault != Fault::kReset;
    if (cuts && watching_) End(RewatchReason::kEof);
  }
  void CutWatch() {
    if (watching_) End(RewatchReason::kEof);
  }

  [[nodiscard]] bool watching() const { return watching_; }

  base::MonoTime now;
  SimulatedApi api;
  Objects store;
  std::vector<base::MonoTime> requests;
  std::size_t lists = 0;
  std::size_t strangers = 0;      // put into the store, though the server never had it
  std::size_t emptied = 0;        // times the store became empty
  std::size_t too_early = 0;      // requests before Retry-After was over
  std::size_t lists_at_zero = 0;  // after the first sync

 private:
  void AdvanceTo(base::MonoTime until) {
    while (next_change_ <= until) {
      api.Change(next_change_);
      next_change_ += std::chrono::milliseconds(static_cast<int>(1000 + Chance() * 60'000));
    }
    now = std::max(now, until);
  }
  void Ask() {
    if (now < retry_after_) ++too_early;
    requests.push_back(now);
    AdvanceTo(now + std::chrono::milliseconds(1));
  }
  ApiFailure Refusal() {
    ApiFailure failure = FailureOf(fault_);
    if (failure.retry_after) retry_after_ = now + *failure.retry_after;
    return failure;
  }
  void List(const ListRequest& request) {
    ++lists;
    if (reflector.synced() && request.resource_version == "0") ++lists_at_zero;
    const bool paged = !request.continue_token.empty();
    const bool answers = fault_ == Fault::kNone || fault_ == Fault::kReset ||
                         fault_ == Fault::kCutWatch || fault_ == Fault::kGarbage ||
                         fault_ == Fault::kExpiredStream ||
                         (fault_ == Fault::kExpiredPage && !paged);
    if (fault_ == Fault::kSilence) AdvanceTo(now + std::chrono::seconds(30));
    if (!answers) return Obey(reflector.OnListFailed(Refusal(), now), {});
    const bool ahead = request.resource_version && !request.resource_version->empty() &&
                       std::stoull(*request.resource_version) > api.version();
    if (ahead) return Obey(reflector.OnListFailed(FailureOf(Fault::kTooLarge), now), {});
    if (!paged) snapshot_ = {api.objects(), api.version()};
    const std::string from = request.continue_token;
    std::size_t room = request.limit == 0 ? snapshot_.first.size() : request.limit;
    std::string last;
    for (auto it = snapshot_.first.upper_bound(from); it != snapshot_.first.end(); ++it) {
      if (room-- == 0) break;
      pending_[it->first] = it->second;
      last = it->first;
    }
    const bool done = last.empty() || last == snapshot_.first.rbegin()->first;
    const std::string version = std::to_string(snapshot_.second);
    Obey(reflector.OnPage(version, done ? "" : last, now), {});
  }
  void Open(const WatchRequest& request) {
    const bool refused = fault_ == Fault::kRefused || fault_ == Fault::kThrottled ||
                         fault_ == Fault::kThrottledAfter || fault_ == Fault::kUnauthorized ||
                         fault_ == Fault::kInternal || fault_ == Fault::kTooLarge ||
                         fault_ == Fault::kExpiredList;
    if (refused) return Obey(reflector.OnWatchRefused(Refusal(), now), {});
    watching_ = true;
    dead_ = fault_ == Fault::kSilence;
    opened_ = last_byte_ = now;
    timeout_ = request.timeout;
    events_ = 0;
    bookmark_due_ = now + std::chrono::seconds(60);
    sent_ = request.resource_version.empty() ? 0 : std::stoull(request.resource_version);
    reflector.OnWatchOpened(now);
    if (fault_ == Fault::kCutWatch || fault_ == Fault::kExpiredPage) {
      return End(RewatchReason::kEof);
    }
    if (fault_ == Fault::kGarbage || fault_ == Fault::kExpiredStream) {
      return Fail(FailureOf(fault_));
    }
    if (request.send_initial_events && !dead_) return SendInitial();
    if (!dead_ && !api.CanWatchFrom(sent_)) Fail(FailureOf(Fault::kExpiredStream));
  }
  void SendInitial() {
    for (const auto& [name, content] : api.objects()) {
      Deliver(WatchEventType::kAdded, "1", {.name = name, .content = content, .at = now});
    }
    sent_ = api.version();
    const std::string version = std::to_string(sent_);
    Obey(reflector.OnEvent(WatchEventType::kBookmark, version, true, now), {});
  }
  void Fail(const ApiFailure& failure) {
    watching_ = false;
    Obey(reflector.OnWatchError(failure, now), {});
  }
  // As CollectionLoop::Ended.
  void End(RewatchReason reason) {
    watching_ = false;
    if (silence_.OnEnded(events_, now - opened_, timeout_)) reflector.RequestResync();
    Obey(reflector.OnWatchEnded(reason, now), {});
  }
  void Deliver(WatchEventType type, const std::string& version, const SimulatedEvent& event) {
    ++events_;
    last_byte_ = now;
    Obey(reflector.OnEvent(type, version, false, now), event);
  }
  // Until something comes, or the watch ends.
  void Follow(base::MonoTime until) {
    const bool ahead = sent_ > api.version();
    const bool mute = dead_ || ahead;
    const std::vector<SimulatedEvent> due = mute ? std::vector<SimulatedEvent>() : api.After(sent_);
    for (const SimulatedEvent& event : due) {
      if (fault_ == Fault::kReset) return End(RewatchReason::kEof);
      sent_ = event.version;
      Deliver(event.type, std::to_string(event.version), event);
    }
    if (!mute && now >= bookmark_due_) {
      silence_.OnBookmark();
      bookmark_due_ = now + std::chrono::seconds(60);
      Deliver(WatchEventType::kBookmark, std::to_string(sent_), {});
    }
    base::MonoTime wake = std::min(until, next_change_);
    if (!mute) wake = std::min({wake, bookmark_due_, opened_ + timeout_});
    const base::MonoTime give_up = silence_.GiveUp(opened_, timeout_, last_byte_);
    const base::MonoTime mark = reflector.WatchListDeadline().value_or(give_up);
    AdvanceTo(std::min({wake, give_up, mark}));
    if (!mute && now >= opened_ + timeout_) return End(RewatchReason::kTimeout);
    if (now < std::min(give_up, mark)) return;
    silence_.OnGivenUp();
    End(now >= mark ? RewatchReason::kIdle : RewatchReason::kTimeout);
  }
  void Obey(StoreAction action, const SimulatedEvent& event) {
    const bool filled = !store.empty();
    if (action == StoreAction::kReplace) store = std::exchange(pending_, {});
    if (action == StoreAction::kDropPending) pending_.clear();
    if (action == StoreAction::kCollect && !event.name.empty())
      pending_[event.name] = event.content;
    if (action == StoreAction::kUpsert) store[event.name] = event.content;
    if (action == StoreAction::kRemove) store.erase(event.name);
    if (filled && store.empty()) ++emptied;
    if (action == StoreAction::kUpsert && !api.Had(event.name, event.content)) ++strangers;
    if (action != StoreAction::kReplace) return;
    for (const auto& [name, content] : store) {
      if (!api.Had(name, content)) ++strangers;
    }
  }

  std::mt19937_64 random_;
  base::MonoTime next_change_;
  Fault fault_ = Fault::kNone;
  Objects pending_;
  std::pair<Objects, std::uint64_t> snapshot_;
  base::MonoTime retry_after_;
  bool watching_ = false;
  bool dead_ = false;
  base::MonoTime opened_;
  base::MonoTime last_byte_;
  base::MonoTime bookmark_due_;
  std::chrono::seconds timeout_{0};
  std::uint64_t sent_ = 0;
  std::size_t events_ = 0;
  WatchSilence silence_{{}};

 public:
  Reflector reflector;
};

}  // namespace seccompd::kube
