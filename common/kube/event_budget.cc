// SPDX-License-Identifier: Apache-2.0
#include "common/kube/event_budget.h"

#include <algorithm>
#include <utility>

namespace seccompd::kube {
namespace {

using base::MonoTime;

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

bool EventBudget::Spend(MonoTime now) {
  while (!spent_.empty() && spent_.front() + options_.window <= now) spent_.pop_front();
  if (spent_.size() >= options_.per_window) return false;
  spent_.push_back(now);
  return true;
}

EventDecision EventBudget::Offer(std::span<const EventOffer> offers, MonoTime now,
                                 base::WallTime wall) {
  EventDecision out;
  std::vector<Entries::value_type*> due;
  for (const EventOffer& offer : offers) {
    if (auto* series = OfferOne(offer, {now, wall}, &out)) due.push_back(series);
  }
  // The one that was not written for longest goes first, so that each has its turn.
  std::stable_sort(due.begin(), due.end(), [](const auto* a, const auto* b) {
    return a->second.written < b->second.written;
  });
  for (auto* series : due) {
    auto& [key, entry] = *series;
    if (!entry.pending && Spend(now)) Patch(key, &entry, &out);
  }
  for (auto& [key, entry] : entries_) {
    const bool silent = entry.observed + options_.silence <= now;
    if (entry.state != State::kActive || entry.pending || entry.ended || !silent) continue;
    entry.ended = true;
    if (entry.count >= 2 && entry.observed > entry.written && Spend(now)) Patch(key, &entry, &out);
  }
  Forget(now);
  return out;
}

EventBudget::Entries::value_type* EventBudget::OfferOne(const EventOffer& offer, const Clock& clock,
                                                        EventDecision* out) {
  auto& series = *entries_.try_emplace(KeyOf(offer)).first;
  auto& [key, entry] = series;
  const bool first = entry.state == State::kNew && entry.count == 0;
  entry.note = offer.note;
  entry.last_observed = clock.wall;
  entry.observed = clock.now;
  if (first && offer.shared && random_() >= options_.sampled) {
    entry.state = State::kSkipped;
    entry.count = 1;
    out->dropped.push_back(offer.note);
    return nullptr;
  }
  ++entry.count;
  if (entry.pending || entry.state == State::kSkipped) return nullptr;
  if (entry.state == State::kActive && !entry.ended) {
    return entry.written + options_.refresh <= clock.now ? &series : nullptr;
  }
  Create(key, &entry, clock, out);
  return nullptr;
}

void EventBudget::Create(const std::string& key, Entry* entry, const Clock& clock,
                         EventDecision* out) {
  const std::string object = ObjectOf(entry->note.target);
  const auto last = by_object_.find(object);
  const bool too_soon = last != by_object_.end() && last->second + options_.per_object > clock.now;
  if (too_soon || !Spend(clock.now)) {
    Drop(entry, out);
    return;
  }
  by_object_[object] = clock.now;
  entry->name = EventName(entry->note.target.name, Nanoseconds(clock.wall) + entries_.size());
  entry->count = 1;
  entry->ended = false;
  entry->pending = true;
  out->writes.push_back({key, entry->name, 0, clock.wall, entry->note});
}

void EventBudget::Patch(const std::string& key, Entry* entry, EventDecision* out) {
  entry->pending = true;
  out->writes.push_back({key, entry->name, entry->count, entry->last_observed, entry->note});
}

// Counted once; it is tried again at every offer, for nothing, until the budget allows it.
void EventBudget::Drop(Entry* entry, EventDecision* out) {
  if (entry->state != State::kDropped) out->dropped.push_back(entry->note);
  entry->state = State::kDropped;
}

void EventBudget::Written(const EventWrite& write, MonoTime now) {
  const auto found = entries_.find(write.key);
  if (found == entries_.end()) return;
  found->second.pending = false;
  found->second.state = State::kActive;
  found->second.written = now;
}

void EventBudget::Failed(const EventWrite& write, bool gone, MonoTime now) {
  const auto found = entries_.find(write.key);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.pending = false;
  if (write.count == 0) {
    entry.state = State::kDropped;  // tried again when the object's hour is over
  } else if (gone) {
    entry.ended = true;
  } else {
    entry.written = now;
  }
}

// What was not seen for an hour is new when it comes back.
void EventBudget::Forget(MonoTime now) {
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    return !entry.pending && entry.observed + options_.per_object <= now;
  });
  std::erase_if(by_object_,
                [&](const auto& item) { return item.second + options_.per_object <= now; });
  // A bound against a world that is wrong everywhere at once; what is lost is counted anew.
  while (entries_.size() > options_.most_remembered) entries_.erase(entries_.begin());
}

}  // namespace seccompd::kube
