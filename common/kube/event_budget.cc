// SPDX-License-Identifier: Apache-2.0
#include "common/kube/event_budget.h"

#include <utility>

namespace seccompd::kube {
namespace {

std::string ObjectOf(const EventTarget& target) {
  return target.kind + '\n' + target.namespace_name + '\n' + target.name + '\n' + target.uid +
         '\n' + target.field_path;
}

// What makes two notes the same one seen again. What is wrong with a ConfigMap is in the text, what
// is wrong with a container in the reason: its text may name a pid.
std::string KeyOf(const EventOffer& offer) {
  std::string key = offer.note.reason + '\n' + ObjectOf(offer.note.target);
  if (offer.shared) key += '\n' + offer.note.note;
  return key;
}

std::uint64_t Nanoseconds(base::WallTime time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

}  // namespace

EventBudget::EventBudget(EventBudgetOptions options, std::function<double()> random)
    : options_(options), random_(std::move(random)) {}

bool EventBudget::Spend(base::WallTime now) {
  while (!spent_.empty() && (spent_.front() + options_.window <= now || spent_.front() > now)) {
    spent_.pop_front();
  }
  if (spent_.size() >= options_.per_window) return false;
  spent_.push_back(now);
  return true;
}

EventDecision EventBudget::Offer(std::span<const EventOffer> offers, base::WallTime now) {
  EventDecision out;
  for (const EventOffer& offer : offers) OfferOne(offer, now, &out);
  for (auto& [key, entry] : entries_) {
    const bool silent = entry.last_observed + options_.silence <= now;
    if (entry.state != State::kActive || entry.pending || entry.ended || !silent) continue;
    entry.ended = true;
    if (entry.count < 2 || entry.last_observed <= entry.last_written || !Spend(now)) continue;
    entry.pending = true;
    out.writes.push_back({key, entry.name, entry.count, entry.last_observed, entry.note});
  }
  Forget(now);
  return out;
}

void EventBudget::OfferOne(const EventOffer& offer, base::WallTime now, EventDecision* out) {
  const std::string key = KeyOf(offer);
  Entry& entry = entries_[key];
  const bool first = entry.state == State::kNew && entry.count == 0;
  entry.note = offer.note;
  entry.last_observed = now;
  if (first && offer.shared && random_() >= options_.sampled) {
    entry.state = State::kSkipped;
    entry.count = 1;
    out->dropped.push_back(offer.note);
    return;
  }
  ++entry.count;
  if (entry.pending || entry.state == State::kSkipped) return;
  if (entry.state == State::kActive && !entry.ended) {
    if (entry.last_written + options_.refresh > now || !Spend(now)) return;
    entry.pending = true;
    out->writes.push_back({key, entry.name, entry.count, now, entry.note});
    return;
  }
  Create(key, &entry, now, out);
}

void EventBudget::Create(const std::string& key, Entry* entry, base::WallTime now,
                         EventDecision* out) {
  const std::string object = ObjectOf(entry->note.target);
  const auto last = by_object_.find(object);
  const bool too_soon =
      last != by_object_.end() && last->second + options_.per_object > now && last->second <= now;
  if (too_soon || !Spend(now)) {
    Drop(entry, out);
    return;
  }
  by_object_[object] = now;
  entry->name = EventName(entry->note.target.name, Nanoseconds(now) + entries_.size());
  entry->count = 1;
  entry->ended = false;
  entry->pending = true;
  out->writes.push_back({key, entry->name, 0, now, entry->note});
}

// Counted once; it is tried again at every offer, for nothing, until the budget allows it.
void EventBudget::Drop(Entry* entry, EventDecision* out) {
  if (entry->state != State::kDropped) out->dropped.push_back(entry->note);
  entry->state = State::kDropped;
}

void EventBudget::Written(const EventWrite& write, base::WallTime now) {
  const auto found = entries_.find(write.key);
  if (found == entries_.end()) return;
  found->second.pending = false;
  found->second.state = State::kActive;
  found->second.last_written = now;
}

void EventBudget::Failed(const EventWrite& write, bool gone, base::WallTime now) {
  const auto found = entries_.find(write.key);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.pending = false;
  if (write.count == 0) {
    entry.state = State::kDropped;  // tried again when the object's hour is over
  } else if (gone) {
    entry.ended = true;
  } else {
    entry.last_written = now;
  }
}

// What was not seen for an hour is new when it comes back.
void EventBudget::Forget(base::WallTime now) {
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    return !entry.pending &&
           (entry.last_observed + options_.per_object <= now || entry.last_observed > now);
  });
  std::erase_if(by_object_, [&](const auto& item) {
    return item.second + options_.per_object <= now || item.second > now;
  });
  // A bound against a world that is wrong everywhere at once; what is lost is counted anew.
  while (entries_.size() > options_.most_remembered) entries_.erase(entries_.begin());
}

}  // namespace seccompd::kube
