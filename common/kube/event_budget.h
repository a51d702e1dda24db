// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/kube/event.h"

namespace seccompd::kube {

struct EventBudgetOptions {
  std::chrono::milliseconds per_object = std::chrono::hours(1);  // one new Event each
  std::size_t per_window = 10;                                   // requests of this node
  std::chrono::milliseconds window = std::chrono::minutes(10);
  std::chrono::milliseconds refresh = std::chrono::minutes(30);  // of a series that goes on
  std::chrono::milliseconds silence = std::chrono::minutes(6);   // ends a series
  double sampled = 1.0;  // share of nodes that speak of an object that every node sees
  std::size_t most_remembered = 5'000;
};

// What is to be said now, and whether every node of the cluster could say the same.
struct EventOffer {
  EventNote note;
  bool shared = false;
};

// A request to make. Answer it with Written or Failed.
struct EventWrite {
  std::string key;
  std::string name;         // of the Event
  std::uint64_t count = 0;  // 0: create it; else patch its series
  base::WallTime last_observed;
  EventNote note;
};

struct EventDecision {
  std::vector<EventWrite> writes;
  std::vector<EventNote> dropped;  // said once each, not at every offer
};

// Decides which Events are written, so that neither a container that is wrong for days nor a
// ConfigMap that is wrong on 65,000 nodes floods the API server. The same note seen again is no new
// Event but one series, written rarely (client-go tools/events/event_broadcaster.go). What is new
// is written before what goes on, of which the longest unwritten goes first. Every interval is one
// of the steady clock; a wall time is only what an Event says. Time and chance come from outside;
// `random` gives [0, 1).
class EventBudget {
 public:
  EventBudget(EventBudgetOptions options, std::function<double()> random);

  // `offers`: everything that is wrong at this moment.
  [[nodiscard]] EventDecision Offer(std::span<const EventOffer> offers, base::MonoTime now,
                                    base::WallTime wall);

  void Written(const EventWrite& write, base::MonoTime now);
  // `gone`: the Event expired meanwhile and is made anew when it is next due.
  void Failed(const EventWrite& write, bool gone, base::MonoTime now);

  [[nodiscard]] std::size_t remembered() const { return entries_.size(); }

 private:
  enum class State : std::uint8_t { kNew, kActive, kSkipped, kDropped };
  struct Entry {
    State state = State::kNew;
    EventNote note;
    std::string name;
    std::uint64_t count = 0;
    base::WallTime last_observed{};
    base::MonoTime observed;  // the same by the steady clock
    base::MonoTime written;
    bool ended = false;    // silent: its last patch is due or written
    bool pending = false;  // a request is under way
  };
  struct Clock {
    base::MonoTime now;
    base::WallTime wall;
  };
  [[nodiscard]] bool Spend(base::MonoTime now);
  void Forget(base::MonoTime now);
  using Entries = std::map<std::string, Entry>;  // by what is said of whom
  // The series, if it is due to be patched; else null.
  [[nodiscard]] Entries::value_type* OfferOne(const EventOffer& offer, const Clock& clock,
                                              EventDecision* out);
  void Create(const std::string& key, Entry* entry, const Clock& clock, EventDecision* out);
  void Patch(const std::string& key, Entry* entry, EventDecision* out);
  void Drop(Entry* entry, EventDecision* out);

  EventBudgetOptions options_;
  std::function<double()> random_;
  Entries entries_;
  std::map<std::string, base::MonoTime> by_object_;  // last new Event of a container or ConfigMap
  std::deque<base::MonoTime> spent_;
};

}  // namespace seccompd::kube
